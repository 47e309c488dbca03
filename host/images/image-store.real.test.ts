import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Secret } from '@/platform/crypto/secret'
import { run } from '@/platform/exec'
import { logger } from '@/platform/logger'
import { ImageError } from './image-error'
import { ImageStore, type EnsureOptions, type ImageStoreOptions } from './image-store'
import { ensureSampleImage } from './sample/sample-image'
import type { ImageProgress } from './store/progress'
import { startRegistry, type TestRegistry } from './testing/registry'
import { tarArchive } from './tar/archive'

let registry: TestRegistry
beforeAll(async () => void (registry = await startRegistry()))
afterAll(() => registry.stop())

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'images-'))))
afterEach(() => rm(folder, { recursive: true }))

const log = logger('images')
log.level = 'silent'
const open = (options: Partial<ImageStoreOptions> = {}): Promise<ImageStore> =>
  ImageStore.open({ dir: join(folder, 'store'), defaultRegistry: registry.host, insecureRegistries: [registry.host], logger: log, minFreeBytes: 0, ...options })

async function failure(store: ImageStore, reference: string, options?: EnsureOptions): Promise<ImageError> {
  const error: unknown = await store.ensure(reference, options).catch((reason: unknown) => reason)
  if (error instanceof ImageError) return error
  throw new Error(`${reference} was accepted`)
}

const listing = async (squashfs: string): Promise<string> => (await run('unsquashfs', ['-lln', squashfs])).stdout
const cat = async (squashfs: string, path: string): Promise<string> => (await run('unsquashfs', ['-cat', squashfs, path])).stdout
const leftovers = (): Promise<string[]> => readdir(join(folder, 'store', 'tmp'))
const blobReads = (since: number) => registry.requests().slice(since).filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'))

/** The registry's log comes through a pipe: one more request, then wait until it shows. */
async function settled(): Promise<void> {
  const mark = randomBytes(6).toString('hex')
  await fetch(`http://${registry.host}/v2/${mark}/tags/list`)
  await expect.poll(() => registry.requests().some(({ path }) => path.includes(mark)), { timeout: 20_000, interval: 10 }).toBe(true)
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
    const out = join(folder, 'out')
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
    expect(await cat((await (await open({ dir: join(folder, 'other') })).ensure('docker:1')).squashfs, 'bin/ping')).toBe('ping')
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
    await expect.poll(leftovers, { timeout: 20_000 }).toEqual([])
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
    const images = join(folder, 'store', 'images')
    await writeFile(join(images, `${'0'.repeat(64)}.squashfs`), 'half')
    await writeFile(join(folder, 'store', 'tmp', 'left'), 'x')
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

describe('failures', () => {
  it('have a code, a cause and a next action', async () => {
    await registry.push('present:1', { files: { a: '1' } })
    await registry.push('arm:1', { files: {}, architecture: 'arm64' })
    await registry.pushIndex('armonly:1', { 'linux/arm64': { files: {} }, 'windows/amd64': { files: {} } })
    await registry.push('climbs:1', { layers: [[{ name: '../../etc/cron.d/x', content: '* * * * * root id' }]] })
    await registry.push('large:1', { files: { a: Buffer.alloc(3 << 20) } })
    const store = await open({ maxImageBytes: 2 << 20 })
    const cases: [string, string, RegExp][] = [
      ['present:2', 'not-found', /does not have .*present:2/],
      ['absent:1', 'not-found', /does not have/],
      [`present@sha256:${'0'.repeat(64)}`, 'not-found', /does not have/],
      ['127.0.0.1:1/a:1', 'unreachable', /refused/],
      ['registry.invalid/a:1', 'unreachable', /does not resolve/],
      ['Wrong Name', 'invalid-reference', /blanks/],
      ['arm:1', 'unsupported-platform', /linux\/arm64, but these hosts run linux\/amd64/],
      ['armonly:1', 'unsupported-platform', /linux\/arm64, windows\/amd64/],
      ['climbs:1', 'malformed', /points out of the image/],
      ['large:1', 'too-large', /2097152/],
    ]
    for (const [reference, code, message] of cases) {
      const error = await failure(store, reference)
      expect([reference, error.code]).toEqual([reference, code])
      expect(error.message).toMatch(message)
      expect(error.action).toMatch(/\.$/)
    }
    expect((await failure(await open({ insecureRegistries: [], dir: join(folder, 'strict') }), 'present:1')).message).toContain('plain HTTP')
    expect((await failure(await open({ minFreeBytes: Number.MAX_SAFE_INTEGER, dir: join(folder, 'full') }), 'present:1')).code).toBe('disk-full')
    expect(await leftovers()).toEqual([])
    expect(store.list()).toEqual([])
  })
})

/** A registry of our own that breaks its word; what it does not change comes from the real one. */
type Behaviour = 'pass' | 'tamper' | 'stall' | 'endless' | number
async function between(target: string, behave: (path: string) => Behaviour): Promise<{ host: string; close: () => void }> {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const path = incoming.url ?? ''
    const behaviour = behave(path)
    if (behaviour === 'stall') return
    if (typeof behaviour === 'number') return void outgoing.writeHead(behaviour).end('no')
    const headers = Object.fromEntries(['accept', 'authorization'].flatMap((name) => (incoming.headers[name] === undefined ? [] : [[name, String(incoming.headers[name])]])))
    const real = await fetch(`http://${target}${path}`, { method: incoming.method, headers })
    const body = Buffer.from(await real.arrayBuffer())
    for (const [name, value] of real.headers) if (behaviour === 'pass' || name === 'content-type') outgoing.setHeader(name, value)
    outgoing.writeHead(real.status)
    if (behaviour === 'tamper') body[body.length - 3] = (body[body.length - 3] ?? 0) ^ 1
    if (behaviour !== 'endless') return void outgoing.end(body)
    const more = () => {
      while (!outgoing.destroyed && outgoing.write(Buffer.alloc(1 << 16)));
    }
    outgoing.on('drain', more)
    more()
  }
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing).catch(() => outgoing.destroy()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { host: `127.0.0.1:${port}`, close }
}

describe('a registry that breaks its word', () => {
  const blob = (path: string) => path.includes('/blobs/')
  it.each<[string, (path: string) => Behaviour, string, RegExp]>([
    ['asks for credentials', () => 401, 'refused', /private, or does not exist/],
    ['forbids', (path) => (path === '/v2/' ? 'pass' : 403), 'refused', /private, or does not exist/],
    ['has a fault', (path) => (path === '/v2/' ? 'pass' : 500), 'unreachable', /fault of its own/],
    ['has a fault with blobs', (path) => (blob(path) ? 503 : 'pass'), 'unreachable', /fault of its own/],
    ['never answers', () => 'stall', 'unreachable', /in time/],
    ['stalls in the middle', (path) => (blob(path) ? 'stall' : 'pass'), 'unreachable', /in time/],
    ['changes a layer', (path) => (blob(path) ? 'tamper' : 'pass'), 'malformed', /other bytes/],
    ['sends without end', (path) => (blob(path) ? 'endless' : 'pass'), 'too-large', /more than/],
    ['lost a layer', (path) => (blob(path) ? 404 : 'pass'), 'not-found', /does not have/],
  ])('%s', async (_, behave, code, message) => {
    await registry.push('word:1', { files: { a: randomBytes(100_000) } })
    const liar = await between(registry.host, behave)
    try {
      const impatience = message.source.includes('in time') ? { [behave('/v2/') === 'stall' ? 'resolveTimeoutMs' : 'stallTimeoutMs']: 1500 } : {}
      const store = await open({ insecureRegistries: [liar.host], ...impatience })
      const error = await failure(store, `${liar.host}/word:1`)
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
      expect(store.list()).toEqual([])
      await expect.poll(leftovers, { timeout: 20_000 }).toEqual([])
    } finally {
      liar.close()
    }
  })

  it('changes a manifest that was asked for by its digest', async () => {
    const digest = await registry.push('word:2', { files: { a: '1' } })
    const liar = await between(registry.host, (path) => (path.includes('/manifests/') ? 'tamper' : 'pass'))
    try {
      const error = await failure(await open({ insecureRegistries: [liar.host] }), `${liar.host}/word@${digest}`)
      expect(error.code).toBe('malformed')
    } finally {
      liar.close()
    }
  })
})

describe('a private registry', () => {
  const account = { username: 'ada', password: 's3cret-canary', bcrypt: '$2y$05$abcdefghijklmnopqrstuullx5kP6GYZcFnepqhmI2H03s5Hsbhlm' }
  const auth = { username: account.username, password: new Secret(account.password) }
  let own: TestRegistry
  beforeAll(async () => {
    own = await startRegistry({ account })
    await own.push('mine:1', { files: { a: 'private' } })
  })
  afterAll(() => own.stop())

  it('is used with credentials; who has none gets nothing, even when the image is here', async () => {
    const store = await open({ insecureRegistries: [own.host] })
    const reference = `${own.host}/mine:1`
    expect((await failure(store, reference)).code).toBe('refused')
    const wrong = { ...auth, password: new Secret('wrong') }
    expect((await failure(store, reference, { auth: wrong })).message).toContain('with the given credentials')
    expect(await cat((await store.ensure(reference, { auth })).squashfs, 'a')).toBe('private')
    expect((await failure(store, reference, { pullPolicy: 'IfNotPresent' })).code).toBe('refused')
    expect((await failure(store, reference, { pullPolicy: 'Never' })).code).toBe('not-present')
    expect((await failure(store, reference, { pullPolicy: 'IfNotPresent', auth: wrong })).code).toBe('refused')
    await store.ensure(reference, { pullPolicy: 'Never', auth })
    const kept = await run('grep', ['-rlE', 'canary|YWRhO', join(folder, 'store')]).catch((error: unknown) => error)
    expect(kept).toMatchObject({ code: 1 })
  })

  it('gets the password from a file of mode 0600, not from an argument list', async () => {
    const seen: string[] = []
    const watcher = await between(own.host, (path) => {
      if (path !== '/v2/') return 'pass'
      const store = join(folder, 'store', 'tmp')
      for (const name of readdirSync(store).filter((one) => one.startsWith('skopeo-'))) seen.push((statSync(join(store, name, 'auth.json')).mode & 0o777).toString(8))
      seen.push(...readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? commandLine(pid).filter((line) => line.includes(folder)) : [])))
      return 'pass'
    })
    try {
      const store = await open({ insecureRegistries: [watcher.host] })
      await store.ensure(`${watcher.host}/mine:1`, { auth })
      expect(seen).toContain('600')
      expect(seen.some((line) => line.startsWith('skopeo'))).toBe(true)
      expect(seen.filter((line) => line.includes('canary'))).toEqual([])
    } finally {
      watcher.close()
    }
  })
})

/** A process' arguments and environment; nothing where it has just ended. */
function commandLine(pid: string): string[] {
  try {
    return [`${readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')} ${readFileSync(`/proc/${pid}/environ`, 'latin1')}`]
  } catch {
    return []
  }
}

describe('the sample image', () => {
  it('needs no registry, is made once, and serves its page', async () => {
    const store = await open({ defaultRegistry: 'registry.invalid' })
    const image = await ensureSampleImage(store)
    expect(await ensureSampleImage(store)).toEqual(image)
    expect(await store.ensure('hypernetes/sample', { pullPolicy: 'Always' })).toEqual(image)
    expect(image.config).toMatchObject({ entrypoint: ['/bin/serve'], user: '10001:10001', exposedPorts: ['8080/tcp'] })
    const root = join(folder, 'root')
    await run('unsquashfs', ['-quiet', '-no-progress', '-d', root, image.squashfs])
    const port = await freePort()
    const sandbox = ['--unshare-pid', '--unshare-uts', '--hostname', 'first-pod', '--uid', '10001', '--gid', '10001', '--unshare-user', '--bind', root, '/', '--proc', '/proc', '--dev', '/dev', '--as-pid-1', '--die-with-parent', '--clearenv', '--setenv', 'PATH', '/bin', '--setenv', 'PORT', String(port)]
    const server = spawn('bwrap', [...sandbox, '/bin/serve'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let printed = ''
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (text: Buffer) => (printed += text.toString()))
    const ended = new Promise<void>((resolve) => server.once('close', () => resolve()))
    try {
      const page = async () => (await fetch(`http://127.0.0.1:${port}/`)).text().catch(String)
      await expect.poll(() => page().catch(() => printed), { timeout: 20_000 }).toContain('Your pod is running')
      expect(await page()).toContain('<dd>first-pod</dd>')
      expect(printed).toContain('as uid 10001')
      const first = Number(readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').split(' ')[0])
      process.kill(first, 'SIGTERM')
      await ended
      expect([printed.trim().split('\n').at(-1), server.exitCode]).toEqual(['sample: stopping', 0])
    } finally {
      server.kill('SIGKILL')
      await ended
    }
  })
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
