import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { tarArchive, type ArchiveEntry } from '../tar/archive'
import { startRegistry, type TestRegistry } from '../testing/registry'
import { cat, failure, storeFixture } from '../testing/store-fixture'
import type { Upload } from './import-upload'

let registry: TestRegistry
beforeAll(async () => {
  registry = await startRegistry()
  await registry.push('app:1', { layers: [[{ name: 'bin/' }, { name: 'which', content: 'one' }], [{ name: 'more', content: 'm'.repeat(50_000) }]], config: { Cmd: ['/which'] } })
  await registry.pushIndex('multi:1', { 'linux/arm64': { files: { which: 'arm' } }, 'linux/amd64': { files: { which: 'amd' } } })
})
afterAll(() => registry.stop())
const fixture = storeFixture(() => registry.host)
const { open, leftovers } = fixture

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')
let fetches = 0
const uploadOf = (archive: Buffer, over: Partial<Upload> = {}): Upload => ({
  id: sha256(archive).slice(0, 32),
  digest: `sha256:${sha256(archive)}`,
  bytes: archive.length,
  fetch: async (write) => {
    fetches += 1
    for (let at = 0; at < archive.length; at += 60_000) await write(archive.subarray(at, at + 60_000))
  },
  ...over,
})
async function archiveOf(image: string, format: string): Promise<Buffer> {
  const path = join(fixture.folder, `${format}.tar`)
  await run('skopeo', ['copy', '--quiet', '--src-tls-verify=false', `docker://${registry.host}/${image}`, `${format}:${path}:app:1`])
  return readFile(path)
}
const noise = randomBytes(20_000)
/** An archive as `docker save` writes it, from any layers. */
function dockerArchive(layers: Buffer[], more: ArchiveEntry[] = [], tags = ['app:1']): Buffer {
  const config = JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: layers.map((tar) => `sha256:${sha256(tar)}`) } })
  const names = layers.map((_, i) => `${i}/layer.tar`)
  return tarArchive([{ name: 'c.json', content: config }, ...layers.map((content, i) => ({ name: names[i] ?? '', content })), { name: 'manifest.json', content: JSON.stringify([{ Config: 'c.json', RepoTags: tags, Layers: names }]) }, ...more])
}

describe('an upload', () => {
  it.each([['docker-archive', (bytes: Buffer) => bytes], ['oci-archive', (bytes: Buffer) => bytes], ['oci-archive', (bytes: Buffer) => gzipSync(bytes)]])('as %s becomes the tenant’s image, fetched once, asking no registry', async (format, pack) => {
    const upload = uploadOf(pack(await archiveOf('app:1', format)))
    const store = await open({ defaultRegistry: 'registry.invalid' })
    fetches = 0
    const [image, same] = await Promise.all([store.ensure('app:1', { tenantId: 'ann', upload, pullPolicy: 'Always' }), store.ensure('app:1', { tenantId: 'ann', upload })])
    expect(same).toEqual(image)
    expect([await cat(image.squashfs, 'which'), image.config.cmd, image.isPublic, fetches]).toEqual(['one', ['/which'], false, 1])
    // After a restart too; and nobody else has it, by that name or by its digest.
    const again = await open({ defaultRegistry: 'registry.invalid' })
    await again.ensure('app:1', { tenantId: 'ann', upload, pullPolicy: 'Never' })
    expect(again.known()).toEqual([{ tenantId: 'ann', reference: again.nameOf('app:1'), digest: image.digest, sizeBytes: image.sizeBytes }])
    expect(fetches).toBe(1)
    expect((await failure(again, 'app:1', { tenantId: 'bob', pullPolicy: 'Never' })).code).toBe('not-present')
    expect((await failure(again, `app@${image.digest}`, { tenantId: 'bob', pullPolicy: 'Never' })).code).toBe('not-present')
    expect((await failure(again, 'app:1', { tenantId: 'ann', pullPolicy: 'Never' })).code).toBe('not-present')
    expect(await leftovers()).toEqual([])
  })

  it('of several platforms gives this host’s; of several images the one of its name', async () => {
    const path = join(fixture.folder, 'all.tar')
    await run('skopeo', ['copy', '--quiet', '--all', '--src-tls-verify=false', `docker://${registry.host}/multi:1`, `oci-archive:${path}:multi:1`])
    const store = await open()
    const image = await store.ensure('multi:1', { tenantId: 'ann', upload: uploadOf(await readFile(path)) })
    expect(await cat(image.squashfs, 'which')).toBe('amd')

    const layer = (which: string) => tarArchive([{ name: 'which', content: which }])
    const config = (which: string) => JSON.stringify({ rootfs: { diff_ids: [`sha256:${sha256(layer(which))}`] } })
    const several = tarArchive([
      ...['a', 'b'].flatMap((which) => [{ name: `${which}.json`, content: config(which) }, { name: `${which}/layer.tar`, content: layer(which) }]),
      // docker save writes a layer that two images share once, and a link to it.
      { name: 'x/layer.tar', type: 'symlink' as const, linkName: '../b/layer.tar' },
      { name: 'manifest.json', content: JSON.stringify([{ Config: 'a.json', RepoTags: ['team/a:1'], Layers: ['a/layer.tar'] }, { Config: 'b.json', RepoTags: ['team/b:1'], Layers: ['x/layer.tar'] }]) },
    ])
    const named = await open({ defaultRegistry: 'docker.io', dir: join(fixture.folder, 'named') })
    expect(await cat((await named.ensure('team/b:1', { tenantId: 'ann', upload: uploadOf(several) })).squashfs, 'which')).toBe('b')
    expect(await failure(named, 'other:1', { tenantId: 'ann', upload: uploadOf(several, { id: 'other' }) })).toMatchObject({ code: 'malformed', message: expect.stringContaining('2 images'), action: expect.stringContaining('Save one image') })
  })

  it('is nobody else’s image, and no registry’s, whatever it says it is', async () => {
    const store = await open()
    const layer = (which: string) => tarArchive([{ name: 'which', content: which }])
    const own = dockerArchive([layer('ann')])
    const ann = await store.ensure('app:2', { tenantId: 'ann', upload: uploadOf(own) })
    // Bob has Ann's configuration alone: her layers are not given for it.
    const config = JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer('ann'))}`] } })
    const alias = tarArchive([{ name: 'c.json', content: config }, { name: '0/layer.tar', content: layer('bob') }, { name: 'manifest.json', content: '[{"Config":"c.json","Layers":["0/layer.tar"]}]' }])
    expect(await failure(store, 'app:2', { tenantId: 'bob', upload: uploadOf(alias) })).toMatchObject({ code: 'malformed', message: expect.stringContaining('configuration promises') })
    const bob = await store.ensure('app:2', { tenantId: 'bob', upload: uploadOf(own) })
    expect(bob.digest).not.toBe(ann.digest)
    expect([await cat(ann.squashfs, 'which'), await cat(bob.squashfs, 'which')]).toEqual(['ann', 'ann'])
    // An image that a registry gives too is an image of its own.
    const public_ = await store.ensure('app:1')
    const packed = await store.ensure('app:1', { tenantId: 'bob', upload: uploadOf(await archiveOf('app:1', 'oci-archive')) })
    expect([packed.digest === public_.digest, packed.isPublic, await cat(packed.squashfs, 'which')]).toEqual([false, false, 'one'])
    expect([ann, bob, packed].every(({ digest }) => /^sha256:[0-9a-f]{64}$/.test(digest))).toBe(true)
  })

  it('is here although others could not be removed to make room', async () => {
    let isKnown = true
    // gzip looks back 32 KiB and sees the repetition; of a squashfs' blocks each has it anew.
    const repeated = Buffer.concat(Array.from({ length: 64 }, () => noise))
    const store = await open({ maxCacheBytes: 100_000, inUse: () => {
      if (isKnown) return { names: [], digests: [] }
      throw new Error('the pods are not known')
    } })
    await store.ensure('small:1', { tenantId: 'ann', upload: uploadOf(dockerArchive([tarArchive([{ name: 'a', content: 'a' }])])) })
    isKnown = false
    const image = await store.ensure('large:1', { tenantId: 'ann', upload: uploadOf(gzipSync(dockerArchive([tarArchive([{ name: 'b', content: repeated }])]))) })
    expect(image.sizeBytes).toBeGreaterThan(100_000)
    expect([store.list().length, await leftovers()]).toEqual([2, []])
  })

  it('that a newer one replaces is another image under the same reference', async () => {
    const store = await open()
    const [one, two] = ['1', '2'].map((v) => uploadOf(dockerArchive([tarArchive([{ name: 'v', content: v }])])))
    await store.ensure('app:1', { tenantId: 'ann', upload: one })
    expect(await cat((await store.ensure('app:1', { tenantId: 'ann', upload: two })).squashfs, 'v')).toBe('2')
    expect(await cat((await store.ensure('app:1', { tenantId: 'ann', upload: one })).squashfs, 'v')).toBe('1')
  })
})

describe('a hostile upload', () => {
  const good = tarArchive([{ name: 'a', content: 'a' }])
  const oci = (entries: ArchiveEntry[]) => tarArchive([{ name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' }, ...entries])
  const nested = () => {
    const index = (of: string) => JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: 'application/vnd.oci.image.index.v1+json', digest: `sha256:${sha256(of)}`, size: of.length }] })
    const [c, b] = [index('{}'), index(index('{}'))]
    return oci([{ name: 'index.json', content: index(b) }, { name: `blobs/sha256/${sha256(b)}`, content: b }, { name: `blobs/sha256/${sha256(c)}`, content: c }])
  }
  const blob = (content: string, name = sha256(content)) => oci([{ name: 'index.json', content: JSON.stringify({ manifests: [{ digest: `sha256:${name}`, size: content.length }] }) }, { name: `blobs/sha256/${name}`, content }])
  it.each<[string, () => Buffer, string, RegExp]>([
    ['no archive', () => randomBytes(5000), 'malformed', /no tar archive/],
    ['an archive of something else', () => tarArchive([{ name: 'README', content: 'x' }]), 'malformed', /neither index.json/],
    ['a truncated archive', () => dockerArchive([good]).subarray(0, 2600), 'malformed', /ends in the middle/],
    ['a truncated gzip', () => gzipSync(dockerArchive([randomBytes(50_000)])).subarray(0, 3000), 'malformed', /gzip data is damaged|middle/],
    ['names that leave it', () => dockerArchive([good], [{ name: '../../etc/cron.d/x', content: 'x' }]), 'malformed', /points out of it/],
    ['absolute names', () => dockerArchive([good], [{ name: '/etc/passwd', content: 'x' }]), 'malformed', /points out of it/],
    ['devices', () => dockerArchive([good], [{ name: 'dev', type: 'device' }]), 'malformed', /neither file nor folder/],
    ['links to files of the host', () => tarArchive([{ name: 'manifest.json', type: 'symlink', linkName: '/etc/passwd' }]), 'malformed', /neither index.json/],
    ['links in a circle', () => tarArchive([{ name: 'manifest.json', type: 'symlink', linkName: 'a' }, { name: 'a', type: 'symlink', linkName: 'manifest.json' }]), 'malformed', /neither index.json/],
    ['a bomb', () => gzipSync(dockerArchive([Buffer.alloc(9 << 20)])), 'too-large', /larger than 8388608/],
    ['too many files', () => gzipSync(tarArchive(Array.from({ length: 5_001 }, (_, i) => ({ name: `${i}` })))), 'too-large', /5000 files/],
    ['a layer with ../', () => dockerArchive([tarArchive([{ name: '../x', content: 'x' }])]), 'malformed', /points out of the image/],
    ['a layer that is another than promised', () => dockerArchive([good], [{ name: '0/layer.tar', content: tarArchive([{ name: 'b' }]) }]), 'malformed', /configuration promises/],
    ['a missing layer', () => tarArchive([{ name: 'c.json', content: JSON.stringify({ rootfs: { diff_ids: [`sha256:${sha256('')}`] } }) }, { name: 'manifest.json', content: '[{"Config":"c.json","Layers":["../../../../etc/passwd"]}]' }]), 'malformed', /lacks the file/],
    ['a huge manifest', () => tarArchive([{ name: 'manifest.json', content: ' '.repeat(5 << 20) }]), 'malformed', /at most 4194304/],
    ['no JSON', () => tarArchive([{ name: 'manifest.json', content: '<html>' }]), 'malformed', /not what "docker save" writes/],
    ['a blob of other bytes', () => blob('{}', sha256('other')), 'malformed', /other bytes than the manifest promises/],
    ['indexes in indexes', nested, 'malformed', /index in an index/],
    ['an image for another platform', () => tarArchive([{ name: 'c.json', content: JSON.stringify({ architecture: 'arm64', rootfs: { diff_ids: [] } }) }, { name: 'manifest.json', content: '[{"Config":"c.json","Layers":[]}]' }]), 'unsupported-platform', /linux\/arm64/],
  ])('with %s is refused, and leaves nothing', async (_, make, code, message) => {
    const store = await open({ maxImageBytes: 8 << 20 })
    const error = await failure(store, 'app:1', { tenantId: 'ann', upload: uploadOf(make()) })
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
    expect(error.action).toMatch(/\.$/)
    expect(error.message).not.toContain(fixture.folder)
    expect(store.list()).toEqual([])
    expect(await leftovers()).toEqual([])
  })

  it.runIf(process.getuid?.() === 0)('on a full disk is told as such, and leaves nothing', async () => {
    const dir = join(fixture.folder, 'store')
    await mkdir(dir)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=12m,nr_inodes=100', 'none', dir])
    try {
      const store = await open({ minFreeBytes: -(2 ** 40) })
      const upload = uploadOf(dockerArchive([tarArchive([{ name: 'a', content: randomBytes(7 << 20) }])]))
      expect((await failure(store, 'app:1', { tenantId: 'ann', upload })).code).toBe('disk-full')
      expect([store.list(), await leftovers()]).toEqual([[], []])
    } finally {
      await run('umount', ['--lazy', dir])
    }
  })

  it.runIf(process.getuid?.() === 0)('whose few bytes become many never takes what must stay free, and leaves nothing', async () => {
    const dir = join(fixture.folder, 'store')
    await mkdir(dir)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=100m', 'none', dir])
    try {
      const store = await open({ minFreeBytes: 60 << 20 })
      const used = async () => { const { blocks, bavail, bsize } = await statfs(dir); return (blocks - bavail) * bsize }
      // Unpacked it is too large; its layer alone, packed in turn, becomes so when it is merged.
      const [zeros, repeated] = [Buffer.alloc(80 << 20), Buffer.concat(Array.from({ length: 5000 }, () => noise))]
      const merged = tarArchive([{ name: 'a', content: repeated }])
      const config = JSON.stringify({ rootfs: { diff_ids: [`sha256:${sha256(merged)}`] } })
      const packed = tarArchive([{ name: 'c.json', content: config }, { name: '0/layer.tar', content: gzipSync(merged) }, { name: 'manifest.json', content: '[{"Config":"c.json","Layers":["0/layer.tar"]}]' }])
      for (const archive of [gzipSync(dockerArchive([zeros])), packed]) {
        expect(archive.length).toBeLessThan(1 << 20)
        let most = 0
        const watch = setInterval(() => void used().then((bytes) => (most = Math.max(most, bytes))), 5)
        const error = await failure(store, 'app:1', { tenantId: 'ann', upload: uploadOf(archive) })
        clearInterval(watch)
        expect(error).toMatchObject({ code: 'disk-full', transient: true })
        expect(most).toBeLessThanOrEqual(40 << 20)
        expect([store.list(), await leftovers()]).toEqual([[], []])
      }
    } finally {
      await run('umount', ['--lazy', dir])
    }
  })

  it('that does not come whole, or stops, is told as such', async () => {
    const archive = dockerArchive([good])
    const store = await open()
    const broken = [uploadOf(archive, { bytes: archive.length + 1 }), uploadOf(archive, { bytes: archive.length - 1 }), uploadOf(archive, { digest: `sha256:${sha256('x')}` })]
    for (const upload of broken) expect(await failure(store, 'app:1', { tenantId: 'ann', upload })).toMatchObject({ code: 'unreachable', message: expect.stringContaining('did not come whole') })
    expect(await failure(store, 'app:1', { tenantId: 'ann', upload: uploadOf(archive, { fetch: () => Promise.reject(new Error('no connection')) }) })).toMatchObject({ code: 'unreachable', transient: true })
    const abort = new AbortController()
    const stuck = failure(store, 'app:1', { tenantId: 'ann', signal: abort.signal, upload: uploadOf(archive, { fetch: (_, signal) => new Promise((__, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))) }), onProgress: ({ phase }) => phase === 'pulling' && abort.abort() })
    expect((await stuck).code).toBe('cancelled')
    await expect.poll(leftovers).toEqual([])
  })
})
