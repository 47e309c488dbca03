import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TRPCError } from '@trpc/server'
import { DomainError } from '@/domain/shared/errors'
import { ensureDefaultPool } from '@/server/services/address-pools/default-pool'
import { appRouter } from './root'
import { authorizationPage, callerNames, expectedAccess, type Access, type Caller } from './testing/access'
import { inputs, spec } from './testing/procedure-inputs'
import { startTestServer, type TestCaller } from './testing/server'
import type { ProcedureMeta } from './trpc'

const open: ProcedureMeta = { rung: 'public' }
/** At run time `procedures` is flat, by whole paths; its type says the nested record. */
type Definition = { type: string; output?: unknown; meta?: ProcedureMeta }
const procedures = Object.entries(appRouter._def.procedures as unknown as Record<string, { _def: Definition }>).map(([path, procedure]) => ({ path, ...procedure._def }))
let server: Awaited<ReturnType<typeof startTestServer>>
let owner: Awaited<ReturnType<typeof server.signUp>>
let stranger: Awaited<ReturnType<typeof server.signUp>>

beforeAll(async () => {
  server = await startTestServer()
  owner = await server.signUp('owner')
  stranger = await server.signUp('stranger')
  await owner.caller.pod.create({ tenant: owner.tenant.slug, name: 'web', spec })
  await owner.caller.configMap.create({ tenant: owner.tenant.slug, name: 'settings', data: { a: 'b' } })
  await owner.caller.secret.create({ tenant: owner.tenant.slug, name: 'login', stringData: { a: 'b' } })
  await owner.caller.service.create({ tenant: owner.tenant.slug, name: 'web', spec: { ports: [{ port: 80 }] } })
  await owner.caller.ingress.create({ tenant: owner.tenant.slug, name: 'front', spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } })
  await owner.caller.securityGroup.create({ tenant: owner.tenant.slug, name: 'front', spec: {} })
  await owner.caller.networkPolicy.create({ tenant: owner.tenant.slug, name: 'closed', spec: { podSelector: {} } })
  await ensureDefaultPool(server.db, { externalCidr: '198.18.100.0/24' })
  await owner.caller.floatingAddress.create({ tenant: owner.tenant.slug, name: 'outside', spec: {} })
  const { uid: storeId } = await server.db.volumeStore.create({ data: { name: 'tested', spec: { kind: 'file', shared: false } } })
  await server.db.storageClass.create({ data: { name: 'tested', storeId, spec: { store: 'tested' } } })
  await owner.caller.volume.create({ tenant: owner.tenant.slug, name: 'data', spec: { size: '1Gi', storageClassName: 'tested' } })
  await owner.caller.volumeClaim.create({ tenant: owner.tenant.slug, name: 'data', spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'tested', resources: { requests: { storage: '1Gi' } } } })
  await server.db.volumeSnapshot.create({ data: { tenantId: owner.tenant.id, name: 'before', spec: { source: { volumeName: 'data' }, consistency: 'CrashConsistent' }, storeId, sizeBytes: 1n << 30n, phase: 'Ready', takenAt: new Date() } })
  await owner.caller.snapshotSchedule.create({ tenant: owner.tenant.slug, name: 'nightly', spec: { volumes: { names: ['data'] }, every: '1d', keep: { daily: 7 } } })
  await owner.caller.networkPeering.create({ tenant: owner.tenant.slug, name: 'to-extra', spec: { network: 'default', peer: { tenant: 'elsewhere', network: 'extra' } } })
})
afterAll(() => server.stop())

/** Calls by path; a subscription is pulled once. Gives the error's code and message, or null when it was let in. */
async function refusal(caller: TestCaller, path: string, input: unknown): Promise<{ code: string; message: string } | null> {
  const keys = path === 'manifest.apply' ? [path] : path.split('.')
  try {
    const call = keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], caller)
    const result: unknown = await (call as (input: unknown) => unknown)(input)
    if (typeof result === 'object' && result !== null && Symbol.asyncIterator in result) await (result as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()
    return null
  } catch (error) {
    const cause = error instanceof DomainError ? error : (error as TRPCError).cause
    if (cause instanceof DomainError) return { code: cause.code, message: cause.message }
    throw error
  }
}

const state = async () =>
  JSON.stringify({
    pods: await server.db.pod.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, labels: true, deletedAt: true } }),
    networks: await server.db.network.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, spec: true } }),
    namespaces: await server.db.namespace.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, deletedAt: true } }),
    configMaps: await server.db.configMap.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, data: true } }),
    secrets: await server.db.secret.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, valueId: true } }),
    ingresses: await server.db.ingress.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, labels: true } }),
    services: await server.db.service.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, spec: true } }),
    securityGroups: await server.db.securityGroup.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, spec: true } }),
    networkPolicies: await server.db.networkPolicy.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, spec: true } }),
    networkPeerings: await server.db.networkPeering.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, labels: true } }),
    floatingAddresses: await server.db.floatingAddress.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, spec: true } }),
    volumes: await server.db.volume.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, spec: true, deletedAt: true } }),
    volumeSnapshots: await server.db.volumeSnapshot.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, labels: true, deletedAt: true } }),
    snapshotSchedules: await server.db.snapshotSchedule.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, labels: true, spec: true } }),
    volumeClaims: await server.db.volumeClaim.findMany({ where: { tenantId: owner.tenant.id }, select: { name: true, labels: true, deletedAt: true } }),
    tokens: await server.db.apiToken.count({ where: { tenantId: owner.tenant.id } }),
    audit: await server.db.auditEntry.count({ where: { tenantId: owner.tenant.id } }),
  })

it('names every procedure, and none that is gone', () => {
  expect(Object.keys(inputs).sort()).toEqual(procedures.map((p) => p.path).sort())
})

it('gives every procedure a rung, a permission where it is of a tenant, and an output schema', () => {
  for (const { path, ...definition } of procedures) {
    expect(definition.meta?.rung, path).toBeTruthy()
    if (definition.meta?.rung === 'tenant') expect(definition.meta.permission, path).toBeTruthy()
    expect(definition.output, path).toBeTruthy()
  }
})

describe.each(procedures.map((p) => [p.path, p] as const))('%s', (path, { meta }) => {
  const rung = meta?.rung ?? 'public'
  const own = () => (rung === 'tenant' ? { tenant: owner.tenant.slug, ...inputs[path] } : inputs[path])

  it('answers nobody as its rung says', async () => {
    const answer = await refusal(server.nobody, path, own())
    if (rung === 'public') expect(answer?.code).not.toBe('internal')
    else expect(answer?.code).toBe('unauthenticated')
  })

  it('gives another tenant the same answer as for a tenant that does not exist', async () => {
    if (rung !== 'tenant') return
    const before = await state()
    const foreign = await refusal(stranger.caller, path, own())
    const missing = await refusal(stranger.caller, path, { tenant: 'nowhere', ...inputs[path] })
    expect(foreign?.code).toBe('not_found')
    expect(foreign?.message.replace(owner.tenant.slug, '*')).toBe(missing?.message.replace('nowhere', '*'))
    const byId = await refusal(stranger.caller, path, { ...inputs[path], tenant: owner.tenant.id })
    expect(byId?.code).toBe('not_found')
    expect(await state()).toBe(before)
  })

  it('is closed to a revoked token', async () => {
    if (rung === 'public') return
    const browser = server.callerOf({ ...owner.actor, kind: 'session', tenantId: null })
    const { token, id } = await browser.token.create({ tenant: owner.tenant.slug, name: 'short', expiresInDays: 1 })
    await browser.token.revoke({ tenant: owner.tenant.slug, id })
    expect((await refusal(await server.callerWithToken(token), path, own()))?.code).toBe('unauthenticated')
  })

  it('does not exist for people who are no operators', async () => {
    if (rung !== 'operator') return
    const person = server.callerOf({ ...stranger.actor, kind: 'session', tenantId: null })
    expect((await refusal(person, path, own()))?.code).toBe('not_found')
  })
})

/** What the doors of server/api/trpc.ts say; everything else is said behind them. */
const doors: Readonly<Record<string, Access>> = {
  'Sign in first, or send a token that is valid.': 'unauthenticated',
  'A token cannot do this: sign in with a browser.': 'unauthenticated',
  'This does not exist here.': 'not_found',
}

describe('docs/authorization.md', () => {
  const page = new URL('../../docs/authorization.md', import.meta.url)
  let people: Record<Caller, TestCaller>
  let slug = ''

  beforeAll(async () => {
    const [admin, elsewhere, member, operator] = [await server.signUp('matrix'), await server.signUp('elsewhere'), await server.signUp('colleague'), await server.signUp('operator')]
    slug = admin.tenant.slug
    await server.db.membership.create({ data: { tenantId: admin.tenant.id, userId: member.actor.userId, role: 'member' } })
    const inBrowser = ({ actor }: typeof admin, more: { operator?: boolean } = {}) => server.callerOf({ ...actor, ...more, kind: 'session', tenantId: null })
    const revoked = await inBrowser(admin).token.create({ tenant: slug, name: 'short', expiresInDays: 1 })
    await inBrowser(admin).token.revoke({ tenant: slug, id: revoked.id })
    people = { nobody: server.nobody, elsewhere: inBrowser(elsewhere), member: inBrowser(member), admin: inBrowser(admin), token: admin.caller, revoked: await server.callerWithToken(revoked.token), operator: inBrowser(operator, { operator: true }) }
  })

  it.each(callerNames)('says what %s may do', async (caller) => {
    for (const { path, meta = open } of procedures) {
      const input = meta.rung === 'tenant' ? { tenant: slug, ...inputs[path] } : inputs[path]
      const answer = await refusal(people[caller], path, input)
      const access = answer === null ? 'in' : (doors[answer.message] ?? (answer.message.startsWith('Tenant ') ? 'not_found' : 'in'))
      expect.soft(access, `${path}: ${answer?.message ?? ''}`).toBe(expectedAccess(meta, caller))
    }
  })

  it('is what the procedures say of themselves', () => {
    const text = authorizationPage(procedures.map(({ path, type, meta = open }) => ({ path, type, meta })))
    if (process.env.HYPERNETES_WRITE_DOCS === '1') writeFileSync(page, text)
    expect(readFileSync(page, 'utf8')).toBe(text)
  })
})
