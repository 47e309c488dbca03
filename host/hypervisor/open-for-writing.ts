import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A file by its file system and number: other names of it are the same file. */
type FileKey = string

const keyOf = async (path: string): Promise<FileKey | null> => {
  const file = await stat(path, { bigint: true }).catch(() => null)
  return file && `${file.dev}:${file.ino}`
}

/**
 * Which of these files a process has open for writing, or mapped so: the kernel's word, whatever the process says. What lies unreceived in one of its sockets is not
 * seen. None of a process that has ended.
 */
export async function openForWriting(pid: number, files: readonly string[]): Promise<string[]> {
  const proc = `/proc/${pid}`
  const written = new Set<FileKey | null>()
  await Promise.all((await readdir(join(proc, 'fd')).catch(() => [])).map(async (fd) => {
    const flags = /^flags:\s+([0-7]+)/m.exec(await readFile(join(proc, 'fdinfo', fd), 'utf8').catch(() => ''))?.[1]
    if (flags !== undefined && (parseInt(flags, 8) & 3) !== 0) written.add(await keyOf(join(proc, 'fd', fd)))
  }))
  for (const [, range] of (await readFile(join(proc, 'maps'), 'utf8').catch(() => '')).matchAll(/^([0-9a-f]+-[0-9a-f]+) .w.s \S+ \S+ [1-9]/gm)) written.add(await keyOf(join(proc, 'map_files', range ?? '')))
  const keys = await Promise.all(files.map(keyOf))
  return files.filter((_, i) => keys[i] !== null && written.has(keys[i] ?? null))
}
