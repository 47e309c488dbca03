import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '@/platform/crypto/secret'
import { run } from '@/platform/exec'
import { between } from './testing/lying-registry'
import { startRegistry, type TestRegistry } from './testing/registry'
import { cat, failure, storeFixture } from './testing/store-fixture'

const fixture = storeFixture(() => 'registry.invalid')
const { open } = fixture

describe('a private registry', () => {
  const account = { username: 'ada', password: 's3cret-canary', bcrypt: '$2y$05$abcdefghijklmnopqrstuullx5kP6GYZcFnepqhmI2H03s5Hsbhlm' }
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
    const login = (password: string, path = '') => ({ host: own.host, path, username: account.username, password: new Secret(password) })
    const [credentials, wrong] = [[login(account.password)], [login('wrong')]]
    const ann = { tenantId: 'ann', credentials }
    expect((await failure(store, reference, { credentials: wrong }))).toMatchObject({ code: 'refused', message: expect.stringContaining('with the given credentials'), action: expect.stringContaining('pull Secrets') })
    // Those of a longer path are tried first, and the next ones when the registry refuses them.
    expect(await cat((await store.ensure(reference, { tenantId: 'ann', credentials: [...credentials, login('wrong', '/mine')] })).squashfs, 'a')).toBe('private')
    expect((await failure(store, reference, { pullPolicy: 'IfNotPresent' })).code).toBe('refused')
    expect((await failure(store, reference, { pullPolicy: 'Never' })).code).toBe('not-present')
    expect((await failure(store, reference, { tenantId: 'ann', pullPolicy: 'IfNotPresent', credentials: wrong })).code).toBe('refused')
    expect((await store.ensure(reference, { ...ann, pullPolicy: 'Never' })).isPublic).toBe(false)
    // Another tenant with the same account is let in by the registry, not by what is here.
    expect((await failure(store, reference, { ...ann, tenantId: 'bob', pullPolicy: 'Never' })).code).toBe('not-present')
    await store.ensure(reference, { ...ann, tenantId: 'bob', pullPolicy: 'IfNotPresent' })
    expect(store.known().map((one) => [one.tenantId, one.reference])).toEqual([['ann', reference], ['bob', reference]])
    // A credential for another registry or path is not shown to this one.
    expect((await failure(store, reference, { tenantId: 'eve', credentials: [{ ...login(account.password), host: 'other.example' }, login(account.password, '/other')] })).message).not.toContain('with the given')
    const kept = await run('grep', ['-rlE', 'canary|YWRhO', join(fixture.folder, 'store')]).catch((error: unknown) => error)
    expect(kept).toMatchObject({ code: 1 })
  })

  it('gets the password from a file of mode 0600, not from an argument list', async () => {
    const seen: string[] = []
    const watcher = await between(own.host, (path) => {
      if (path !== '/v2/') return 'pass'
      const store = join(fixture.folder, 'store', 'tmp')
      for (const name of readdirSync(store).filter((one) => one.startsWith('skopeo-'))) seen.push((statSync(join(store, name, 'auth.json')).mode & 0o777).toString(8))
      seen.push(...readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? commandLine(pid).filter((line) => line.includes(watcher.host)) : [])))
      return 'pass'
    })
    try {
      const store = await open({ insecureRegistries: [watcher.host] })
      await store.ensure(`${watcher.host}/mine:1`, { credentials: [{ host: watcher.host, path: '', username: account.username, password: new Secret(account.password) }] })
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
