import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import type { ImageProgress } from './store/progress'
import { tarArchive } from './tar/archive'
import { startRegistry, type TestRegistry } from './testing/registry'
import { cat, failure, storeFixture } from './testing/store-fixture'

let registry: TestRegistry
beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(() => registry.stop())
const fixture = storeFixture(() => registry.host)
const { open, leftovers } = fixture

const listing = async (squashfs: string): Promise<string> => (await run('unsquashfs', ['-lln', squashfs])).stdout
const blobReads = (since: number) => registry.requests().slice(since).filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'))

/** The registry's log comes through a pipe: one more request, then wait until it shows. */
async function settled(): Promise<void> {
  const mark = randomBytes(6).toString('hex')
  await fetch(`http://${registry.host}/v2/${mark}/tags/list`)
  await expect.poll(() => registry.requests().some(({ path }) => path.includes(mark)), { timeout: 60_000, interval: 10 }).toBe(true)
}

describe('a pull', () => {
  it('gives a squashfs with names, owners, modes, links and attributes', async () => {
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')
    await registry.push('full:1', {
      layers: [
        [
          { name: './', mode: 0o751 },
          { name: 'bin/ping', mode: 0o4755, uid: 70000, gid: 5, mtime: 1_700_000_000, content: 'ping', xattrs: new Map([['security.capability', capability], ['user.bytes', Buffer.from([0, 255, 10, 61])]]) },
          { name: 'bin/ping6', type: 'link', linkName: 'bin/ping' },
          { name: 'old/gone', content: 'x' },
          { name: Buffer.from('caf\xe9-\u00ff', 'latin1').toString('latin1'), content: 'latin1' },
          { name: `${'long/'.repeat(40)}file`, content: 'deep' },
        ],
        [{ name: '.wh.old' }, { name: 'fifo', type: 'fifo', mode: 0o600 }, { name: 'tmp/', mode: 0o1777 }, { name: 'dev/sda', type: 'device' }],
      ],
      config: { Entrypoint: ['/bin/ping'], Cmd: ['-c', '1'], Env: ['A=b'], WorkingDir: '/tmp', User: 'nobody', ExposedPorts: { '80/tcp': {} }, StopSignal: 'SIGQUIT' },
    })
    const image = await (await open()).ensure('full:1')
    expect(image.config).toEqual({ entrypoint: ['/bin/ping'], cmd: ['-c', '1'], env: ['A=b'], workingDir: '/tmp', user: 'nobody', exposedPorts: ['80/tcp'], stopSignal: 'SIGQUIT' })
    expect(image.reference).toBe(`${registry.host}/full:1`)
    const lines = (await listing(image.squashfs)).split('\n')
    const line = (end: string) => lines.find((one) => one.endsWith(end))?.replace(/ +/g, ' ')
    expect(line('squashfs-root')).toMatch(/^drwxr-x--x 0\/0 /)
    expect(line('/bin/ping')).toMatch(/^-rwsr-xr-x 70000\/5 4 2023-11-14 22:13 /)
    expect(line('/bin/ping6')).toMatch(/^-rwsr-xr-x 70000\/5 4 /)
    expect(line('/fifo')).toMatch(/^prw-------/)
    expect(line('/tmp')).toMatch(/^drwxrwxrwt/)
    expect(lines.filter((one) => /old|sda/.test(one))).toEqual([])
    expect(await cat(image.squashfs, `${'long/'.repeat(40)}file`)).toBe('deep')
    const raw = spawnSync('unsquashfs', ['-ls', image.squashfs], { encoding: 'latin1' }).stdout
    expect(raw).toContain('caf\xe9-\xff')
    // unsquashfs restores attributes where it may: the values come back byte for byte.
    const out = join(fixture.folder, 'out')
    await run('unsquashfs', ['-quiet', '-no-progress', '-user-xattrs', '-d', out, image.squashfs, 'bin'])
    const python = await run('python3', ['-c', 'import os,sys;print(os.getxattr(sys.argv[1],"user.bytes").hex(),os.stat(sys.argv[1]).st_nlink)', join(out, 'bin/ping')])
    expect(python.stdout.trim()).toBe('00ff0a3d 2')
    expect(await leftovers()).toEqual([])
  })

  it('reads gzip, zstd and plain layers, and Docker’s own manifest', async () => {
    const layer = (name: string, pack: (tar: Buffer) => Buffer, mediaType: string) => {
      const tar = tarArchive([{ name, content: name.repeat(100_000) }])
      return { tar, packed: pack(tar), mediaType }
    }
    const zstd = (tar: Buffer): Buffer => spawnSync('zstd', ['-qc'], { input: tar, maxBuffer: 1 << 26 }).stdout
    await registry.push('mixed:1', {
      layers: [layer('zstd', zstd, 'application/vnd.oci.image.layer.v1.tar+zstd'), layer('plain', (tar) => tar, 'application/vnd.oci.image.layer.v1.tar'), [{ name: 'gzip', content: 'g' }]],
    })
    const image = await (await open()).ensure('mixed:1')
    expect((await cat(image.squashfs, 'zstd')).length).toBe(400_000)
    expect((await cat(image.squashfs, 'plain')).length).toBe(500_000)
    expect(await cat(image.squashfs, 'gzip')).toBe('g')

    await run('skopeo', ['copy', '--quiet', '--format', 'v2s2', '--src-tls-verify=false', '--dest-tls-verify=false', `docker://${registry.host}/full:1`, `docker://${registry.host}/docker:1`])
    expect(await cat((await (await open({ dir: join(fixture.folder, 'other') })).ensure('docker:1')).squashfs, 'bin/ping')).toBe('ping')
  })

  it('of an index takes linux/amd64, by tag and by the index’s digest', async () => {
    const index = await registry.pushIndex('multi:1', { 'linux/arm64': { files: { which: 'arm' } }, 'linux/amd64': { files: { which: 'amd' } } })
    const store = await open()
    const byTag = await store.ensure('multi:1')
    const byDigest = await store.ensure(`multi@${index}`)
    expect(await cat(byTag.squashfs, 'which')).toBe('amd')
    expect(byDigest.digest).toBe(byTag.digest)
    expect(store.list()).toMatchObject([{ digest: byTag.digest, references: [`${registry.host}/multi:1`, `${registry.host}/multi@${index}`] }])
  })

  it('wanted twice at once is done once, and both hear of it', async () => {
    await registry.push('twice:1', { files: { a: randomBytes(3 << 20) } })
    await settled()
    const before = registry.requests().length
    const store = await open()
    const heard: ImageProgress[][] = [[], []]
    const images = await Promise.all(heard.map((list) => store.ensure('twice:1', { onProgress: (progress) => list.push(progress) })))
    expect(images[0]).toEqual(images[1])
    await settled()
    const paths = blobReads(before).map(({ path }) => path)
    expect(paths).toHaveLength(2)
    expect(new Set(paths).size).toBe(2)
    for (const list of heard) expect([...new Set(list.map(({ phase }) => phase))]).toEqual(['resolving', 'pulling', 'merging', 'ready'])
    expect(heard[0]?.some(({ phase, bytesTotal }) => phase === 'pulling' && bytesTotal !== undefined && bytesTotal > 3 << 20)).toBe(true)
  })

  it('given up by one goes on for the other, and by both leaves nothing', async () => {
    await registry.push('given:1', { files: { a: randomBytes(1 << 20) } })
    const store = await open()
    const [first, second] = [new AbortController(), new AbortController()]
    const one = failure(store, 'given:1', { signal: first.signal, onProgress: () => first.abort() })
    const two = store.ensure('given:1', { signal: second.signal })
    expect((await one).code).toBe('cancelled')
    await two
    const both = new AbortController()
    await registry.push('given:2', { files: { a: randomBytes(1 << 20) } })
    expect((await failure(store, 'given:2', { signal: both.signal, onProgress: ({ phase }) => phase === 'merging' && both.abort() })).code).toBe('cancelled')
    await expect.poll(leftovers).toEqual([])
    expect(store.list()).toHaveLength(1)
    await store.ensure('given:2')
  })
})

describe('pull policies', () => {
  it('IfNotPresent asks no registry for what is known, even after a restart; Never never asks', async () => {
    const other = await startRegistry()
    const options = { defaultRegistry: other.host, insecureRegistries: [other.host] }
    try {
      await other.push('app:1', { files: { v: '1' } })
      const store = await open(options)
      const never = await failure(store, 'app:1', { pullPolicy: 'Never' })
      expect(never.code).toBe('not-present')
      await store.ensure('app:1', { pullPolicy: 'IfNotPresent' })
    } finally {
      await other.stop()
    }
    const again = await open(options)
    for (const pullPolicy of ['IfNotPresent', 'Never'] as const) expect(await cat((await again.ensure('app:1', { pullPolicy })).squashfs, 'v')).toBe('1')
    expect((await failure(again, 'app:1', { pullPolicy: 'Always' })).code).toBe('unreachable')
  })

  it('Always asks what the tag means now, and pulls only what is new', async () => {
    await registry.push('moving:latest', { files: { v: '1' } })
    const store = await open()
    const first = await store.ensure('moving')
    await settled()
    const before = registry.requests().length
    expect(await store.ensure('moving')).toEqual(first)
    await settled()
    expect(registry.requests().slice(before).some(({ path }) => path.includes('/moving/manifests/latest'))).toBe(true)
    expect(blobReads(before)).toEqual([])
    await registry.push('moving:latest', { files: { v: '2' } })
    expect(await cat((await store.ensure('moving', { pullPolicy: 'IfNotPresent' })).squashfs, 'v')).toBe('1')
    expect(await cat((await store.ensure('moving')).squashfs, 'v')).toBe('2')
    expect(await cat((await store.ensure('moving', { pullPolicy: 'IfNotPresent' })).squashfs, 'v')).toBe('2')
  })
})

describe('what is half made', () => {
  it('is removed at the start and never used', async () => {
    await registry.push('whole:1', { files: { a: '1' } })
    const store = await open()
    const image = await store.ensure('whole:1')
    const images = join(fixture.folder, 'store', 'images')
    await writeFile(join(images, `${'0'.repeat(64)}.squashfs`), 'half')
    await writeFile(join(fixture.folder, 'store', 'tmp', 'left'), 'x')
    expect((await open()).list().map(({ digest }) => digest)).toEqual([image.digest])
    expect((await readdir(images)).sort()).toEqual([`${image.digest.slice(7)}.json`, `${image.digest.slice(7)}.squashfs`])
    expect(await leftovers()).toEqual([])
    await run('truncate', ['-s', '10', image.squashfs])
    const mended = await open()
    expect(mended.list()).toEqual([])
    expect(await cat((await mended.ensure('whole:1')).squashfs, 'a')).toBe('1')
    await mended.remove(image.digest)
    expect(await readdir(images)).toEqual([])
  })
})
