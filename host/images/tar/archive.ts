import { noXattrs, type TarHeader } from './header'
import { encodeEntry, tarEnd, tarPadding } from './writer'

/**
 * An entry of an archive that is made here: what is left out is mode 0644 (0755 for directories), owner root, time
 * 1970. A name that ends in a slash is a directory.
 */
export type ArchiveEntry = Partial<Omit<TarHeader, 'size'>> & { name: string; content?: string | Buffer }

/** A whole tar archive in memory. Nothing is checked, so that tests can also write what no builder would. */
export function tarArchive(entries: readonly ArchiveEntry[]): Buffer {
  const blocks = entries.flatMap(({ content = '', ...entry }) => {
    const data = Buffer.from(content)
    const type = entry.type ?? (entry.name.endsWith('/') ? 'directory' : 'file')
    const mode = type === 'directory' ? 0o755 : type === 'symlink' ? 0o777 : 0o644
    const header: TarHeader = { type, mode, uid: 0, gid: 0, mtime: 0, linkName: '', xattrs: noXattrs, ...entry, size: data.length }
    return [encodeEntry(header), data, tarPadding(data.length)]
  })
  return Buffer.concat([...blocks, tarEnd])
}
