import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { between, canary, type Behaviour } from '../testing/lying-registry'
import { startRegistry, type TestRegistry } from '../testing/registry'
import { failure, storeFixture } from '../testing/store-fixture'

let registry: TestRegistry
let listener: Awaited<ReturnType<typeof canary>>
let closedPort: number
beforeAll(async () => {
  registry = await startRegistry()
  await registry.push('lies:1', { files: { a: randomBytes(10_000) } })
  listener = await canary()
  const gone = await canary()
  gone.close()
  closedPort = gone.port
})
afterAll(() => {
  listener.close()
  return registry.stop()
})
const { open, leftovers } = storeFixture(() => registry.host)

const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []).filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address))
/** Names of this host and of metadata services; egress.test.ts and fuzz.test.ts know many more. */
const hosts = ['127.0.0.1', 'localhost', '[::ffff:7f00:1]', '0.0.0.0', '2130706433', '169.254.169.254', ...own.slice(0, 2)]

const places: [string, (to: string) => (path: string) => Behaviour][] = [
  ['a manifest', (to) => (path) => (path.includes('/manifests/') ? { redirect: to } : 'pass')],
  ['a blob', (to) => (path) => (path.includes('/blobs/') ? { redirect: to } : 'pass')],
  ['the place of tokens', (to) => () => ({ realm: `${to}/token` })],
]

describe('a registry that leads elsewhere', () => {
  it.each(places)('with %s reaches nothing of this host, and learns nothing of it', async (place, lie) => {
    let to = ''
    const liar = await between(registry.host, (path) => lie(to)(path))
    try {
      const store = await open({ insecureRegistries: [liar.host], resolveTimeoutMs: 20_000 })
      const told = async (scheme: string, host: string, port: number) => {
        to = `${scheme}://${host}:${port}`
        const error = await failure(store, `${liar.host}/lies:1`)
        return [to, error.code, error.message.replaceAll(String(port), 'PORT'), error.action]
      }
      for (const [index, host] of (place === 'a blob' ? hosts.slice(-3) : hosts).entries()) {
        const [scheme, other] = index % 2 === 0 ? ['http', 'https'] : ['https', 'http']
        expect(await told(scheme ?? '', host, listener.port)).toEqual([to, 'refused', expect.stringMatching(/sends the puller to ".*", which stands on the host itself/), expect.stringContaining('HYPERNETES_INSECURE_REGISTRIES')])
        // Of some the other scheme, and a port at which nothing listens: the answer is the same.
        if (index % 3 !== 0) continue
        const answers = [await told(other ?? '', host, listener.port), await told(other ?? '', host, closedPort)]
        expect(answers[0]?.slice(1)).toEqual(answers[1]?.slice(1))
      }
      expect(listener.connections()).toBe(0)
      expect(store.list()).toEqual([])
      expect(await leftovers()).toEqual([])
    } finally {
      liar.close()
    }
  })

  it('with the URLs of a layer reaches nothing either', async () => {
    const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [`sha256:${'1'.repeat(64)}`] } }))
    const digest = await registry.putBlob('foreign:1', config)
    const layer = { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', digest: `sha256:${'2'.repeat(64)}`, size: 100, urls: [`http://${own[0] ?? '0.0.0.0'}:${listener.port}/layer`] }
    const body = JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.docker.distribution.manifest.v2+json', config: { mediaType: 'application/vnd.docker.container.image.v1+json', digest, size: config.length }, layers: [layer] })
    const liar = await between(registry.host, (path) => (path.includes('/manifests/') ? { manifest: body } : 'pass'))
    try {
      const error = await failure(await open({ insecureRegistries: [liar.host] }), `${liar.host}/foreign:1`)
      expect([error.code, listener.connections()]).toEqual(['refused', 0])
    } finally {
      liar.close()
    }
  })

  it('to what the operator lists is followed: this test can reach its canary', async () => {
    const to = `127.0.0.1:${listener.port}`
    const before = listener.connections()
    for (const [, lie] of places) {
      const liar = await between(registry.host, lie(`http://${to}`))
      try {
        await failure(await open({ insecureRegistries: [liar.host, to] }), `${liar.host}/lies:1`)
      } finally {
        liar.close()
      }
    }
    const other = await between(registry.host, (path) => (path.includes('/blobs/') ? { redirect: `http://${registry.host}` } : 'pass'))
    try {
      await (await open({ insecureRegistries: [other.host, registry.host] })).ensure(`${other.host}/lies:1`)
    } finally {
      other.close()
    }
    expect(listener.connections()).toBeGreaterThanOrEqual(before + 3)
  })
})
