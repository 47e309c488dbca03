import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ExecError, run } from '@/platform/exec'
import { layerName } from '../file/layout'

/** Of a copy of a disk in a file: whether its ext4 has to replay its journal, by its superblock (Linux clears the flag when it has frozen or unmounted it), and what e2fsck complains of without that; nothing is changed. */
export async function ext4Of(raw: string): Promise<{ needsRecovery: boolean; problems: string }> {
  const { stdout } = await run('dumpe2fs', ['-h', raw])
  return { needsRecovery: /^Filesystem features:.* needs_recovery\b/m.test(stdout), problems: await problemsOf(raw) }
}

/** Has it replayed and checked as a guest has before it mounts it, and then looked at once more: as after a power cut. Throws what e2fsck says where that is not enough. */
export async function recoverExt4(raw: string): Promise<void> {
  // 1: errors were corrected, which a journal that was replayed is.
  await run('e2fsck', ['-p', raw]).catch(unlessCode(1))
  const problems = await problemsOf(raw)
  if (problems !== '') throw new Error(problems)
}

/** The last line of a file of its ext4, which needs no recovery. */
export async function lastLineOf(raw: string, path: string): Promise<string> {
  const { stdout } = await run('debugfs', ['-R', `cat ${path}`, raw])
  return stdout.trimEnd().split('\n').at(-1) ?? ''
}

/** Makes a copy of a snapshot of a store of files, by what its record says lies over what. */
export async function copyOfLayers(folder: string, raw: string): Promise<void> {
  const record = (await readdir(folder)).find((name) => name.endsWith('.json')) ?? ''
  const { layers } = z.object({ layers: z.array(z.string()) }).parse(JSON.parse(await readFile(join(folder, record), 'utf8')))
  const chain = layers.reduceRight<object | null>((backing, id) => ({ driver: 'qcow2', file: { driver: 'file', filename: join(folder, layerName(id)) }, backing }), null)
  await run('qemu-img', ['convert', '-U', '-O', 'raw', `json:${JSON.stringify(chain)}`, raw])
}

/** Empty: it has nothing to complain of. */
const problemsOf = async (raw: string): Promise<string> => {
  const { stdout } = await run('sh', ['-c', 'e2fsck -f -n "$1" 2>&1 || echo "it ended with $?"', 'sh', raw])
  return stdout.includes('it ended with') ? stdout : ''
}

const unlessCode = (code: number) => (error: unknown): void => {
  if (!(error instanceof ExecError) || error.code !== code) throw error
}
