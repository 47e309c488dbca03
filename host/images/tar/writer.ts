import { blockSize, encodeHeader, paddingOf, type TarHeader, type TarType } from './header'
import { encodePax } from './pax'

const flags: Readonly<Record<TarType, string>> = { file: '0', link: '1', symlink: '2', device: '3', directory: '5', fifo: '6' }

/** Two empty blocks end an archive. */
export const tarEnd = Buffer.alloc(2 * blockSize)

/** The zeros after `size` bytes of data. */
export const tarPadding = (size: number): Buffer => Buffer.alloc(paddingOf(size))

/** The blocks of a header: pax records for what ustar's fields cannot hold, then the ustar block. */
export function encodeEntry(header: TarHeader): Buffer {
  const records: [string, Buffer][] = []
  const add = (key: string, value: string) => records.push([key, Buffer.from(value, 'latin1')])
  if (header.name.length > 100) add('path', header.name)
  if (header.linkName.length > 100) add('linkpath', header.linkName)
  if (header.uid > 0o7777777) add('uid', String(header.uid))
  if (header.gid > 0o7777777) add('gid', String(header.gid))
  if (header.size > 0o77777777777) add('size', String(header.size))
  for (const [key, value] of header.xattrs) records.push([`SCHILY.xattr.${key}`, value])
  const block = encodeHeader({ ...header, flag: flags[header.type] })
  if (records.length === 0) return block
  const data = encodePax(records)
  const pax = encodeHeader({ name: 'pax', mode: 0o644, uid: 0, gid: 0, mtime: 0, size: data.length, flag: 'x', linkName: '' })
  return Buffer.concat([pax, data, tarPadding(data.length), block])
}
