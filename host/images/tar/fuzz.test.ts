import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { tarArchive } from './archive'
import { blockSize, paddingOf } from './header'
import { encodePax } from './pax'
import { readTar } from './reader'

/** What a reader makes of bytes: how many entries and bytes of content it gave, and how it ended. Anything but an ImageError is thrown on. */
async function outcome(tar: Buffer, piece: number): Promise<{ entries: number; bytes: number; names: string[]; failed: boolean }> {
  const source = async function* () {
    for (let at = 0; at < tar.length; at += piece) yield tar.subarray(at, at + piece)
  }
  const seen = { entries: 0, bytes: 0, names: [] as string[], failed: false }
  try {
    for await (const { header, data } of readTar(source())) {
      seen.entries += 1
      seen.names.push(header.name)
      expect(Number.isSafeInteger(header.size) && header.size >= 0 && header.mode <= 0o7777).toBe(true)
      for await (const part of data()) seen.bytes += part.length
    }
  } catch (error) {
    expect(error).toMatchObject({ name: 'ImageError', code: 'malformed' })
    seen.failed = true
  }
  // It never makes more of an archive than there is.
  expect(seen.bytes).toBeLessThanOrEqual(tar.length)
  expect(seen.entries).toBeLessThanOrEqual(tar.length / blockSize)
  return seen
}

/** A header whose fields are any bytes and whose checksum is right, so that the reader looks at them. */
function block(fields: readonly [number, Buffer][]): Buffer {
  const made = Buffer.from(tarArchive([{ name: 'entry', content: '' }]).subarray(0, blockSize))
  for (const [at, bytes] of fields) bytes.copy(made, at, 0, Math.min(bytes.length, blockSize - at))
  made.write('        ', 148, 'latin1')
  made.write(`${made.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return made
}

const raw = (max: number) => fc.uint8Array({ maxLength: max }).map((bytes) => Buffer.from(bytes))
const octal = fc.oneof(fc.nat(5000), fc.constantFrom(0, 511, 512, 513, 2 ** 31, 2 ** 33 - 1)).map((value) => Buffer.from(`${value.toString(8).padStart(11, '0')}\0`))
const base256 = fc.uint8Array({ minLength: 11, maxLength: 11 }).chain((bytes) => fc.constantFrom(0x80, 0xff, 0xc0, 0xbf).map((first) => Buffer.from([first, ...bytes])))
const number = fc.oneof(octal, base256, raw(12))
const flag = fc.oneof(fc.constantFrom(...'01234567xgLKSVMDN\0'), fc.string({ minLength: 1, maxLength: 1 })).map((one) => Buffer.from(one, 'latin1'))
const record = fc.tuple(fc.oneof(fc.constantFrom('path', 'linkpath', 'size', 'uid', 'gid', 'mtime', 'GNU.sparse.major', 'GNU.sparse.size', 'SCHILY.xattr.user.a'), fc.string({ maxLength: 10 })), fc.oneof(raw(30), fc.constantFrom('-1', '1e9', '99999999999999999999', '0', '0x10', '1.5', '').map((text) => Buffer.from(text))))
const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(paddingOf(bytes.length))])
const sized = (type: string, bytes: Buffer) => Buffer.concat([block([[124, Buffer.from(`${bytes.length.toString(8).padStart(11, '0')}\0`)], [156, Buffer.from(type)]]), padded(bytes)])
const extension = fc.oneof(
  fc.array(record, { maxLength: 4 }).map((records) => sized('x', encodePax(records))),
  raw(200).map((bytes) => sized('x', bytes)),
  fc.tuple(fc.constantFrom('L', 'K', 'g'), raw(700)).map(([type, bytes]) => sized(type, bytes)),
)
const header = fc.tuple(flag, number, number, number, raw(100), raw(100), raw(8), raw(155), raw(1500)).map(([type, size, uid, mtime, name, link, magic, prefix, data]) =>
  Buffer.concat([block([[0, name], [108, uid.subarray(0, 8)], [124, size], [136, mtime], [156, type], [157, link], [257, magic.length > 4 ? magic : Buffer.from('ustar\0')], [345, prefix]]), padded(data)]))

describe('any bytes', () => {
  it('that look like headers, pax records, long names and sparse files end as entries or as ImageErrors', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(header, extension, raw(600).map(padded)), { maxLength: 8 }), fc.integer({ min: 1, max: 2000 }), async (parts, piece) => {
        await outcome(Buffer.concat(parts), piece)
      }),
      { numRuns: fuzzRuns(400) },
    )
  }, fuzzTimeout(20_000))

  it('in an archive cut anywhere or changed in several places are told, and what comes before them is read the same', async () => {
    const entries = Array.from({ length: 6 }, (_, i) => ({ name: `${'n'.repeat(40 * i)}${i}`, content: 'x'.repeat(300 * i), xattrs: new Map([['user.a', Buffer.alloc(50 * i)]]) }))
    const whole = tarArchive(entries)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }), fc.nat(whole.length), fc.integer({ min: 1, max: 4000 }), async (changes, length, piece) => {
        const changed = Buffer.from(whole.subarray(0, length))
        for (const [at, value] of changes) if (at < length) changed[at] = value
        const first = Math.min(length, ...changes.map(([at]) => at))
        const sound = entries.filter((_, i) => tarArchive(entries.slice(0, i + 1)).length - 2 * blockSize <= first).map(({ name }) => name)
        const { names } = await outcome(changed, piece)
        expect(names.slice(0, sound.length)).toEqual(sound)
      }),
      { numRuns: fuzzRuns(200) },
    )
  }, fuzzTimeout(20_000))
})
