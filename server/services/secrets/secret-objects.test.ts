import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { appRouter } from '@/server/api/root'
import { createCallerFactory } from '@/server/api/trpc'
import { startTestServer } from '@/server/api/testing/server'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let tenant = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  tenant = ann.tenant.slug
})
afterAll(() => server.stop())

const apply = async (yaml: string, options: { dryRun?: boolean; requestId?: string } = {}) => (await ann.caller['manifest.apply']({ tenant, yaml, ...options })).results
const secret = (name: string, fields: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\n${fields}\n`
const base64 = (text: string) => Buffer.from(text).toString('base64')
const docker = (value: unknown) => `type: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: ${base64(typeof value === 'string' ? value : JSON.stringify(value))}}`

describe('Secrets of a manifest', () => {
  it('are created, changed and left as they are; stringData wins over data', async () => {
    const text = secret('db', `data: {user: ${base64('ann')}, password: ${base64('old')}}\nstringData: {password: new}`)
    expect(await apply(text)).toMatchObject([{ kind: 'Secret', namespace: 'default', name: 'db', action: 'created', problems: [] }])
    expect((await apply(text))[0]?.action).toBe('unchanged')
    expect((await apply(secret('db', `data: {user: ${base64('ann')}, password: ${base64('new')}}`)))[0]?.action).toBe('unchanged')
    expect((await apply(text.replace('new', 'newer')))[0]?.action).toBe('configured')
    expect(await ann.caller.secret.reveal({ tenant, name: 'db' })).toEqual({ type: 'Opaque', data: { user: base64('ann'), password: base64('newer') } })
    const shown = await ann.caller.manifest.get({ tenant, kind: 'Secret', name: 'db' })
    expect(shown).toMatchObject({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: 'default' }, type: 'Opaque', keys: [{ key: 'user', bytes: 3 }, { key: 'password', bytes: 5 }] })
    expect(JSON.stringify([shown, await ann.caller.manifest.list({ tenant, kind: 'Secret' })])).not.toContain(base64('newer'))
    expect(await server.db.wrappedSecret.count()).toBe(1)
    await ann.caller.manifest.delete({ tenant, kind: 'Secret', name: 'db' })
    expect(await server.db.wrappedSecret.count()).toBe(0)
  })

  it.each([
    ['data: {a: "not base64!"}', 'data.a', 'must be base64'],
    ['stringData: {a: 1}', 'stringData.a', 'must be a string: quote it'],
    ['type: kubernetes.io/tls\ndata: {tls.crt: eA==}', 'data["tls.key"]', 'is required'],
    ['type: kubernetes.io/ssh-auth\ndata: {ssh-privatekey: ""}', 'data["ssh-privatekey"]', 'is required'],
    ['type: kubernetes.io/basic-auth\ndata: {}', 'data.username', 'or password'],
    ['type: kubernetes.io/dockerconfigjson\ndata: {}', 'data[".dockerconfigjson"]', 'is required'],
    [docker('no json'), 'data[".dockerconfigjson"]', 'must be JSON of the form'],
    [docker({ 'registry.example': {} }), 'data[".dockerconfigjson"]', 'must be JSON of the form'],
    [docker({ auths: { 'registry.example': { username: 'ann' } } }), 'data[".dockerconfigjson"]', 'names no credentials for registry.example'],
    [docker({ auths: { 'registry.example': { auth: base64('no colon') } } }), 'data[".dockerconfigjson"]', 'base64 of user:password'],
    ['type: kubernetes.io/service-account-token', 'type', 'is not carried out'],
    ['type: ""', 'type', 'must not be empty'],
    [`stringData: {a: ${'x'.repeat((1 << 20) + 1)}}`, 'data', 'more than 1 MiB'],
    ['binaryData: {}', 'binaryData', 'is not a field of this kind'],
  ])('%.60s is refused', async (fields, path, message) => {
    expect((await apply(secret('refused', fields), { dryRun: true }))[0]?.problems).toContainEqual({ path, line: expect.any(Number), message: expect.stringContaining(message) })
  })

  it('do not take kubectl\'s copy of the manifest, which holds the values', async () => {
    const yaml = secret('copied', 'data: {}').replace('name: copied', 'name: copied, annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}')
    expect((await apply(yaml))[0]?.problems).toMatchObject([{ path: 'metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]', message: expect.stringContaining('in the clear: remove it') }])
    await expect(ann.caller.secret.create({ tenant, name: 'copied', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
  })

  it.each([
    docker({ auths: { 'registry.example': { username: 'ann', password: 'x' }, 'other.example': { auth: base64('ann:x') } } }),
    'type: kubernetes.io/basic-auth\nstringData: {password: x}',
    'type: kubernetes.io/ssh-auth\nstringData: {ssh-privatekey: x}',
    'type: example.com/license\nstringData: {key: x}',
    `data: {a: ${Buffer.alloc(1 << 20).toString('base64')}}`,
  ])('%.60s passes', async (fields) => expect((await apply(secret('passes', fields), { dryRun: true }))[0]?.problems).toEqual([]))

  it('that are immutable keep their values, and no Secret changes its type', async () => {
    const text = secret('fixed', 'immutable: true\nstringData: {a: x}')
    await apply(text)
    expect((await apply(text))[0]?.action).toBe('unchanged')
    expect((await apply(text.replace('a: x', 'a: y')))[0]?.problems[0]).toMatchObject({ path: 'data', message: 'cannot change: the Secret is immutable' })
    expect((await apply(text.replace('immutable: true', 'immutable: false')))[0]?.problems[0]).toMatchObject({ path: 'immutable', line: 4 })
    expect((await apply(text.replace('immutable: true', 'type: example.com/x\nimmutable: true')))[0]?.problems[0]).toMatchObject({ path: 'type', line: 4, message: expect.stringContaining('cannot change from Opaque') })
  })
})

describe('secret procedures', () => {
  it('update keys one by one without showing the others', async () => {
    const input = { tenant, name: 'typed', stringData: { A: 'one', B: 'two' }, requestId: 'r1' }
    const created = await ann.caller.secret.create(input)
    expect(created).toMatchObject({ type: 'Opaque', bytes: 6, keyCount: 2, keys: ['A', 'B'], pods: 0 })
    expect(await ann.caller.secret.create(input)).toEqual(created)
    await expect(ann.caller.secret.create({ ...input, stringData: { A: 'other' } })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    await ann.caller.secret.update({ tenant, name: 'typed', keep: ['A'], stringData: { C: 'three' }, data: {}, resourceVersion: created.metadata.resourceVersion })
    expect((await ann.caller.secret.reveal({ tenant, name: 'typed' })).data).toEqual({ A: base64('one'), C: base64('three') })
    expect((await ann.caller.secret.get({ tenant, name: 'typed' })).sizes).toEqual([{ key: 'A', bytes: 3 }, { key: 'C', bytes: 5 }])
    await expect(ann.caller.secret.update({ tenant, name: 'typed', keep: ['B'] })).rejects.toMatchObject({ cause: { code: 'invalid_input', problems: [{ path: 'keep[0]' }] } })
    await expect(ann.caller.secret.update({ tenant, name: 'typed', stringData: {}, resourceVersion: created.metadata.resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    await ann.caller.secret.update({ tenant, name: 'typed', labels: { a: 'b' } })
    expect(await ann.caller.secret.get({ tenant, name: 'typed' })).toMatchObject({ keyCount: 2, metadata: { labels: { a: 'b' } } })
    expect((await ann.caller.secret.list({ tenant, type: 'Opaque', search: 'typed', sort: 'type' })).items).toHaveLength(1)
    expect((await ann.caller.secret.list({ tenant, type: 'kubernetes.io/tls' })).total).toBe(0)
  })

  it('audit who looked', async () => {
    await ann.caller.secret.reveal({ tenant, name: 'typed' })
    expect((await ann.caller.audit.list({ tenant })).items[0]).toMatchObject({ actor: ann.account.email, action: 'secret.reveal', kind: 'Secret', namespace: 'default', name: 'typed' })
  })

  it('need the key ring that wrapped', async () => {
    const row = await server.db.secret.findFirstOrThrow({ where: { name: 'typed' } })
    await server.db.wrappedSecret.update({ where: { id: row.valueId }, data: { purpose: 'other' } })
    await expect(ann.caller.secret.reveal({ tenant, name: 'typed' })).rejects.toMatchObject({ cause: { code: 'internal' } })
    await server.db.wrappedSecret.update({ where: { id: row.valueId }, data: { purpose: 'Secret' } })
  })

  it('refuse the Secret beyond the tenant\'s thousand', async () => {
    const bob = await server.signUp('bob')
    const [wrapped, own] = [[] as { id: string; tenantId: string; purpose: string; wrappedValue: string }[], bob.tenant.id]
    for (let i = 0; i < 1000; i++) wrapped.push({ id: crypto.randomUUID(), tenantId: own, purpose: 'Secret', wrappedValue: '' })
    await server.db.wrappedSecret.createMany({ data: wrapped })
    await server.db.secret.createMany({ data: wrapped.map(({ id }, i) => ({ tenantId: own, namespace: 'default', name: `f${i}`, type: 'Opaque', keys: {}, bytes: 0, valueId: id })) })
    await expect(bob.caller.secret.create({ tenant: bob.tenant.slug, name: 'more' })).rejects.toThrow('The tenant has 1000 Secrets, which is its limit')
  })
})

it('no canary of a Secret reaches a table, a log, an answer, an error or the audit, in the clear or in base64', async () => {
  let logged = ''
  const log = pino({ level: 'trace' }, new Writable({ write: (chunk: Buffer, _, done) => ((logged += chunk.toString()), done()) }))
  const caller = createCallerFactory(appRouter)({ ...server.context(ann.actor), log })
  const answers: unknown[] = []
  const keep = async (work: Promise<unknown>) => void answers.push(await work.catch((error: unknown) => [String(error), (error as { cause?: { problems?: unknown } }).cause?.problems]))
  const canary = (n: number) => `canary-${n}-7fe1`
  const send = (yaml: string, requestId?: string) => keep(caller['manifest.apply']({ tenant, yaml, requestId }))
  await send(secret('c1', `data: {a: ${base64(canary(1))}}`), 'c1')
  await send(secret('c1', `data: {a: ${base64(canary(1))}}`), 'c1')
  await send(secret('c2', `stringData: {a: ${canary(2)}}`))
  await send(secret('c2', `stringData: {a: ${canary(3)}}`))
  await send(secret('c3', `stringData: {a: ${canary(4)}, b: [${canary(4)}]}`))
  await send(secret('c3', docker(canary(5))))
  await send(secret('c3', docker({ auths: { r: { username: canary(5) } } })))
  await send(`${secret('c3', `stringData: {a: ${canary(6)}}`)}"${canary(6)}" "${canary(6)}"\n`)
  await keep(caller.secret.create({ tenant, name: 'c4', data: { a: base64(canary(7)) }, stringData: { b: canary(8) }, requestId: 'c4' }))
  await keep(caller.secret.update({ tenant, name: 'c4', stringData: { a: canary(9) } }))
  await keep(caller.secret.update({ tenant, name: 'c4', data: { a: `${base64(canary(10))}!` } }))
  await keep(caller.secret.create({ tenant, name: 'c4', stringData: { b: canary(11) } }))
  await keep(caller.secret.get({ tenant, name: 'c4' }))
  await keep(caller.secret.list({ tenant }))
  await keep(caller.event.list({ tenant }))
  await keep(caller.audit.list({ tenant }))
  await server.db.tenantKey.updateMany({ data: { wrappedKey: 'broken' } })
  await keep(caller.secret.create({ tenant, name: 'c5', stringData: { a: canary(12) }, requestId: 'c5' }))
  expect(logged).toContain('does not open with this key ring')
  const everything = `${await allRows()}\n${logged}\n${JSON.stringify(answers)}`
  expect(everything).toContain('secret.update')
  for (let n = 1; n <= 12; n++) for (const form of [canary(n), base64(canary(n)), base64(base64(canary(n))).slice(0, 20), Buffer.from(canary(n)).toString('hex')]) expect(everything).not.toContain(form)
})

/** Every row of every table as PostgreSQL writes it. */
async function allRows(): Promise<string> {
  const tables = await server.db.$queryRaw<{ name: string }[]>`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`
  const texts = await Promise.all(tables.map(({ name }) => server.db.$queryRawUnsafe<{ row: string }[]>(`select t::text as row from "${name}" t`)))
  return texts.flat().map(({ row }) => row).join('\n')
}
