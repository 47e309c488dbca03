import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { run } from '@/platform/exec'
import { startRegistry, type TestRegistry } from '../testing/registry'
import { cat, failure, storeFixture } from '../testing/store-fixture'

let registry: TestRegistry
beforeAll(async () => {
  registry = await startRegistry()
  await registry.push('app:1', { files: { a: randomBytes(300_000), b: 'through TLS' } })
})
afterAll(() => registry.stop())
const fixture = storeFixture(() => registry.host)

const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => address)

/** The registry behind TLS at an address of this host, with a certificate for it that an authority of the test's has made. */
async function overTls(address: string): Promise<{ host: string; authority: string }> {
  const [key, cert] = [join(fixture.folder, 'key.pem'), join(fixture.folder, 'cert.pem')]
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=registry of a test', '-addext', `subjectAltName=IP:${address}`, '-keyout', key, '-out', cert])
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (incoming, outgoing) => {
    const answer = async () => {
      const real = await fetch(`http://${registry.host}${incoming.url}`, { method: incoming.method, headers: { accept: String(incoming.headers.accept ?? '*/*') } })
      outgoing.writeHead(real.status, Object.fromEntries(real.headers)).end(Buffer.from(await real.arrayBuffer()))
    }
    void answer().catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const bound = server.address()
  return { host: `${address}:${typeof bound === 'object' && bound ? bound.port : 0}`, authority: cert }
}

describe.runIf(process.getuid?.() === 0)('a registry over TLS', () => {
  // On loopback the jail's own forwarder carries the bytes, elsewhere the agent's proxy does, as for every registry of the world.
  it.each([['loopback', addresses[0] ?? '127.0.0.1'], ['another address', addresses.find((address) => !address.startsWith('127.')) ?? '127.0.0.1']])('at %s is pulled from through the jail, and only when the host trusts its certificate', async (_, address) => {
    const { host, authority } = await overTls(address)
    const mirrors = [{ registry: 'registry.invalid', host, path: '' }]
    onTestFinished(() => void vi.unstubAllEnvs())
    const distrusting = await fixture.open({ mirrors, insecureRegistries: [], dir: join(fixture.folder, 'first') })
    expect((await failure(distrusting, 'registry.invalid/app:1')).code).toBe('unreachable')
    vi.stubEnv('SSL_CERT_FILE', authority)
    const image = await (await fixture.open({ mirrors, insecureRegistries: [] })).ensure('registry.invalid/app:1')
    expect(await cat(image.squashfs, 'b')).toBe('through TLS')
  })
})
