import { noXattrs, type TarHeader } from '../tar/header'
import { encodeEntry, tarEnd, tarPadding } from '../tar/writer'

/** An entry of a layer for tests: what is left out is 0644 (0755 for directories), root's, from 1970. */
export type LayerEntry = Partial<Omit<TarHeader, 'size'>> & { name: string; content?: string | Buffer }

/** A layer's tar bytes. Nothing is checked, so that tests can write what no builder would. */
export function layerTar(entries: readonly LayerEntry[]): Buffer {
  const blocks = entries.flatMap(({ content = '', ...entry }) => {
    const data = Buffer.from(content)
    const type = entry.type ?? (entry.name.endsWith('/') ? 'directory' : 'file')
    const mode = type === 'directory' ? 0o755 : 0o644
    const header: TarHeader = { type, mode, uid: 0, gid: 0, mtime: 0, linkName: '', xattrs: noXattrs, ...entry, size: data.length }
    return [encodeEntry(header), data, tarPadding(data.length)]
  })
  return Buffer.concat([...blocks, tarEnd])
}

/** Files by path, as a layer's entries; a path that ends in a slash is a directory. */
export const filesAsEntries = (files: Readonly<Record<string, string | Buffer>>): LayerEntry[] =>
  Object.entries(files).map(([name, content]) => ({ name, content }))
