/**
 * One entry of a tar archive. Names are the archive's bytes as a latin1 string, one character a byte: file names in
 * images need not be UTF-8 and must survive. `mtime` is seconds since 1970, `size` bytes.
 */
export type TarHeader = {
  name: string
  type: TarType
  mode: number
  uid: number
  gid: number
  mtime: number
  size: number
  linkName: string
  xattrs: ReadonlyMap<string, Buffer>
}
export type TarType = 'file' | 'directory' | 'symlink' | 'link' | 'fifo' | 'device'

export const blockSize = 512
export const noXattrs: ReadonlyMap<string, Buffer> = new Map()

/** The bytes after `size` bytes of data up to the next block. */
export const paddingOf = (size: number): number => (blockSize - (size % blockSize)) % blockSize

/** A block's own fields before pax records and GNU long names change them; `flag` is the type as one character. */
export type RawHeader = Omit<TarHeader, 'type' | 'xattrs'> & { flag: string }

const text = (block: Buffer, start: number, length: number): string => {
  const field = block.subarray(start, start + length)
  const end = field.indexOf(0)
  return field.toString('latin1', 0, end < 0 ? length : end)
}

/** Octal, or base 256 in two's complement where the first bit is set (GNU). NaN where it is neither. */
function number(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0
  if (first & 0x80) {
    let value = (first & 0x3f) - (first & 0x40)
    for (let i = 1; i < length; i++) value = value * 256 + (block[start + i] ?? 0)
    return Number.isSafeInteger(value) ? value : NaN
  }
  const digits = text(block, start, length).trim()
  if (digits === '') return 0
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN
}

/** The checksum is the sum of all bytes with its own field read as blanks; old writers summed signed bytes. */
function checksumFits(block: Buffer): boolean {
  let unsigned = 0
  let signed = 0
  for (let i = 0; i < blockSize; i++) {
    const byte = i >= 148 && i < 156 ? 32 : (block[i] ?? 0)
    unsigned += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  const stored = number(block, 148, 8)
  return stored === unsigned || stored === signed
}

/** Reads a header block; null where the checksum or a number is wrong. */
export function decodeHeader(block: Buffer): RawHeader | null {
  if (!checksumFits(block)) return null
  const posix = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = posix ? text(block, 345, 155) : ''
  const name = text(block, 0, 100)
  const header = {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    mtime: number(block, 136, 12),
    flag: String.fromCharCode(block[156] ?? 0),
    linkName: text(block, 157, 100),
  }
  const sound = [header.mode, header.uid, header.gid, header.size, header.mtime].every((n) => !Number.isNaN(n))
  return sound && header.size >= 0 ? header : null
}

const octal = (block: Buffer, value: number, start: number, length: number): void => {
  block.write(value.toString(8).padStart(length - 1, '0'), start, 'latin1')
}

/** Writes one POSIX ustar block. The caller puts what does not fit its fields into pax records before. */
export function encodeHeader(header: RawHeader): Buffer {
  const block = Buffer.alloc(blockSize)
  block.write(header.name.slice(0, 100), 0, 'latin1')
  octal(block, header.mode & 0o7777, 100, 8)
  octal(block, Math.min(header.uid, 0o7777777), 108, 8)
  octal(block, Math.min(header.gid, 0o7777777), 116, 8)
  octal(block, Math.min(header.size, 0o77777777777), 124, 12)
  octal(block, Math.max(0, Math.min(header.mtime, 0o77777777777)), 136, 12)
  block.write('        ', 148, 'latin1')
  block.write(header.flag, 156, 'latin1')
  block.write(header.linkName.slice(0, 100), 157, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}
