import { once } from 'node:events'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { pack } from 'tar-stream'
import { expect, describe, it } from 'vitest'
import { run } from '@/platform/exec'
import { ImageError } from '../image-error'
import { tarArchive, type ArchiveEntry } from './archive'
import type { TarHeader } from './header'
import { readTar } from './reader'

/** Reads an archive that comes in pieces of `piece` bytes. */
async function read(tar: Buffer, piece = tar.length || 1): Promise<(TarHeader & { content: string })[]> {
  const source = async function* () {
    for (let at = 0; at < tar.length; at += piece) yield tar.subarray(at, at + piece)
  }
  const found = []
  for await (const { header, data } of readTar(source())) {
    const parts: Buffer[] = []
    for await (const part of data()) parts.push(part)
    found.push({ ...header, content: Buffer.concat(parts).toString('latin1') })
  }
  return found
}

const bytes = (max: number) => fc.uint8Array({ minLength: 1, maxLength: max }).map((array) => Buffer.from(array).toString('latin1').replaceAll('\0', 'x'))
const entry: fc.Arbitrary<ArchiveEntry> = fc.record({
  name: bytes(300).map((name) => `${name}.`),
  type: fc.constantFrom('file' as const, 'symlink' as const, 'link' as const, 'fifo' as const, 'directory' as const),
  mode: fc.nat(0o7777),
  uid: fc.nat(0xfffffffe),
  gid: fc.nat(0xfffffffe),
  mtime: fc.nat(0xffffffff),
  linkName: bytes(300),
  xattrs: fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,20}$/), fc.uint8Array({ maxLength: 300 })).map((all) => new Map(Object.entries(all).map(([key, value]) => [key, Buffer.from(value)]))),
})

describe('what is written', () => {
  it('is read back byte for byte, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(entry, bytes(2000)), { maxLength: 5 }), fc.integer({ min: 1, max: 3000 }), async (entries, piece) => {
        const all = entries.map(([header, content]) => ({ ...header, content: header.type === 'file' ? content : '' }))
        const found = await read(tarArchive(all.map((one) => ({ ...one, content: Buffer.from(one.content, 'latin1') }))), piece)
        expect(found.map(({ size: _size, ...rest }) => rest)).toEqual(all)
      }),
      { numRuns: 100 },
    )
  })
})

describe('other writers', () => {
  it('tar-stream', async () => {
    const archive = pack()
    const name = `${'directory/'.repeat(20)}ünïcode`
    archive.entry({ name, uid: 1000, mtime: new Date(5000), mode: 0o4755 }, 'content')
    archive.finalize()
    const parts: Buffer[] = []
    archive.on('data', (part) => parts.push(part instanceof Uint8Array ? Buffer.from(part) : Buffer.alloc(0)))
    await once(archive, 'end')
    expect(await read(Buffer.concat(parts), 7)).toMatchObject([{ name: Buffer.from(name).toString('latin1'), uid: 1000, mtime: 5, mode: 0o4755, content: 'content' }])
  })

  it.each(['gnu', 'oldgnu', 'pax', 'ustar', 'v7'])('GNU tar’s %s format', async (format) => {
    const folder = await mkdtemp(join(tmpdir(), 'tar-'))
    try {
      const long = format === 'v7' ? 'short' : `${'d'.repeat(90)}-${'e'.repeat(format === 'ustar' ? 5 : 100)}`
      await writeFile(join(folder, long), 'content')
      await symlink(format === 'v7' ? 'x' : 'x'.repeat(format === 'ustar' ? 99 : 200), join(folder, 'link'))
      await run('tar', [`--format=${format}`, '--owner=:70000', '--group=:5', '--mtime=@1700000000', '-cf', 'out.tar', long, 'link'], { cwd: folder })
      const [file, link] = await read(await readFile(join(folder, 'out.tar')), 1000)
      expect(file).toMatchObject({ name: long, type: 'file', uid: 70000, gid: 5, mtime: 1_700_000_000, content: 'content' })
      expect(link).toMatchObject({ name: 'link', type: 'symlink', linkName: expect.stringMatching(/^x+$/) })
      expect(link?.linkName.length).toBe(format === 'v7' ? 1 : format === 'ustar' ? 99 : 200)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('numbers in base 256, negative ones too', async () => {
    const tar = tarArchive([{ name: 'a' }])
    const set = (start: number, field: number[]) => Buffer.from(field).copy(tar, start)
    set(108, [0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff])
    set(136, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb])
    tar.write('        ', 148, 'latin1')
    const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0)
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    expect(await read(tar)).toMatchObject([{ uid: 0x7fffffff, mtime: -5 }])
  })
})

describe('damage', () => {
  it('is told as such, whatever it is, and never hangs', async () => {
    const tar = tarArchive([{ name: 'a'.repeat(150), content: 'x'.repeat(700), xattrs: new Map([['user.a', Buffer.from('b')]]) }, { name: 'b' }])
    await fc.assert(
      fc.asyncProperty(fc.nat(tar.length - 1), fc.nat(255), fc.nat(tar.length), async (at, value, length) => {
        const damaged = Buffer.from(tar.subarray(0, length))
        if (at < length) damaged[at] = value
        const error: unknown = await read(damaged, 512).catch((reason: unknown) => reason)
        if (!Array.isArray(error)) expect(error).toMatchObject({ name: 'ImageError', code: 'malformed' })
      }),
      { numRuns: 300 },
    )
  })
  it('a huge extended header is refused before it is held in memory', async () => {
    const tar = tarArchive([{ name: 'a', xattrs: new Map([['user.big', Buffer.alloc(2 << 20)]]) }])
    await expect(read(tar)).rejects.toThrow(ImageError)
  })
})
