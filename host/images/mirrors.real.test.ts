import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Secret } from '@/platform/crypto/secret'
import { between } from './testing/lying-registry'
import { startRegistry, type TestRegistry } from './testing/registry'
import { cat, failure, storeFixture } from './testing/store-fixture'

const account = { username: 'ada', password: 's3cret-canary', bcrypt: '$2y$05$abcdefghijklmnopqrstuullx5kP6GYZcFnepqhmI2H03s5Hsbhlm' }
let registry: TestRegistry
let mirror: TestRegistry
beforeAll(async () => {
  ;[registry, mirror] = await Promise.all([startRegistry({ account }), startRegistry()])
})
afterAll(() => Promise.all([registry.stop(), mirror.stop()]))
const { open, leftovers } = storeFixture(() => registry.host)
const credentials = () => [{ host: registry.host, path: '', username: account.username, password: new Secret(account.password) }]

it('a mirror is asked first and never with credentials; what it lacks, or gives wrong, comes from the registry itself', async () => {
  const files = { a: randomBytes(100_000), which: 'registry' }
  await registry.push('app:1', { files })
  await registry.push('app:2', { files: { which: 'registry' } })
  await registry.push('app:3', { files: { ...files, b: '3' } })
  await mirror.push('copies/hub/app:1', { files: { which: 'mirror' } })
  await mirror.push('copies/hub/app:3', { files: { ...files, b: '3' } })
  const seen: { path: string; authorization: boolean }[] = []
  const through = await between(mirror.host, (path, headers) => {
    seen.push({ path, authorization: 'authorization' in headers })
    return path.includes('/app/blobs/') && seen.some((one) => one.path.endsWith('/app/manifests/3')) ? 'tamper' : 'pass'
  })
  try {
    // As operators write it; what it means is not what is listed.
    const host = through.host.replace('127.0.0.1', 'localhost')
    const mirrors = [{ registry: registry.host, host: '127.0.0.1:1', path: '' }, { registry: registry.host, host, path: 'copies/hub' }]
    const store = await open({ mirrors, insecureRegistries: [registry.host, host] })
    const mine = { tenantId: 'ann', credentials: credentials() }
    const first = await store.ensure('app:1', mine)
    expect([await cat(first.squashfs, 'which'), first.isPublic, first.reference]).toEqual(['mirror', true, `${registry.host}/app:1`])
    const second = await store.ensure('app:2', mine)
    expect([await cat(second.squashfs, 'which'), second.isPublic]).toEqual(['registry', false])
    // The mirror knows the digest and gives other bytes for it: the registry's are taken, and its answer says who may use them.
    const third = await store.ensure('app:3', mine)
    expect([await cat(third.squashfs, 'b'), third.isPublic]).toEqual(['3', false])
    expect(seen.length).toBeGreaterThan(3)
    expect(seen.filter(({ authorization }) => authorization)).toEqual([])
    // Without credentials the registry's own refusal is what is told.
    expect((await failure(store, 'app:2', { tenantId: 'bob' })).message).toContain(registry.host)
    expect(await leftovers()).toEqual([])
  } finally {
    through.close()
  }
})
