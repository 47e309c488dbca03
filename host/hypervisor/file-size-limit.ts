import { readFile } from 'node:fs/promises'
import { run } from '@/platform/exec'
import type { VmRecord } from './vm-record'

/** The largest volume, 16 TiB, as a qcow2 file with its tables: as far as a VM may ever be let write a file. */
export const maxFileBytes = Math.ceil(1.02 * 2 ** 44)

/** A qcow2 file of a volume of this size is never larger: 1/4000 of it are tables, and an empty one has some hundred kB of them. */
export const fileBytesOf = (volumeBytes: number): number => Math.min(maxFileBytes, Math.ceil(1.02 * volumeBytes) + 16 * 2 ** 20)

/** How large the process may make a file now, and how far that may be raised: Infinity for no bound. Throws where it has ended. */
export async function fileSizeLimitOf(pid: number): Promise<{ soft: number; hard: number }> {
  const [, soft, hard] = /^Max file size +(\S+) +(\S+)/m.exec(await readFile(`/proc/${pid}/limits`, 'utf8')) ?? []
  const bytes = (text?: string) => (text === 'unlimited' ? Infinity : Number(text))
  return { soft: bytes(soft), hard: bytes(hard) }
}

/**
 * Lets a VM write files of this size, where it may not yet: it is started with its scratch disk's size as the bound. The change is asked for as the VM's own user,
 * which needs no capability: root here may lack the one for it. Throws ExecError where the hard limit is lower, or the VM has ended.
 */
export async function allowFileSize({ uid, process: { pid } }: Pick<VmRecord, 'uid' | 'process'>, bytes: number): Promise<void> {
  const { soft, hard } = await fileSizeLimitOf(pid)
  if (soft >= bytes) return
  const most = Number.isFinite(hard) ? String(hard) : 'unlimited'
  await run('setpriv', ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', 'prlimit', '--pid', String(pid), `--fsize=${bytes}:${most}`], { timeoutMs: 10_000 })
}
