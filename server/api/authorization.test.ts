import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TRPCError } from '@trpc/server'
import { DomainError } from '@/domain/shared/errors'
import { ensureDefaultPool } from '@/server/services/address-pools/default-pool'
import { appRouter } from './root'
import { authorizationPage, callerNames, expectedAccess, type Access, type Caller } from './testing/access'
import { startTestServer, type TestCaller } from './testing/server'
import type { ProcedureMeta } from './trpc'

/**
 * Every procedure with an input that would be right for its own tenant. A procedure that is missing here fails the test:
 * add it with such an input when you add it to a router.
 */
const pod = { namespace: 'default', name: 'web' }
const spec = { containers: [{ name: 'a', image: 'busybox' }] }
const inputs: Record<string, Record<string, unknown> | undefined> = {
  'account.signUp': { email: 'x@example.com', password: 'a long password indeed', name: 'X', organization: 'X' },
  'account.me': undefined,
  'account.requestPasswordReset': { email: 'x@example.com' },
  'account.resetPassword': { token: 'nothing', password: 'a long password indeed' },
  'account.changePassword': { currentPassword: 'x', newPassword: 'a long password indeed' },
  'account.sessions': undefined,
  'account.revokeSession': { id: '00000000-0000-4000-8000-000000000000' },
  'account.signOutEverywhere': undefined,
  'account.pending': undefined,
  'account.decline': { id: '00000000-0000-4000-8000-000000000000' },
  'account.approve': { id: '00000000-0000-4000-8000-000000000000' },
  'addressPool.list': undefined,
  'addressPool.get': { name: 'extra' },
  'addressPool.create': { name: 'extra', spec: { subnet: { cidr: '198.18.7.0/24' } } },
  'addressPool.update': { name: 'extra', labels: { a: 'b' } },
  'addressPool.delete': { name: 'extra' },
  'addressPool.setQuota': { tenant: 'owner', quota: 3 },
  'audit.list': {},
  'configMap.create': { name: 'foreign', data: { a: 'b' } },
  'configMap.list': {},
  'configMap.get': { name: 'settings' },
  'configMap.update': { name: 'settings', data: { a: 'changed' }, binaryData: {} },
  'configMap.delete': { name: 'settings' },
  'event.list': {},
  'figures.volume': { name: 'data', range: '1h' },
  'figures.pod': { ...pod, range: '1h' },
  'figures.service': { name: 'nothing' },
  'figures.balancer': { source: 'Service', name: 'nothing' },
  'figures.traffic': {},
  'figures.top': {},
  'figures.fleetPods': {},
  'figures.fleetHosts': {},
  'floatingAddress.list': {},
  'floatingAddress.watch': {},
  'floatingAddress.get': { name: 'outside' },
  'floatingAddress.offer': {},
  'floatingAddress.create': { name: 'foreign', spec: {} },
  'floatingAddress.update': { name: 'outside', target: { kind: 'Pod', name: 'web' } },
  'floatingAddress.delete': { name: 'outside' },
  'host.list': undefined,
  'host.get': { name: 'h' },
  'host.update': { name: 'h', unschedulable: true },
  'host.declareLost': { name: 'h', confirm: 'h' },
  'host.readmit': { name: 'h' },
  'image.list': {},
  'image.deleteUpload': { reference: 'app:1' },
  'image.prePull': { reference: 'app:1' },
  'image.cancelPrePull': { id: '00000000-0000-4000-8000-000000000000' },
  'image.prePullForAll': { reference: 'app:1' },
  'mail.list': {},
  'mail.resend': { id: '00000000-0000-4000-8000-000000000000' },
  'mail.get': { id: '00000000-0000-4000-8000-000000000000' },
  'manifest.apply': { yaml: 'apiVersion: v1\nkind: Namespace\nmetadata: {name: foreign}\n' },
  'manifest.get': { kind: 'Pod', name: 'web' },
  'manifest.list': { kind: 'Pod' },
  'manifest.delete': { kind: 'Pod', name: 'web' },
  'namespace.list': {},
  'namespace.get': { name: 'default' },
  'namespace.create': { name: 'foreign' },
  'namespace.delete': { name: 'extra' },
  'network.list': {},
  'network.topology': { name: 'default' },
  'networkPeering.list': {},
  'networkPeering.get': { name: 'to-extra' },
  'networkPeering.create': { name: 'foreign', spec: { network: 'default', peer: { tenant: 'elsewhere', network: 'theirs' } } },
  'networkPeering.update': { name: 'to-extra', labels: { a: 'b' } },
  'networkPeering.delete': { name: 'to-extra' },
  'networkPolicy.list': {},
  'networkPolicy.get': { name: 'closed' },
  'networkPolicy.create': { name: 'foreign', spec: { podSelector: {} } },
  'networkPolicy.update': { name: 'closed', spec: { podSelector: {}, ingress: [{}] } },
  'networkPolicy.delete': { name: 'closed' },
  'network.get': { name: 'default' },
  'network.reachability': { from: pod, to: { kind: 'address', address: '10.0.0.9' }, port: 80 },
  'network.previewRules': { group: 'nothing', spec: {} },
  'network.probe': { from: pod, to: { kind: 'address', address: '10.0.0.9' }, port: 80 },
  'network.create': { name: 'foreign', spec: { subnets: { a: { cidr: '10.9.0.0/24' } } } },
  'network.update': { name: 'default', outbound: 'none' },
  'network.delete': { name: 'extra' },
  'pod.create': { name: 'foreign', spec },
  'pod.list': {},
  'pod.get': pod,
  'pod.update': { ...pod, labels: { a: 'b' }, annotations: {} },
  'pod.delete': pod,
  'pod.deleteMany': { pods: [pod] },
  'pod.recreate': { ...pod, labels: {}, annotations: {}, spec },
  'pod.successor': pod,
  'pod.discardSuccessor': pod,
  'pod.run': { ...pod, command: ['true'] },
  'pod.logs': pod,
  'pod.openTerminal': pod,
  'pod.listFiles': { ...pod, path: '/etc' },
  'pod.openAttach': pod,
  'pod.openCopy': { ...pod, direction: 'out', path: '/etc/hostname' },
  'pod.openPortForward': { ...pod, port: 80 },
  'pod.openPortInBrowser': { ...pod, port: 80 },
  'pod.watch': {},
  'pod.followLogs': pod,
  'start.list': pod,
  'start.percentiles': {},
  'start.fleetPercentiles': {},
  'secret.create': { name: 'foreign', stringData: { a: 'b' } },
  'secret.list': {},
  'secret.get': { name: 'login' },
  'secret.reveal': { name: 'login' },
  'secret.update': { name: 'login', stringData: { a: 'changed' } },
  'secret.delete': { name: 'login' },
  'securityGroup.list': {},
  'securityGroup.get': { name: 'front' },
  'securityGroup.create': { name: 'foreign', spec: {} },
  'securityGroup.update': { name: 'front', spec: { rules: [{ direction: 'ingress' }] } },
  'securityGroup.delete': { name: 'front' },
  'certificate.list': {},
  'ingress.list': {},
  'ingress.get': { name: 'front' },
  'ingress.create': { name: 'foreign', spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } },
  'ingress.update': { name: 'front', labels: { a: 'b' } },
  'ingress.delete': { name: 'front' },
  'loadBalancer.list': {},
  'loadBalancer.get': { source: 'Ingress', name: 'front' },
  'loadBalancer.servers': { source: 'Ingress', name: 'front' },
  'loadBalancer.watch': {},
  'loadBalancer.openLog': { source: 'Ingress', name: 'front' },
  'loadBalancer.expose': { name: 'web', port: 80 },
  'service.list': {},
  'service.watch': {},
  'service.get': { name: 'web' },
  'service.create': { name: 'foreign', spec: { ports: [{ port: 80 }] } },
  'service.update': { name: 'web', spec: { ports: [{ port: 81 }] } },
  'service.delete': { name: 'web' },
  'token.issue': { email: 'nobody@example.com', password: 'x', name: 't', expiresInDays: 1 },
  'token.create': { name: 't', expiresInDays: 1 },
  'token.list': {},
  'token.revoke': { id: '00000000-0000-4000-8000-000000000000' },
  'volume.list': {},
  'volume.get': { name: 'data' },
  'volume.offer': {},
  'volume.create': { name: 'foreign', spec: { size: '1Gi' } },
  'volume.update': { name: 'data', limits: { iops: 100 } },
  'volume.delete': { name: 'data' },
  'volume.restore': { name: 'data' },
  'volume.attach': { name: 'data', pod, mounts: [{ container: 'a', mountPath: '/data' }] },
  'volume.detach': { name: 'data', pod },
  'volume.preview': { name: 'data', verb: 'delete' },
  'volume.watch': {},
  'volume.listUploads': {},
  'volume.deleteUpload': { id: '00000000-0000-4000-8000-000000000000' },
  'volume.previewRevert': { name: 'data', snapshot: 'before' },
  'volume.revert': { name: 'data', snapshot: 'before', keepCurrent: false },
  'volume.setQuota': { tenant: 'owner', volumes: 3 },
  'volumeStore.list': undefined,
  'volumeStore.get': { name: 'tested' },
  'volumeStore.create': { name: 'extra', spec: { kind: 'file' } },
  'volumeStore.update': { name: 'extra', labels: { a: 'b' } },
  'volumeStore.delete': { name: 'extra' },
  'storageClass.list': undefined,
  'storageClass.get': { name: 'tested' },
  'storageClass.create': { name: 'extra', spec: { store: 'tested' } },
  'storageClass.update': { name: 'extra', labels: { a: 'b' } },
  'storageClass.delete': { name: 'extra' },
  'volumeClaim.list': {},
  'volumeClaim.get': { name: 'data' },
  'volumeClaim.create': { name: 'foreign', spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  'volumeClaim.update': { name: 'data', labels: { a: 'b' } },
  'volumeClaim.delete': { name: 'data' },
  'volumeClaim.watch': {},
  'volumeSnapshot.list': {},
  'volumeSnapshot.get': { name: 'before' },
  'volumeSnapshot.create': { name: 'foreign', spec: { source: { volumeName: 'data' } } },
  'volumeSnapshot.createGroup': { name: 'foreign', pod },
  'volumeSnapshot.update': { name: 'before', labels: { a: 'b' } },
  'volumeSnapshot.delete': { name: 'before' },
  'volumeSnapshot.watch': {},
  'snapshotSchedule.list': {},
  'snapshotSchedule.get': { name: 'nightly' },
  'snapshotSchedule.preview': { spec: { volumes: { names: ['data'] }, every: '1d', keep: { daily: 7 } } },
  'snapshotSchedule.create': { name: 'foreign', spec: { volumes: { names: ['data'] }, every: '1d', keep: { daily: 7 } } },
  'snapshotSchedule.update': { name: 'nightly', labels: { a: 'b' } },
  'snapshotSchedule.delete': { name: 'nightly' },
}

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
