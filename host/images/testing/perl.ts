import { readFile } from 'node:fs/promises'
import { run } from '@/platform/exec'
import { busyboxRoot } from '../sample/busybox'
import type { ArchiveEntry } from '../tar/archive'

/** A root file system of busybox and this machine's perl without its modules: enough to make any system call from inside a pod. */
export async function perlRoot(): Promise<ArchiveEntry[]> {
  const { stdout } = await run('ldd', ['/usr/bin/perl'])
  const libraries = [...new Set(stdout.match(/\/\S+/g))]
  const folders = [...new Set(libraries.flatMap((path) => path.split('/').slice(1, -1).map((_, depth, parts) => `${parts.slice(0, depth + 1).join('/')}/`)))]
  const program = async (path: string): Promise<ArchiveEntry> => ({ name: path.slice(1), mode: 0o755, content: await readFile(path) })
  return [...(await busyboxRoot()), ...folders.map((name) => ({ name })), ...(await Promise.all([...libraries, '/usr/bin/perl'].map(program)))]
}
