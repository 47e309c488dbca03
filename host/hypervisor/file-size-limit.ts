import { readFile } from 'node:fs/promises'
import { run } from '@/platform/exec'
import type { VmRecord } from './vm-record'

/**
 * How long the qcow2 file of a volume of this size may become. It holds no more than the volume, and is longer: QEMU looks for room for a whole write in one place, and what discards have freed lies in pieces; half
 * as long again by an everyday order of writes and discards, and 3.2 times by the worst of writes of up to 1280 KiB, which is as much as Linux writes at once by itself (Robson 1977: 1 + ½ log2 of their clusters). What is not
 * used of it takes no room. Each kill of QEMU leaves some clusters in it that nobody uses again.
 */
export const fileBytesOf = (volumeBytes: number): number => 4 * volumeBytes + 2 ** 30

/** Of the largest volume, 16 TiB: as far as a VM may ever be let write a file. */
export const maxFileBytes = fileBytesOf(2 ** 44)

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
