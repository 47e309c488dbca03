import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { run } from '@/platform/exec'
import { between, type Behaviour } from './testing/lying-registry'
import { startRegistry, type TestRegistry } from './testing/registry'
import { failure, storeFixture } from './testing/store-fixture'

const blob = z.object({ digest: z.string() })
const manifestSchema = z.object({ config: blob, layers: z.array(blob) })
let registry: TestRegistry
beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(() => registry.stop())
const fixture = storeFixture(() => registry.host)
const { open, leftovers } = fixture

describe('failures', () => {
  it('have a code, a cause and a next action', async () => {
    await registry.push('present:1', { files: { a: '1' } })
    await registry.push('arm:1', { files: {}, architecture: 'arm64' })
    await registry.pushIndex('armonly:1', { 'linux/arm64': { files: {} }, 'windows/amd64': { files: {} } })
    await registry.push('climbs:1', { layers: [[{ name: '../../etc/cron.d/x', content: '* * * * * root id' }]] })
    await registry.push('large:1', { files: { a: Buffer.alloc(3 << 20) } })
    const store = await open({ maxImageBytes: 2 << 20, insecureRegistries: [registry.host, '127.0.0.1:1'] })
    const cases: [string, string, RegExp][] = [
      ['present:2', 'not-found', /does not have .*present:2/],
      ['absent:1', 'not-found', /does not have/],
      [`present@sha256:${'0'.repeat(64)}`, 'not-found', /does not have/],
      ['127.0.0.1:1/a:1', 'unreachable', /refused/],
      ['127.0.0.1:2/a:1', 'refused', /stands on the host itself/],
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
    expect((await failure(await open({ minFreeBytes: Number.MAX_SAFE_INTEGER, dir: join(fixture.folder, 'full') }), 'present:1')).code).toBe('disk-full')
    expect(await leftovers()).toEqual([])
    expect(store.list()).toEqual([])
  })
})

describe.runIf(process.getuid?.() === 0)('a full disk', () => {
  it.each(['pulling', 'merging'])('is told as such while %s, and leaves nothing', async (phase) => {
    const bytes = 6 << 20
    const packed = phase === 'pulling' ? randomBytes(bytes) : Buffer.alloc(bytes)
    await registry.push(`disk:${phase}`, { files: Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`f${i}`, i === 0 ? packed : randomBytes(phase === 'pulling' ? 1000 : 700_000)])) })
    const dir = join(fixture.folder, 'store')
    await mkdir(dir)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=6m,nr_inodes=100', 'none', dir])
    try {
      const store = await open({ minFreeBytes: -(2 ** 40) })
      expect((await failure(store, `disk:${phase}`)).code).toBe('disk-full')
      expect(store.list()).toEqual([])
      expect(await leftovers()).toEqual([])
    } finally {
      await run('umount', ['--lazy', dir])
    }
  })
})

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
      await expect.poll(leftovers).toEqual([])
    } finally {
      liar.close()
    }
  })

  it('changes one blob alone: the configuration, or a layer', async () => {
    const digest = await registry.push('word:3', { files: { a: randomBytes(50_000) } })
    const manifest = manifestSchema.parse(await (await fetch(`http://${registry.host}/v2/word/manifests/${digest}`, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } })).json())
    for (const blob of [manifest.config, ...manifest.layers]) {
      const liar = await between(registry.host, (path) => (path.endsWith(blob.digest) ? 'tamper' : 'pass'))
      try {
        const store = await open({ insecureRegistries: [liar.host] })
        const error = await failure(store, `${liar.host}/word:3`)
        expect([error.code, error.message]).toEqual(['malformed', expect.stringMatching(/other bytes/)])
        expect(store.list()).toEqual([])
        await expect.poll(leftovers).toEqual([])
      } finally {
        liar.close()
      }
    }
  })

  it('has manifests without end, indexes in indexes, and layers that are bombs', async () => {
    const index = 'application/vnd.oci.image.index.v1+json'
    const entry = (digest: string, mediaType: string, size = 1) => ({ schemaVersion: 2, mediaType: index, manifests: [{ mediaType, digest, size, platform: { os: 'linux', architecture: 'amd64' } }] })
    const inner = await registry.pushIndex('nested:inner', { 'linux/amd64': { files: { a: '1' } } })
    await registry.putManifest('nested:told', index, JSON.stringify(entry(inner, index)))
    await registry.putManifest('nested:hidden', index, JSON.stringify(entry(inner, 'application/vnd.oci.image.manifest.v1+json')))
    await registry.push('bomb:1', { files: { zeros: Buffer.alloc(20 << 20) } })
    const huge = await between(registry.host, (path) => (path.includes('/manifests/') ? 'endless' : 'pass'))
    try {
      const store = await open({ insecureRegistries: [registry.host, huge.host], maxImageBytes: 8 << 20 })
      const told = async (reference: string) => {
        const { code, message } = await failure(store, reference)
        return [code, message]
      }
      expect(await told('nested:told')).toEqual(['malformed', expect.stringContaining('index in an index')])
      expect(await told('nested:hidden')).toEqual(['malformed', expect.stringContaining('index in an index')])
      expect(await told('bomb:1')).toEqual(['too-large', expect.stringContaining('when unpacked')])
      expect(await told(`${huge.host}/nested:inner`)).toEqual(['malformed', expect.stringContaining('larger than')])
      await expect.poll(leftovers).toEqual([])
    } finally {
      huge.close()
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
