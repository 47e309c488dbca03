import { malformed } from '../image-error'
import { ByteReader } from './byte-reader'
import { blockSize, decodeHeader, noXattrs, paddingOf, type RawHeader, type TarHeader, type TarType } from './header'
import { decodePax, type PaxRecords } from './pax'

/** An entry and its data. The data must be read before the next entry is asked for; what is left is skipped. */
export type TarEntry = { header: TarHeader; data: () => AsyncGenerator<Buffer, void, undefined> }

/** The largest pax header or long name: Linux holds at most 64 KiB an xattr, and names 4 KiB. */
const maxExtendedBytes = 1 << 20

const types: Readonly<Record<string, TarType>> = {
  '0': 'file', '\0': 'file', '7': 'file', '1': 'link', '2': 'symlink', '3': 'device', '4': 'device', '5': 'directory', '6': 'fifo',
}

/** What comes before an entry and changes it. */
type Extension = { pax: PaxRecords | null; longName: string | null; longLink: string | null }

const cut = (data: Buffer): string => {
  const end = data.indexOf(0)
  return data.toString('latin1', 0, end < 0 ? data.length : end)
}

const decimal = (records: PaxRecords, key: string, fallback: number): number => {
  const value = records.get(key)?.toString('latin1')
  if (value === undefined) return fallback
  const parsed = /^-?[0-9]+(\.[0-9]*)?$/.test(value) ? Math.floor(Number(value)) : NaN
  if (!Number.isSafeInteger(parsed)) throw malformed(`A layer has the number "${value.slice(0, 40)}" for ${key}.`)
  return parsed
}

function xattrsOf(records: PaxRecords): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const [key, value] of records) {
    if (key.startsWith('SCHILY.xattr.')) found.set(key.slice('SCHILY.xattr.'.length), Buffer.from(value))
  }
  return found.size > 0 ? found : noXattrs
}

function withExtension(raw: RawHeader, { pax, longName, longLink }: Extension): TarHeader {
  const type = types[raw.flag]
  if (type === undefined) throw malformed(`A layer has an entry of the unknown type "${raw.flag}".`)
  if (pax && [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'))) throw malformed('A layer has a sparse file, which images must not have.')
  const records: PaxRecords = pax ?? new Map()
  const name = records.get('path')?.toString('latin1') ?? longName ?? raw.name
  // Before POSIX a directory was a file whose name ends in a slash.
  const kind = type === 'file' && name.endsWith('/') ? 'directory' : type
  const size = decimal(records, 'size', raw.size)
  if (size < 0) throw malformed('A layer has an entry of negative size.')
  return {
    name,
    type: kind,
    mode: raw.mode & 0o7777,
    uid: decimal(records, 'uid', raw.uid),
    gid: decimal(records, 'gid', raw.gid),
    mtime: decimal(records, 'mtime', raw.mtime),
    size: kind === 'file' ? size : 0,
    linkName: records.get('linkpath')?.toString('latin1') ?? longLink ?? raw.linkName,
    xattrs: xattrsOf(records),
  }
}

async function extended(reader: ByteReader, size: number): Promise<Buffer> {
  if (size > maxExtendedBytes) throw malformed(`A layer has an extended header of ${size} bytes; at most ${maxExtendedBytes} are allowed.`)
  return Buffer.from((await whole(reader, size + paddingOf(size))).subarray(0, size))
}

async function whole(reader: ByteReader, size: number): Promise<Buffer> {
  const data = await reader.take(size)
  if (data.length < size) throw malformed('A layer ends in the middle of an entry.')
  return data
}

async function* dataOf(reader: ByteReader, left: { bytes: number }): AsyncGenerator<Buffer, void, undefined> {
  while (left.bytes > 0) {
    const part = await reader.some(left.bytes)
    if (part === null) throw malformed('A layer ends in the middle of a file.')
    left.bytes -= part.length
    yield part
  }
}

/**
 * Reads a tar archive (ustar, pax, GNU long names) as a stream. Own code rather than a package because file names and
 * xattr values must stay bytes, and extended headers must be bounded before they are held in memory. Sparse files and
 * unknown types are refused. Reads to the end of `source`, past the archive's end. Throws {@link ImageError} malformed.
 */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void, undefined> {
  const reader = new ByteReader(source)
  try {
    let extension: Extension = { pax: null, longName: null, longLink: null }
    for (;;) {
      const block = await reader.take(blockSize)
      if (block.length === 0) return
      if (block.length < blockSize) throw malformed('A layer ends in the middle of a header.')
      if (block.every((byte) => byte === 0)) break
      const raw = decodeHeader(block)
      if (raw === null) throw malformed('A layer is no tar archive, or is damaged: a header has a wrong checksum.')
      if (raw.flag === 'x') extension.pax = decodePax(await extended(reader, raw.size)) ?? fail()
      else if (raw.flag === 'L') extension.longName = cut(await extended(reader, raw.size))
      else if (raw.flag === 'K') extension.longLink = cut(await extended(reader, raw.size))
      else if (raw.flag === 'g') await extended(reader, raw.size)
      else {
        const header = withExtension(raw, extension)
        extension = { pax: null, longName: null, longLink: null }
        const left = { bytes: header.size }
        yield { header, data: () => dataOf(reader, left) }
        for await (const rest of dataOf(reader, left)) void rest
        await whole(reader, paddingOf(header.size))
      }
    }
    while ((await reader.some(1 << 20)) !== null);
  } finally {
    await reader.close()
  }
}

function fail(): never {
  throw malformed('A layer has a damaged pax header.')
}
