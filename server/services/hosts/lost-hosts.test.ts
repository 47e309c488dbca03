import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { startTestServer } from '@/server/api/testing/server'
import { podController } from '@/server/control/controllers/pod/controller'
import { namespaceController } from '@/server/control/controllers/namespace/controller'
import { HostSessions } from '@/server/gateway/host-sessions'
import { connectHost } from '@/server/gateway/testing/connected-host'

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => void (server = await startTestServer()))
afterAll(() => server.stop())

const control = () => ({ db: server.db, log: server.server.log, feed: server.server.feed })
const sessions = new HostSessions()
const silence = (id: string) => server.db.host.update({ where: { id }, data: { phase: 'Unknown' } })
/** A pod of a tenant on a host, with its assignment. */
async function podOn(hostId: string, who: Awaited<ReturnType<typeof server.signUp>>, name: string): Promise<string> {
  const networkId = (await server.db.network.findFirstOrThrow({ where: { tenantId: who.tenant.id } })).uid
  const { uid } = await server.db.pod.create({ data: { tenantId: who.tenant.id, namespace: 'default', name, networkId, hostId, spec: { containers: [{ name: 'a', image: 'busybox' }] } } })
  await podController.reconcile(control(), uid)
  return uid
}

describe('a host that is lost', () => {
  it('is declared so by its name, once it is silent; its pods have failed, and it is let in again only when it is readmitted', async () => {
    const [olga, ann] = [await server.signUp('olga'), await server.signUp('ann')]
    const operator = server.callerOf({ ...olga.actor, operator: true, kind: 'session', tenantId: null })
    await server.db.network.create({ data: { tenantId: ann.tenant.id, name: 'main', spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24' } } }) } })
    const host = await connectHost(server, sessions, 'h1')
    const [runs, goes] = [await podOn(host.hostId, ann, 'runs'), await podOn(host.hostId, ann, 'goes')]
    await server.db.pod.update({ where: { uid: goes }, data: { deletedAt: new Date() } })
    const declare = (confirm = 'h1') => operator.host.declareLost({ name: 'h1', confirm })
    await expect(declare()).rejects.toThrow('Host "h1" is heard of')
    await silence(host.hostId)
    await expect(declare('h2')).rejects.toThrow('needs its name twice')
    const view = await declare()
    expect([view.status.phase, view.status.lostSince]).toEqual(['Unknown', expect.any(String)])
    expect((await declare()).status.lostSince).toBe(view.status.lostSince)
    expect((await ann.caller.pod.get({ tenant: ann.tenant.slug, name: 'runs' })).status).toMatchObject({ phase: 'Failed', reason: 'HostLost' })
    expect(await server.db.event.findMany({ where: { objectUid: runs, reason: 'HostLost' } })).toMatchObject([{ tenantId: ann.tenant.id, objectKind: 'Pod', objectName: 'runs', type: 'Warning', count: 1, message: expect.stringContaining('Delete it, and create it anew') }])
    for (const uid of [runs, goes]) await podController.reconcile(control(), uid)
    expect(await server.db.pod.findMany({ where: { hostId: host.hostId }, select: { uid: true } })).toEqual([{ uid: runs }])
    expect(await server.db.podAssignment.count({ where: { hostId: host.hostId } })).toBe(0)
    // What it says on the connection that it has counts for nothing, and another one is refused.
    await host.heartbeat()
    await expect(host.report()).rejects.toThrow()
    expect((await server.db.host.findUniqueOrThrow({ where: { id: host.hostId } })).phase).toBe('Unknown')
    await expect(connectHost(server, sessions, 'h1')).rejects.toThrow('was declared lost')
    // What it has to remove once it is back is counted on its page.
    const { uid: storeId } = await server.db.volumeStore.create({ data: { name: 'files', spec: { kind: 'file' } } })
    const { uid: removed } = await server.db.lostRemoval.create({ data: { uid: runs, kind: 'volume', tenantId: ann.tenant.id, name: 'data', storeId, hostId: host.hostId, epoch: 2n } })
    expect((await operator.host.get({ name: 'h1' })).removals).toBe(1)
    await server.db.lostRemoval.delete({ where: { uid: removed } })
    expect((await operator.host.get({ name: 'h1' })).removals).toBe(0)
    // So is what it has of volumes: on its own disk, and in stores of others.
    const { uid: classId } = await server.db.storageClass.create({ data: { name: 'files', storeId, spec: { store: 'files' } } })
    const volume = (name: string, at: object) => server.db.volume.create({ data: { tenantId: ann.tenant.id, name, spec: { size: '1Gi' }, classId, storeId, sizeBytes: 2n ** 30n, ...at } })
    for (const [name, at] of [['disk', { homeHostId: host.hostId }], ['open', { homeHostId: host.hostId, hostId: host.hostId }], ['shared', { hostId: host.hostId }], ['unmade', {}]] as const) await volume(name, at)
    expect((await operator.host.get({ name: 'h1' })).volumes).toEqual({ onDisk: 2, kept: 1 })
    await server.db.volume.deleteMany()
    // And of pods all are counted, of which the newest are named.
    const { podCount: before } = await operator.host.get({ name: 'h1' })
    const { tenantId, namespace, networkId } = await server.db.pod.findFirstOrThrow({ where: { hostId: host.hostId } })
    await server.db.pod.createMany({ data: Array.from({ length: 500 }, (_, i) => ({ tenantId, namespace, name: `many-${i}`, networkId, spec: { containers: [{ name: 'main', image: 'busybox' }] }, hostId: host.hostId })) })
    const { podCount, pods } = await operator.host.get({ name: 'h1' })
    expect([before > 0, podCount, pods.length]).toEqual([true, before + 500, 500])
    await server.db.pod.deleteMany({ where: { name: { startsWith: 'many-' } } })
    await operator.host.readmit({ name: 'h1' })
    await expect(operator.host.readmit({ name: 'h1' })).rejects.toThrow('was not declared lost')
    expect((await connectHost(server, sessions, 'h1')).hostId).toBe(host.hostId)
    // A pod that failed with it goes at once when it is deleted.
    await ann.caller.pod.delete({ tenant: ann.tenant.slug, name: 'runs' })
    await podController.reconcile(control(), runs)
    expect(await server.db.pod.count({ where: { uid: runs } })).toBe(0)
    expect((await server.db.auditEntry.findMany({ where: { kind: 'Host' }, orderBy: { id: 'asc' } })).map(({ action }) => action)).toEqual(['host.declareLost', 'host.readmit'])
  })

  it('keeps no pod that is deleted by force, which is refused while it is heard of', async () => {
    const ben = await server.signUp('ben')
    const host = await connectHost(server, sessions, 'h2')
    await server.db.network.create({ data: { tenantId: ben.tenant.id, name: 'main', spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24' } } }) } })
    const uid = await podOn(host.hostId, ben, 'web')
    const remove = () => ben.caller.pod.delete({ tenant: ben.tenant.slug, name: 'web', force: true })
    await expect(remove()).rejects.toThrow('Host "h2" is heard of, and ends the pod "web" itself')
    await silence(host.hostId)
    await ben.caller.pod.delete({ tenant: ben.tenant.slug, name: 'web' })
    await podController.reconcile(control(), uid)
    expect(await server.db.pod.count({ where: { uid } })).toBe(1)
    await remove()
    await podController.reconcile(control(), uid)
    expect(await server.db.pod.count({ where: { uid } })).toBe(0)
    expect((await server.db.auditEntry.findMany({ where: { kind: 'Pod', action: 'pod.delete', name: 'web' }, orderBy: { id: 'asc' } })).map(({ detail }) => detail)).toEqual(['', 'without its host’s word'])
  })
})

it('a namespace that is deleted waits for its claims, which it gives up', async () => {
  const cat = await server.signUp('cat')
  const of = { tenant: cat.tenant.slug, namespace: 'going' }
  await cat.caller.namespace.create({ tenant: of.tenant, name: of.namespace })
  const claim = await cat.caller.volumeClaim.create({ ...of, name: 'data', spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } })
  await server.db.namespace.updateMany({ where: { tenantId: cat.tenant.id, name: of.namespace }, data: { deletedAt: new Date() } })
  const left = () => server.db.namespace.count({ where: { tenantId: cat.tenant.id, name: of.namespace } })
  await namespaceController.reconcile(control(), 'all')
  expect([await left(), (await server.db.volumeClaim.findUniqueOrThrow({ where: { uid: claim.metadata.uid } })).deletedAt]).toEqual([1, expect.any(Date)])
  await server.db.volumeClaim.delete({ where: { uid: claim.metadata.uid } })
  await namespaceController.reconcile(control(), 'all')
  expect(await left()).toBe(0)
})
