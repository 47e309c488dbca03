import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageError } from '../image-error'
import { readTar } from '../tar/reader'
import { tarArchive, type ArchiveEntry } from '../tar/archive'
import { defaultLimits, type ImageLimits } from './limits'
import { scanLayers, writeImage } from './merge'

let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'merge-'))))
afterAll(() => rm(folder, { recursive: true }))

let files = 0
async function merge(layers: readonly (readonly ArchiveEntry[] | Buffer)[], limits: ImageLimits = defaultLimits, pack: (tar: Buffer) => Buffer = (tar) => tar) {
  const stored = await Promise.all(
    layers.map(async (layer) => {
      const tar = Buffer.isBuffer(layer) ? layer : tarArchive(layer)
      const path = join(folder, String(files++))
      await writeFile(path, pack(tar))
      return { path, diffId: `sha256:${createHash('sha256').update(tar).digest('hex')}` }
    }),
  )
  const overlay = await scanLayers(stored, limits)
  const written: Buffer[] = []
  await writeImage(overlay, stored, { write: async (bytes) => void written.push(Buffer.from(bytes)) })
  return { overlay, tar: Buffer.concat(written) }
}

/** The merged image as `path → content`; `path → @target` for links, `path/ → mode` for directories. */
async function merged(...layers: readonly (readonly ArchiveEntry[])[]): Promise<Record<string, string>> {
  const { tar } = await merge(layers)
  return content(tar)
}

async function content(tar: Buffer): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const source = async function* () {
    yield tar
  }
  for await (const { header, data } of readTar(source())) {
    const parts: Buffer[] = []
    for await (const part of data()) parts.push(part)
    expect(found[header.name]).toBeUndefined()
    if (header.type === 'directory') found[header.name] = header.mode.toString(8)
    else if (header.type === 'link') found[header.name] = found[header.linkName] ?? 'dangling'
    else found[header.name] = header.type === 'symlink' ? `@${header.linkName}` : Buffer.concat(parts).toString()
  }
  return found
}

async function failure(layers: readonly (readonly ArchiveEntry[] | Buffer)[], limits?: ImageLimits, pack?: (tar: Buffer) => Buffer): Promise<ImageError> {
  const error: unknown = await merge(layers, limits, pack).then(
    () => new Error('was accepted'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof ImageError)) throw error
  return error
}

const link = (name: string, linkName: string): ArchiveEntry => ({ name, type: 'link', linkName })
const symlink = (name: string, linkName: string): ArchiveEntry => ({ name, type: 'symlink', linkName })

describe('layers', () => {
  it('later ones win', async () => {
    expect(await merged([{ name: 'a', content: '1' }, { name: 'b', content: '1' }], [{ name: './a', content: '2' }])).toEqual({ a: '2', b: '1' })
  })
  it('a directory keeps its children and takes the later attributes', async () => {
    expect(await merged([{ name: 'd/', mode: 0o700 }, { name: 'd/a', content: '1' }], [{ name: 'd/', mode: 0o1777 }])).toEqual({ 'd/': '1777', 'd/a': '1' })
  })
  it('a file replaces a directory and the other way round', async () => {
    expect(await merged([{ name: 'd/a', content: '1' }, { name: 'f' }], [{ name: 'd', content: 'file' }, { name: 'f/x', content: 'x' }])).toEqual({ d: 'file', 'f/': '755', 'f/x': 'x' })
  })
  it('of one name twice in a layer the last wins', async () => {
    expect(await merged([{ name: 'a', content: '1' }, { name: 'a', content: '22' }])).toEqual({ a: '22' })
  })
  it.each([['gzip', gzipSync], ['plain', (tar: Buffer) => tar]])('%s is read', async (_, pack) => {
    const { tar } = await merge([[{ name: 'a', content: 'x'.repeat(1_000_000) }]], defaultLimits, pack)
    expect((await content(tar)).a).toHaveLength(1_000_000)
  })
})

describe('whiteouts', () => {
  it('hide a file and a whole directory of the layers below', async () => {
    const below = [{ name: 'a', content: '1' }, { name: 'd/x', content: 'x' }, { name: 'keep', content: 'k' }]
    expect(await merged(below, [{ name: '.wh.a' }, { name: '.wh.d' }])).toEqual({ keep: 'k' })
  })
  it.each([
    ['before', [{ name: 'd/.wh..wh..opq' }, { name: 'd/new', content: 'n' }]],
    ['after', [{ name: 'd/new', content: 'n' }, { name: 'd/.wh..wh..opq' }]],
  ])('an opaque one hides the layers below only, %s its siblings', async (_, layer) => {
    expect(await merged([{ name: 'd/old', content: 'o' }, { name: 'd/sub/old' }], layer)).toEqual({ 'd/': '755', 'd/new': 'n' })
  })
  it('do not hide their own layer, and leave no file', async () => {
    expect(await merged([{ name: 'a', content: '1' }], [{ name: 'a', content: '2' }, { name: '.wh.a' }])).toEqual({ a: '2' })
  })
  it('of what does not exist do nothing', async () => {
    expect(await merged([{ name: 'a' }], [{ name: 'x/y/.wh.z' }, { name: '.wh..wh.plnk/', type: 'directory' }])).toEqual({ a: '' })
  })
  it('a file that comes back is the new one', async () => {
    expect(await merged([{ name: 'a', content: '1' }], [{ name: '.wh.a' }], [{ name: 'a', content: '3' }])).toEqual({ a: '3' })
  })
  it('of nothing are refused', async () => {
    for (const name of ['.wh.', 'd/.wh..', '.wh...']) expect((await failure([[{ name }]])).code).toBe('malformed')
  })
})

describe('links', () => {
  it('a hard link keeps its content when its target is hidden or replaced', async () => {
    const below = [{ name: 'a', content: 'inode' }, link('b', 'a')]
    expect(await merged(below, [{ name: '.wh.a' }])).toEqual({ b: 'inode' })
    expect(await merged(below, [{ name: 'a', content: 'new' }])).toEqual({ a: 'new', b: 'inode' })
  })
  it('a hard link may point into a lower layer', async () => {
    expect(await merged([{ name: 'x/a', content: 'low' }], [link('b', './x/a')])).toEqual({ 'x/': '755', 'x/a': 'low', b: 'low' })
  })
  it('a parent that is a symlink is followed inside the image', async () => {
    expect(await merged([{ name: 'usr/lib/a', content: '1' }, symlink('lib', 'usr/lib')], [{ name: 'lib/b', content: '2' }, { name: 'lib/.wh.a' }])).toEqual({
      'usr/': '755', 'usr/lib/': '755', lib: '@usr/lib', 'usr/lib/b': '2',
    })
    expect(await merged([symlink('out', '../../../../etc')], [{ name: 'out/passwd', content: 'mine' }])).toEqual({ out: '@../../../../etc', 'etc/': '755', 'etc/passwd': 'mine' })
  })
  it('symlinks may point anywhere: nothing of the host is there', async () => {
    expect(await merged([symlink('s', '/../../etc/passwd')])).toEqual({ s: '@/../../etc/passwd' })
  })
})

describe('refused', () => {
  it.each<[string, ArchiveEntry[], string]>([
    ['names that climb', [{ name: 'a/../../x' }], 'out of the image'],
    ['absolute names', [{ name: '/etc/x' }], 'absolute'],
    ['hard links that climb', [link('a', '../x')], 'out of the image'],
    ['absolute hard links', [link('a', '/etc/shadow')], 'absolute'],
    ['hard links to nothing', [link('a', 'b')], 'does not have'],
    ['hard links to a directory', [{ name: 'd/' }, link('a', 'd')], 'a directory'],
    ['a root that is a file', [{ name: '.', type: 'file' }], 'root'],
    ['circles of symlinks', [symlink('a', 'b'), symlink('b', 'a'), { name: 'a/x' }], 'symbolic links'],
    ['long names', [{ name: 'x'.repeat(256) }], '255'],
    ['long paths', [{ name: 'x/'.repeat(2100) }], '4095'],
    ['deep paths', [{ name: 'x/'.repeat(1100) }], 'deep'],
    ['long paths made with symlinks', [{ name: 'a/'.repeat(900) }, symlink('s', 'a/'.repeat(900)), { name: `s/${'b/'.repeat(900)}` }], 'deep'],
    ['huge attributes', [{ name: 'a', xattrs: new Map([['user.x', Buffer.alloc(70_000)]]) }], 'attribute'],
    ['unknown owners', [{ name: 'a', uid: 2 ** 40 }], 'owner'],
  ])('%s', async (_, layer, message) => {
    const error = await failure([layer])
    expect(error.code).toBe('malformed')
    expect(error.message).toContain(message)
  })
  it('another content than promised', async () => {
    const path = join(folder, 'other')
    await writeFile(path, tarArchive([{ name: 'a' }]))
    await expect(scanLayers([{ path, diffId: `sha256:${'0'.repeat(64)}` }], defaultLimits)).rejects.toMatchObject({ code: 'malformed' })
  })
  it.each([
    ['half an archive', tarArchive([{ name: 'a', content: 'x'.repeat(5000) }]).subarray(0, 3000), undefined, 'middle of a file'],
    ['no archive', Buffer.alloc(2048, 'x'), undefined, 'checksum'],
    ['damaged gzip', tarArchive([{ name: 'a', content: 'abc' }]), (tar: Buffer) => gzipSync(tar).subarray(0, 60), 'gzip'],
    ['damaged zstd', tarArchive([]), () => Buffer.from('28b52ffd00', 'hex'), 'zstd'],
    ['xz', tarArchive([]), () => Buffer.from('fd377a585a0000', 'hex'), 'xz'],
  ])('%s', async (_, layer, pack, message) => {
    expect((await failure([layer], undefined, pack)).message).toContain(message)
  })
})

describe('limits', () => {
  it('a bomb of zeros stops at the limit', async () => {
    const bomb = tarArchive([{ name: 'zeros', content: Buffer.alloc(50 << 20) }])
    expect((await failure([bomb], { ...defaultLimits, maxBytes: 1 << 20 }, (tar) => gzipSync(tar))).code).toBe('too-large')
  })
  it('too many entries, directories that only names imply included', async () => {
    const limits = { ...defaultLimits, maxEntries: 10 }
    expect((await failure([Array.from({ length: 11 }, (_, i) => ({ name: `f${i}` }))], limits)).code).toBe('too-large')
    expect((await failure([[{ name: 'a/b/c/d/e/f/g/h/i/j/k' }]], limits)).code).toBe('too-large')
  })
  it('too much held in memory', async () => {
    const entries = Array.from({ length: 20 }, (_, i) => ({ name: `f${i}`, xattrs: new Map([['user.x', Buffer.alloc(60_000)]]) }))
    expect((await failure([entries], { ...defaultLimits, maxMetadataBytes: 1 << 20 })).code).toBe('too-large')
  })
  it('whiteouts of one large tree again and again', async () => {
    const own = Array.from({ length: 200 }, (_, i) => ({ name: `d/f${i}` }))
    const again = Array.from({ length: 250 }, () => ({ name: 'd/.wh..wh..opq' }))
    expect((await failure([[...own, ...again]], { ...defaultLimits, maxEntries: 460 })).message).toContain('steps')
  })
})

describe('attributes', () => {
  it('drops devices, hiding what was there, and attributes that steer an overlay', async () => {
    const { overlay, tar } = await merge([
      [{ name: 'dev/null', type: 'device' }, { name: 'gone', content: '1' }],
      [{ name: 'gone', type: 'device' }, { name: 'x', xattrs: new Map([['trusted.overlay.opaque', Buffer.from('y')], ['user.k', Buffer.from('v')]]) }],
    ])
    expect(overlay.dropped).toEqual({ devices: 2, xattrs: 1 })
    expect(await content(tar)).toEqual({ 'dev/': '755', x: '' })
  })
})

/** A slow and obvious model: apply each layer to a map of paths, whiteouts first. */
function model(layers: readonly (readonly ArchiveEntry[])[]): Record<string, string> {
  const paths = new Map<string, string>()
  const drop = (prefix: string) => [...paths.keys()].filter((path) => path === prefix || path.startsWith(`${prefix}/`)).forEach((path) => paths.delete(path))
  for (const layer of layers) {
    for (const { name } of layer) {
      const [, parent = '', base = ''] = /^(.*\/)?([^/]*)$/.exec(name) ?? []
      if (base === '.wh..wh..opq') [...paths.keys()].filter((path) => path.startsWith(parent)).forEach((path) => paths.delete(path))
      else if (base.startsWith('.wh.')) drop(parent + base.slice(4))
    }
    const makeDirectory = (parts: readonly string[]) => {
      for (let i = 1; i <= parts.length; i++) {
        const path = parts.slice(0, i).join('/')
        if (paths.get(path) !== 'dir') drop(path)
        paths.set(path, 'dir')
      }
    }
    for (const { name, content = '' } of layer) {
      const parts = name.split('/')
      if (name.endsWith('.opq')) makeDirectory(parts.slice(0, -1))
      if (name.includes('.wh.')) continue
      makeDirectory(parts.slice(0, -1))
      drop(name)
      paths.set(name, `f${String(content)}`)
    }
  }
  return Object.fromEntries([...paths].map(([path, value]) => (value === 'dir' ? [`${path}/`, '755'] : [path, value.slice(1)])))
}

it('agrees with a slow model on random layers', async () => {
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  const file = fc.tuple(path, fc.stringMatching(/^[0-9]{1,3}$/)).map(([name, content]): ArchiveEntry => ({ name, content }))
  const whiteout = path.map((name): ArchiveEntry => ({ name: name.replace(/[^/]*$/, '.wh.$&') }))
  const opaque = path.map((name): ArchiveEntry => ({ name: `${name}/.wh..wh..opq` }))
  // Whiteouts first, as builders write them; the entries of a layer do not turn files of its own into directories.
  const layer = fc.tuple(fc.array(fc.oneof(whiteout, opaque), { maxLength: 2 }), fc.array(file, { maxLength: 5 })).map(([hidden, shown]) => [...hidden, ...shown])
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 4 }), async (layers) => {
      expect(await merged(...layers)).toEqual(model(layers))
    }),
    { numRuns: 200 },
  )
})
