/** The two things that a transfer of one file needs of tar: the block before its bytes, and reading it back. */

export const blockSize = 512
export const paddingOf = (size: number): number => (blockSize - (size % blockSize)) % blockSize
/** Two empty blocks end an archive. */
export const endOfArchive = Buffer.alloc(2 * blockSize)

const checksumField = { start: 148, end: 156 }

function header(name: Buffer, size: number, flag: '0' | 'x', modifiedAt: number): Buffer {
  const block = Buffer.alloc(blockSize)
  name.copy(block, 0, 0, 100)
  block.write('0000644\x000000000\x000000000\x00', 100, 'latin1')
  block.write(`${size.toString(8).padStart(11, '0')}\x00`, 124, 'latin1')
  block.write(`${Math.floor(modifiedAt / 1000).toString(8).padStart(11, '0')}\x00`, 136, 'latin1')
  block.write('        ', checksumField.start, 'latin1')
  block.write(flag, 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\x00 `, checksumField.start, 'latin1')
  return block
}

/** `length key=value\n`, whose length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  length = rest + String(length).length
  return Buffer.from(`${length} ${key}=${value}\n`)
}

/** What comes before the bytes of a regular file of mode 0644: ustar, with pax records for a long name or more than 8 GiB. */
export function fileHeader(name: string, size: number, modifiedAt: number): Buffer {
  const bytes = Buffer.from(name)
  const records = [...(bytes.length > 100 ? [paxRecord('path', name)] : []), ...(size > 0o77777777777 ? [paxRecord('size', String(size))] : [])]
  const own = header(bytes, Math.min(size, 0o77777777777), '0', modifiedAt)
  if (records.length === 0) return own
  const pax = Buffer.concat(records)
  return Buffer.concat([header(Buffer.from('pax'), pax.length, 'x', modifiedAt), pax, Buffer.alloc(paddingOf(pax.length)), own])
}

export type TarFile = { name: string; size: number }
type Raw = TarFile & { flag: string }

const text = (field: Buffer): string => field.toString('utf8', 0, field.indexOf(0) < 0 ? field.length : field.indexOf(0))

/** Octal, or base 256 where the first bit is set, as GNU's and busybox' tar write what is larger than 8 GiB. */
function sizeOf(field: Buffer): number {
  if ((field[0] ?? 0) & 0x80) return field.subarray(4).reduce((sum, byte) => sum * 256 + byte, 0)
  return Number.parseInt(text(field).trim() || '0', 8)
}

function decode(block: Buffer): Raw {
  const sum = block.reduce((total, byte, at) => total + (at >= checksumField.start && at < checksumField.end ? 32 : byte), 0)
  if (sum !== Number.parseInt(text(block.subarray(checksumField.start, checksumField.end)).trim(), 8)) throw new Error('this is no tar stream')
  const size = sizeOf(block.subarray(124, 136))
  if (!Number.isSafeInteger(size) || size < 0) throw new Error('a tar entry has no size')
  return { name: text(block.subarray(0, 100)), size, flag: String.fromCharCode(block[156] ?? 0) }
}

/** The largest extended header that is read; a path is at most 4 KiB. */
const maxExtended = 64 << 10

/** Bytes of a stream in pieces that the caller asks for. */
export class Bytes {
  private rest: Buffer = Buffer.alloc(0)
  constructor(private readonly source: AsyncIterator<Buffer>) {}

  async exactly(count: number): Promise<Buffer> {
    while (this.rest.length < count) {
      const next = await this.next()
      this.rest = this.rest.length === 0 ? next : Buffer.concat([this.rest, next])
    }
    const taken = this.rest.subarray(0, count)
    this.rest = this.rest.subarray(count)
    return taken
  }

  private async next(): Promise<Buffer> {
    const next = await this.source.next()
    if (next.done) throw new Error('the tar stream ended too early')
    return next.value
  }

  /** `count` bytes in the pieces in which they come. */
  async *pieces(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      if (this.rest.length === 0) this.rest = await this.next()
      const piece = this.rest.subarray(0, left)
      this.rest = this.rest.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }
}

/**
 * Reads up to the bytes of the archive's first entry. Null where it is no regular file. Throws an Error where the stream
 * is no tar.
 */
export async function firstFile(bytes: Bytes): Promise<TarFile | null> {
  let size: number | null = null
  for (;;) {
    const entry = decode(await bytes.exactly(blockSize))
    if (['x', 'g', 'L', 'K'].includes(entry.flag)) {
      if (entry.size > maxExtended) throw new Error('a tar entry has a name that is too long')
      const data = await bytes.exactly(entry.size + paddingOf(entry.size))
      const own = entry.flag === 'x' ? / size=(\d{1,15})\n/.exec(data.toString('latin1', 0, entry.size))?.[1] : undefined
      if (own !== undefined) size = Number(own)
    } else return entry.flag === '0' || entry.flag === '\0' ? { name: entry.name, size: size ?? entry.size } : null
  }
}
