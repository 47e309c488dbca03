import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { namespaceController } from '@/server/control/controllers/namespace/controller'
import { resolveScope } from '@/server/auth/authenticate'
import { inTransaction } from '@/server/store/database'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
let tenant = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
  tenant = ann.tenant.slug
})
afterAll(() => server.stop())

const apply = async (yaml: string, options: { dryRun?: boolean; requestId?: string } = {}) => (await ann.caller['manifest.apply']({ tenant, yaml, ...options })).results
const configMap = (name: string, fields: string, metadata = '') => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}${metadata}}\n${fields}\n`
const problemsOf = async (fields: string) => (await apply(configMap('refused', fields), { dryRun: true }))[0]?.problems ?? []

describe('ConfigMaps of a manifest', () => {
  it('are created, changed and left as they are', async () => {
    const text = configMap('app', 'data: {A: "1", file.conf: "x=1\\n"}\nbinaryData: {logo: "/wAB"}', ', labels: {app: web}')
    expect(await apply(text)).toMatchObject([{ kind: 'ConfigMap', namespace: 'default', name: 'app', action: 'created', problems: [] }])
    expect((await apply(text))[0]?.action).toBe('unchanged')
    expect((await apply(text.replace('"1"', '"2"')))[0]?.action).toBe('configured')
    expect((await apply(text.replace('"1"', '"2"').replace('app: web', 'app: x')))[0]?.action).toBe('configured')
    expect(await ann.caller.manifest.get({ tenant, kind: 'ConfigMap', name: 'app' })).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'app', namespace: 'default', labels: { app: 'x' } }, data: { A: '2', 'file.conf': 'x=1\n' }, binaryData: { logo: '/wAB' } })
    expect((await ann.caller.manifest.list({ tenant, kind: 'ConfigMap', labelSelector: 'app=x' })).items).toMatchObject([{ metadata: { name: 'app' }, data: { A: '2' } }])
    expect(await ann.caller.manifest.delete({ tenant, kind: 'ConfigMap', name: 'app' })).toEqual({ deleting: true })
    await expect(ann.caller.manifest.get({ tenant, kind: 'ConfigMap', name: 'app' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
  })

  it('come before the pods that name them and after their namespace, whatever the order in the text', async () => {
    const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: later}\nspec: {containers: [{name: a, image: busybox, envFrom: [{configMapRef: {name: first}}]}]}\n'
    const results = await apply([pod, configMap('first', 'data: {A: b}', ', namespace: later'), 'apiVersion: v1\nkind: Namespace\nmetadata: {name: later}\n'].join('---\n'))
    expect(results.map((r) => [r.action, r.problems])).toEqual([['created', []], ['created', []], ['created', []]])
    expect(await ann.caller.configMap.get({ tenant, namespace: 'later', name: 'first' })).toMatchObject({ pods: 1, usedBy: [{ namespace: 'later', name: 'p' }] })
    expect((await apply(configMap('x', 'data: {}', ', namespace: nowhere')))[0]?.problems[0]).toMatchObject({ path: 'metadata.namespace', line: 3, message: expect.stringContaining('create the namespace first') })
  })

  it.each([
    ['data: {a: 1}', 'data.a', 'must be a string: quote it'],
    ['data: {"a b": x}', 'data["a b"]', 'must be letters'],
    ['data: {"..a": x}', 'data["..a"]', 'start with ".."'],
    ['data: {__proto__: x}', 'data.__proto__', 'must not be called'],
    ['data: {a: "x\\0y"}', 'data.a', 'put it into binaryData'],
    ['data: {a: "\\ud800"}', 'data.a', 'valid Unicode'],
    ['binaryData: {a: "%%%"}', 'binaryData.a', 'must be base64'],
    ['data: {a: x}\nbinaryData: {a: "eA=="}', 'binaryData.a', 'is also a key of data'],
    ['data: [a]', 'data', 'must be a map'],
    ['immutable: maybe', 'immutable', 'must be true or false'],
    ['spec: {}', 'spec', 'is not a field of this kind'],
    ['dta: {a: x}', 'dta', 'is not a field of this kind'],
    [`data: {a: ${'x'.repeat((1 << 20) + 1)}}`, 'data', 'more than 1 MiB'],
    [`data: {${Array.from({ length: 2001 }, (_, i) => `k${i}: x`).join(',')}}`, 'data', 'at most 2000 keys'],
  ])('%.40s is refused', async (fields, path, message) => expect(await problemsOf(fields)).toContainEqual({ path, line: expect.any(Number), message: expect.stringContaining(message) }))

  it('of exactly 1 MiB pass, in text and in base64 with line breaks', async () => {
    expect(await problemsOf(`data: {a: ${'x'.repeat(1 << 20)}}`)).toEqual([])
    const lines = Buffer.alloc(1 << 20).toString('base64').replace(/(.{76})/g, '$1\n    ')
    expect(await problemsOf(`binaryData:\n  a: |\n    ${lines}`)).toEqual([])
  })

  it('that are immutable keep their data and stay so; labels change', async () => {
    const text = configMap('fixed', 'data: {A: "1"}\nimmutable: true')
    await apply(text)
    expect((await apply(text.replace('"1"', '"2"')))[0]?.problems[0]).toEqual({ path: 'data', line: 4, message: 'cannot change: the ConfigMap is immutable' })
    expect((await apply(text.replace('immutable: true', 'immutable: false')))[0]?.problems[0]).toMatchObject({ path: 'immutable', line: 5 })
    expect((await apply(text.replace('name: fixed', 'name: fixed, labels: {a: b}')))[0]?.action).toBe('configured')
    await expect(ann.caller.configMap.update({ tenant, name: 'fixed', data: {}, binaryData: {} })).rejects.toMatchObject({ cause: { code: 'failed_precondition', problems: [{ path: 'data' }] } })
  })

  it('get a name from generateName', async () => {
    const [result] = await apply('apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: gen.}\ndata: {}\n')
    expect(result?.name).toMatch(/^gen\.[a-z0-9]{5}$/)
    expect((await apply('apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: -gen}\n'))[0]?.problems[0]?.path).toBe('metadata.generateName')
  })
})

describe('configMap procedures', () => {
  it('create once, update what was read, and delete', async () => {
    const input = { tenant, name: 'typed', data: { A: '1' }, requestId: 'r1' }
    const created = await ann.caller.configMap.create(input)
    expect(created).toMatchObject({ bytes: 1, keyCount: 1, keys: ['A'], pods: 0, immutable: false })
    expect(await ann.caller.configMap.create(input)).toEqual(created)
    await expect(ann.caller.configMap.create({ tenant, name: 'typed' })).rejects.toMatchObject({ cause: { code: 'already_exists', problems: [{ path: 'name' }] } })
    const { resourceVersion } = created.metadata
    await ann.caller.configMap.update({ tenant, name: 'typed', data: { A: '1', B: '2' }, binaryData: { C: 'AAA=' }, resourceVersion })
    await expect(ann.caller.configMap.update({ tenant, name: 'typed', data: {}, binaryData: {}, resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    await expect(ann.caller.configMap.update({ tenant, name: 'typed', data: {} })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
    expect(await ann.caller.configMap.get({ tenant, name: 'typed' })).toMatchObject({ data: { A: '1', B: '2' }, binaryData: { C: 'AAA=' }, bytes: 4 })
    await ann.caller.configMap.update({ tenant, name: 'typed', immutable: true })
    expect(await ann.caller.configMap.get({ tenant, name: 'typed' })).toMatchObject({ data: { A: '1', B: '2' }, immutable: true })
    await ann.caller.configMap.delete({ tenant, name: 'typed' })
    await expect(ann.caller.configMap.delete({ tenant, name: 'typed' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
  })

  it('leave one of two that update the same object at the same time', async () => {
    const { metadata } = await ann.caller.configMap.create({ tenant, name: 'raced', data: {} })
    const update = (value: string) => ann.caller.configMap.update({ tenant, name: 'raced', data: { value }, binaryData: {}, resourceVersion: metadata.resourceVersion })
    const results = await Promise.allSettled([update('a'), update('b')])
    expect(results.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('filter, sort, page and count on the server, and see one tenant', async () => {
    const mine = bob.tenant.slug
    for (let i = 0; i < 7; i++) await bob.caller.configMap.create({ tenant: mine, name: `c${i}`, labels: { even: String(i % 2 === 0) }, data: { [i < 3 ? 'redis.conf' : 'A']: 'x'.repeat(i) } })
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await bob.caller.configMap.list({ tenant: mine, sort: 'size', descending: true, limit: 3, cursor })
      expect(page.total).toBe(7)
      seen.push(...page.items.map((item) => item.metadata.name))
      cursor = page.nextCursor ?? undefined
    } while (cursor)
    expect(seen).toEqual(['c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0'])
    expect((await bob.caller.configMap.list({ tenant: mine, search: 'REDIS' })).total).toBe(3)
    expect((await bob.caller.configMap.list({ tenant: mine, labelSelector: 'even!=true' })).total).toBe(3)
    expect((await bob.caller.configMap.list({ tenant: mine, namespace: 'elsewhere' })).total).toBe(0)
    expect((await bob.caller.configMap.list({ tenant: mine, sort: 'created', descending: true, limit: 1 })).items[0]?.metadata.name).toBe('c6')
    await expect(bob.caller.configMap.list({ tenant: mine, cursor: 'x' })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
    await expect(bob.caller.configMap.list({ tenant: mine, labelSelector: '=' })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
    await expect(bob.caller.configMap.get({ tenant: mine, name: 'raced' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
  })

  it('page manifests by their bytes', async () => {
    const mine = bob.tenant.slug
    for (let i = 0; i < 10; i++) await bob.caller.configMap.create({ tenant: mine, name: `large${i}`, labels: { large: 'yes' }, data: { a: 'x'.repeat(1 << 20) } })
    const first = await bob.caller.manifest.list({ tenant: mine, kind: 'ConfigMap', labelSelector: 'large=yes' })
    expect(first.items).toHaveLength(8)
    const second = await bob.caller.manifest.list({ tenant: mine, kind: 'ConfigMap', labelSelector: 'large=yes', cursor: first.nextCursor ?? '' })
    expect(second.items.map((item) => item.metadata.name)).toEqual(['large8', 'large9'])
  })

  it('refuse the object beyond the tenant\'s thousand', async () => {
    const row = (i: number) => ({ tenantId: ann.tenant.id, namespace: 'filler', name: `f${i}`, data: {}, bytes: 0 })
    const left = 1000 - (await server.db.configMap.count({ where: { tenantId: ann.tenant.id } }))
    await server.db.configMap.createMany({ data: Array.from({ length: left - 1 }, (_, i) => row(i)) })
    const results = await Promise.allSettled(['l1', 'l2'].map((name) => ann.caller.configMap.create({ tenant, name })))
    expect(results.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected'])
    await expect(ann.caller.configMap.create({ tenant, name: 'l3' })).rejects.toThrow('The tenant has 1000 ConfigMaps, which is its limit')
    await server.db.configMap.deleteMany({ where: { namespace: 'filler' } })
  })
})

it('a namespace goes with its ConfigMaps and Secrets, and takes none while it goes', async () => {
  await ann.caller.namespace.create({ tenant, name: 'going' })
  await ann.caller.configMap.create({ tenant, namespace: 'going', name: 'a' })
  await ann.caller.secret.create({ tenant, namespace: 'going', name: 'a', stringData: { a: 'b' } })
  await ann.caller.namespace.delete({ tenant, name: 'going' })
  await expect(ann.caller.configMap.create({ tenant, namespace: 'going', name: 'b' })).rejects.toThrow('is being deleted')
  const wrapped = await server.db.wrappedSecret.count()
  await namespaceController.reconcile({ db: server.db, log: server.server.log, feed: server.server.feed }, 'all')
  expect([await server.db.namespace.count({ where: { name: 'going' } }), await server.db.configMap.count({ where: { namespace: 'going' } }), await server.db.secret.count({ where: { namespace: 'going' } })]).toEqual([0, 0, 0])
  expect(await server.db.wrappedSecret.count()).toBe(wrapped - 1)
})

it('members write ConfigMaps and Secrets and do not reveal', async () => {
  await server.db.membership.updateMany({ where: { userId: bob.actor.userId }, data: { role: 'member' } })
  const scope = await resolveScope(server.db, bob.actor, bob.tenant.id)
  expect(['configMap.write', 'secret.write', 'secret.reveal'].map((p) => scope?.allows(p as 'secret.reveal'))).toEqual([true, true, false])
  await bob.caller.secret.create({ tenant: bob.tenant.slug, name: 's', stringData: { a: 'b' } })
  await expect(bob.caller.secret.reveal({ tenant: bob.tenant.slug, name: 's' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
})

it('a tenant goes with all of its configuration', async () => {
  const eve = await server.signUp('eve')
  await eve.caller.secret.create({ tenant: eve.tenant.slug, name: 's', stringData: { a: 'b' } })
  await inTransaction(server.db, async (tx) => {
    for (const table of ['Namespace', 'Network'] as const) await tx.$executeRawUnsafe(`delete from "${table}" where "tenantId" = '${eve.tenant.id}'`)
    await tx.tenant.delete({ where: { id: eve.tenant.id } })
  })
  expect(await server.db.wrappedSecret.count({ where: { tenantId: eve.tenant.id } })).toBe(0)
})

it('manifests that are applied at the same time wait for each other, whatever their order', async () => {
  const both = (value: string) => [configMap('left', `data: {A: "${value}"}`), configMap('right', `data: {A: "${value}"}`), configMap(`new-${value}`, 'data: {}')]
  await apply(both('0').join('---\n'))
  const results = await Promise.all([1, 2, 3, 4].map((i) => apply((i % 2 ? both(String(i)) : both(String(i)).reverse()).join('---\n'))))
  for (const result of results) expect(result.map((r) => r.action).sort()).toEqual(['configured', 'configured', 'created'])
})
