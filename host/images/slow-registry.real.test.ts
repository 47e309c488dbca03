import { randomBytes } from 'node:crypto'
import { mkdir, readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { cancelled } from './image-error'
import { between } from './testing/lying-registry'
import { startRegistry, type TestRegistry } from './testing/registry'
import { failure, storeFixture } from './testing/store-fixture'

let registry: TestRegistry
beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(() => registry.stop())
const fixture = storeFixture(() => registry.host)
const { open, leftovers } = fixture

/** Gives layers drop by drop, never pausing for long; all else as the registry at `target` has it. */
async function dripping(target: string): Promise<{ host: string; close: () => void }> {
  const server = createServer((incoming, outgoing) => {
    const answer = async () => {
      const path = incoming.url ?? ''
      const real = await fetch(`http://${target}${path}`, { method: incoming.method, headers: { accept: String(incoming.headers.accept ?? '*/*') } })
      const body = Buffer.from(await real.arrayBuffer())
      for (const [name, value] of real.headers) outgoing.setHeader(name, value)
      outgoing.writeHead(real.status)
      if (!path.includes('/blobs/') || body.length < 50_000) return void outgoing.end(body)
      let at = 0
      const drops = setInterval(() => void outgoing.write(body.subarray(at, (at += 10))), 50)
      outgoing.once('close', () => clearInterval(drops))
    }
    void answer().catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { host: `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`, close }
}

it('a registry that sends drop by drop is given up', async () => {
  await registry.push('drip:1', { files: { a: randomBytes(100_000) } })
  const slow = await dripping(registry.host)
  try {
    const store = await open({ insecureRegistries: [slow.host], stallTimeoutMs: 10_000 })
    const error = await failure(store, `${slow.host}/drip:1`)
    expect([error.code, error.message]).toEqual(['unreachable', `The registry ${slow.host} sends less than 32 KiB/s.`])
    await expect.poll(leftovers).toEqual([])
  } finally {
    slow.close()
  }
})

it('registries are asked a few questions at a time; who waits can leave, and has its turn', async () => {
  let asked = 0
  const silent = await between(registry.host, () => {
    asked += 1
    return 'stall'
  })
  try {
    await registry.push('turn:1', { files: { a: '1' } })
    const store = await open({ insecureRegistries: [silent.host, registry.host], maxConcurrentResolves: 2 })
    const first = new AbortController()
    const leaves = new AbortController()
    const held = [1, 2].map((i) => failure(store, `${silent.host}/held:${i}`, { signal: first.signal }))
    await expect.poll(() => asked).toBe(2)
    const left = failure(store, `${silent.host}/left:1`, { signal: leaves.signal })
    const waits = store.ensure('turn:1')
    leaves.abort()
    expect((await left).code).toBe('cancelled')
    expect(asked).toBe(2)
    first.abort()
    expect((await Promise.all(held)).map(({ code }) => code)).toEqual(['cancelled', 'cancelled'])
    expect((await waits).reference).toContain('turn:1')
  } finally {
    silent.close()
  }
})

it('whoever has a registry that never ends a pull, or never answers, keeps nobody else waiting', async () => {
  await registry.push('slow:1', { files: { a: randomBytes(100_000) } })
  await registry.push('other:1', { files: { a: '1' } })
  let copies = 0
  const stuck = await between(registry.host, (path) => {
    if (path.includes('/silent/')) return 'stall'
    if (!path.includes('/blobs/')) return 'pass'
    copies += 1
    return 'stall'
  })
  try {
    for (let i = 2; i <= 4; i += 1) await registry.push(`slow:${i}`, { files: { a: randomBytes(100_000) } })
    const store = await open({ insecureRegistries: [stuck.host, registry.host], maxConcurrentPulls: 3, maxConcurrentResolves: 4 })
    const stop = new AbortController()
    const greedy = (name: string) => failure(store, `${stuck.host}/${name}`, { tenantId: 'greedy', signal: stop.signal })
    const held = [1, 2, 3, 4].map((i) => greedy(`slow:${i}`))
    await expect.poll(() => copies).toBeGreaterThanOrEqual(2)
    held.push(...[1, 2, 3, 4, 5, 6].map((i) => greedy(`silent:${i}`)))
    // It waits in line for the same image too, which is then pulled in the name of the other.
    held.push(store.ensure('other:1', { tenantId: 'greedy', signal: stop.signal }).then(() => cancelled(), () => cancelled()))
    expect((await store.ensure('other:1', { tenantId: 'modest' })).sizeBytes).toBeGreaterThan(0)
    stop.abort()
    expect(new Set((await Promise.all(held)).map(({ code }) => code))).toEqual(new Set(['cancelled']))
    await expect.poll(leftovers).toEqual([])
  } finally {
    stuck.close()
  }
})

it('a puller that makes more than plain files is ended, and a configuration beyond its bound is not fetched', async () => {
  await registry.push('strange:1', { files: { a: randomBytes(100_000) } })
  let blobs = 0
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.docker.distribution.manifest.v2+json', config: { mediaType: 'application/vnd.docker.container.image.v1+json', digest: `sha256:${'0'.repeat(64)}`, size: 2 ** 40 }, layers: [] })
  const stuck = await between(registry.host, (path) => {
    if (path.includes('/huge/manifests/')) return { manifest }
    if (!path.includes('/blobs/')) return 'pass'
    blobs += 1
    return 'stall'
  })
  try {
    const store = await open({ insecureRegistries: [stuck.host] })
    const pulled = failure(store, `${stuck.host}/strange:1`)
    await expect.poll(() => blobs).toBeGreaterThan(0)
    const tmp = join(fixture.folder, 'store', 'tmp')
    const image = (await readdir(tmp)).find((name) => name.startsWith('image-')) ?? ''
    await mkdir(join(tmp, image, 'blobs', 'hidden'))
    expect(await pulled).toMatchObject({ code: 'malformed', message: expect.stringContaining('plain files') })
    blobs = 0
    expect(await failure(store, `${stuck.host}/huge:1`)).toMatchObject({ code: 'malformed', message: expect.stringContaining('configuration has 1099511627776 bytes') })
    expect(blobs).toBe(0)
    await expect.poll(leftovers).toEqual([])
  } finally {
    stuck.close()
  }
})
