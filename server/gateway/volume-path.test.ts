import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { namespaceController } from '@/server/control/controllers/namespace/controller'
import { podController } from '@/server/control/controllers/pod/controller'
import { createClaimController } from '@/server/control/controllers/volume/claims/controller'
import { createVolumeControllers } from '@/server/control/controllers/volume/controller'
import { snapshotController } from '@/server/control/controllers/volume/snapshots/controller'
import { scheduler } from '@/server/control/scheduler/scheduler'
import { HostSessions } from './host-sessions'
import { startControllers } from './testing/running-controllers'
import { connectVolumeHost } from './testing/volume-host'

/** What people ask for over the API, the control process's controllers, the gateway, and two hosts that do as they are told: all of it but the disks. */
let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<Awaited<ReturnType<typeof startTestServer>>['signUp']>>
let stop: () => Promise<void>
let hosts: Awaited<ReturnType<typeof connectVolumeHost>>[] = []
const sessions = new HostSessions()
/** Of the controllers: hours pass as a test wants. */
let hours = 0

beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  await server.db.storageClass.deleteMany()
  await server.db.volumeStore.deleteMany()
  for (const [name, spec] of Object.entries({ local: { kind: 'file', shared: false }, nfs: { kind: 'file', shared: true, folder: '/srv/volumes' } })) {
    const { uid: storeId } = await server.db.volumeStore.create({ data: { name, spec } })
    await server.db.storageClass.create({ data: { name, storeId, isDefault: name === 'local', spec: { store: name } } })
  }
  const steady = () => performance.now() + hours * 3_600_000
  stop = await startControllers(server, sessions, [scheduler, podController, namespaceController, ...createVolumeControllers({ steady }), createClaimController({ quotas: server.server.config.volumeQuotas, graceMs: 3_600_000 }), snapshotController])
  hosts = [await connectVolumeHost(server, sessions, 'h1'), await connectVolumeHost(server, sessions, 'h2')]
  for (const host of hosts) await host.begin()
  await vi.waitFor(async () => expect(await server.db.volumeStoreHost.count({ where: { reachable: true } })).toBe(4), { timeout: 30_000, interval: 20 })
})
afterAll(async () => {
  await stop()
  for (const host of hosts) host.close()
  await server.stop()
})
afterEach(() => {
  for (const host of hosts) expect(host.failure()).toBeNull()
})

const soon = <T>(read: () => T) => expect.poll(read, { timeout: 30_000, interval: 20 })
const tenant = () => ann.tenant.slug
const volume = async (name: string) => ann.caller.volume.get({ tenant: tenant(), name })
const phase = async (name: string) => (await volume(name)).status.phase
const create = (name: string, spec: object = {}) => ann.caller.volume.create({ tenant: tenant(), name, spec: { size: '1Gi', ...spec } })
async function pod(name: string, disk: object): Promise<string> {
  const spec = { containers: [{ name: 'a', image: 'busybox', volumeMounts: [{ name: 'disk', mountPath: '/data' }] }], volumes: [{ name: 'disk', ...disk }] }
  return (await ann.caller.pod.create({ tenant: tenant(), name, spec })).metadata.uid
}
const hostOf = async (uid: string) => {
  const { hostId } = await server.db.pod.findUniqueOrThrow({ where: { uid } })
  return hosts.find((host) => host.hostId === hostId)
}
/** The pod goes as its host says it does: told of its deletion, it says that it is gone. */
async function end(name: string, uid: string): Promise<void> {
  const host = await hostOf(uid)
  await ann.caller.pod.delete({ tenant: tenant(), name, graceSeconds: 0 })
  await soon(() => host?.assignments().find((one) => one.uid === uid)?.deletion ?? null).not.toBeNull()
  await host?.report({ uid, observedGeneration: 1, phase: 'Gone', reason: '', message: '', conditions: [], containers: [], startMode: null, startSteps: [], startedAt: null })
  await soon(() => server.db.pod.count({ where: { uid } })).toBe(0)
}
const users = async (name: string) => (await volume(name)).status.attachments.map(({ pod: of, phase: is }) => `${of?.name ?? '-'}:${is}`)

describe('a volume', () => {
  it('is made where its first pod comes, is there for the next one, and draws it to its host', async () => {
    await create('data')
    expect(await phase('data')).toBe('Pending')
    const first = await pod('first', { cinder: { volumeID: 'data' } })
    await soon(() => users('data')).toEqual(['first:Attached'])
    const host = await hostOf(first)
    const made = await volume('data')
    expect([made.status.phase, made.status.homeHost]).toEqual(['InUse', (await server.db.host.findUniqueOrThrow({ where: { id: host?.hostId ?? '' } })).name])
    await soon(() => host?.assignments().find(({ uid }) => uid === first)?.volumes).toMatchObject([{ name: 'disk', volumeUid: made.metadata.uid, epoch: 1 }])
    // A second one waits on the same host, and has it as soon as the first is gone.
    const second = await pod('second', { cinder: { volumeID: made.metadata.uid } })
    await soon(async () => (await ann.caller.pod.get({ tenant: tenant(), name: 'second' })).status.conditions.find(({ type }) => type === 'VolumesAvailable')?.message).toContain('is attached to pod "first"')
    expect(await hostOf(second)).toBe(host)
    // Its host knows only that it waits: what is shown first says who has the volume, at the pod and at the volume.
    await host?.report({ uid: second, observedGeneration: 1, phase: 'Starting', reason: 'WaitingForVolumes', message: 'It waits.', conditions: [], containers: [], startMode: null, startSteps: [], startedAt: null })
    await soon(async () => (await ann.caller.pod.get({ tenant: tenant(), name: 'second' })).status).toMatchObject({ phase: 'Starting', reason: 'VolumeInUse', message: expect.stringContaining('is attached to pod "first" in namespace "default": delete that pod, or clone the volume') as string })
    expect((await volume('data')).status.attachments.find(({ phase: is }) => is === 'Waiting')).toMatchObject({ reason: 'VolumeInUse', message: 'Pod "first" in namespace "default" has it: delete that pod, or clone the volume.' })
    await end('first', first)
    await soon(() => users('data')).toEqual(['second:Attached'])
    expect(host?.openBy(made.metadata.uid)).toEqual([`${second}/2`])
    await end('second', second)
    await soon(() => phase('data')).toBe('Available')
  })

  it('of a claim goes with it, can be restored while its time lasts, and is removed for good after that', async () => {
    await ann.caller.volumeClaim.create({ tenant: tenant(), name: 'claim', spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } })
    const uid = await pod('claims', { persistentVolumeClaim: { claimName: 'claim' } })
    const claim = () => ann.caller.volumeClaim.get({ tenant: tenant(), name: 'claim' })
    await soon(async () => (await claim()).status.phase).toBe('Bound')
    const name = (await claim()).status.volume ?? ''
    await soon(() => users(name)).toEqual(['claims:Attached'])
    await ann.caller.volumeClaim.delete({ tenant: tenant(), name: 'claim' })
    await soon(async () => (await claim()).status.conditions.find(({ type }) => type === 'Bound')?.message).toContain('pod "claims" does')
    await end('claims', uid)
    await soon(() => phase(name)).toBe('Deleted')
    await ann.caller.volume.restore({ tenant: tenant(), name, newName: 'kept' })
    await soon(() => phase('kept')).toBe('Available')
    await ann.caller.volume.delete({ tenant: tenant(), name: 'kept' })
    const row = await server.db.volume.findFirstOrThrow({ where: { name: 'kept' } })
    await server.db.volume.update({ where: { uid: row.uid }, data: { purgeAt: new Date(Date.now() - 1000) } })
    await soon(() => server.db.volume.count({ where: { uid: row.uid } })).toBe(0)
    expect(hosts.some((host) => host.disk.volumes.get(row.uid)?.made === true)).toBe(false)
  })

  it('in a store that hosts share leaves one host before it comes to another, and a clone of it is made at once', async () => {
    await create('shared', { storageClassName: 'nfs' })
    const [one, two] = hosts
    for (const [at, host] of hosts.entries()) {
      // So that the pod comes to that host.
      await server.db.host.updateMany({ where: { id: hosts[1 - at]?.hostId ?? '' }, data: { unschedulable: true } })
      const uid = await pod(`on-${at}`, { cinder: { volumeID: 'shared' } })
      await soon(() => users('shared')).toEqual([`on-${at}:Attached`])
      expect(await hostOf(uid)).toBe(host)
      await end(`on-${at}`, uid)
      await server.db.host.updateMany({ data: { unschedulable: false } })
    }
    const { uid } = (await volume('shared')).metadata
    expect([one?.openBy(uid), two?.volume(uid)?.epoch]).toEqual([[], 2])
    await create('clone', { storageClassName: 'nfs', source: { kind: 'Volume', name: 'shared' } })
    await soon(() => phase('clone')).toBe('Available')
    await soon(() => server.db.volumeSnapshot.count()).toBe(0)
  })

  it('on a host that is lost waits for an operator, whose word lets a pod elsewhere have it', async () => {
    const olga = await server.signUp('olga')
    const operator = server.callerOf({ ...olga.actor, operator: true, kind: 'session', tenantId: null })
    await create('given-up', { storageClassName: 'nfs' })
    await server.db.host.updateMany({ where: { id: hosts[0]?.hostId ?? '' }, data: { unschedulable: true } })
    const first = await pod('stays', { cinder: { volumeID: 'given-up' } })
    await soon(() => users('given-up')).toEqual(['stays:Attached'])
    const silent = await hostOf(first)
    expect(silent).toBe(hosts[1])
    silent?.close()
    await server.db.host.updateMany({ where: { id: hosts[0]?.hostId ?? '' }, data: { unschedulable: false } })
    await server.db.host.update({ where: { id: silent?.hostId ?? '' }, data: { phase: 'Unknown' } })
    await soon(() => ((hours += 1), phase('given-up'))).toBe('Lost')
    await soon(async () => [await phase('given-up'), await users('given-up')].flat()).toEqual(['Lost', 'stays:Lost'])
    await ann.caller.pod.delete({ tenant: tenant(), name: 'stays', force: true })
    await soon(() => server.db.pod.count({ where: { uid: first } })).toBe(0)
    const second = await pod('comes', { cinder: { volumeID: 'given-up' } })
    await soon(async () => (await ann.caller.pod.get({ tenant: tenant(), name: 'comes' })).status.conditions.find(({ type }) => type === 'VolumesAvailable')?.message).toContain('an operator declares it lost')
    expect(await users('given-up')).toEqual(['-:Lost', 'comes:Waiting'])
    await operator.host.declareLost({ name: 'h2', confirm: 'h2' })
    await soon(() => users('given-up')).toEqual(['comes:Attached'])
    expect(await hostOf(second)).toBe(hosts[0])
    // Readmitted, it is told to let go of what it had.
    await operator.host.readmit({ name: 'h2' })
    const back = await connectVolumeHost(server, sessions, 'h2', silent?.disk)
    hosts[1] = back
    const { uid } = (await volume('given-up')).metadata
    expect(back.openBy(uid)).toEqual([`${first}/1`])
    await back.begin()
    await soon(() => back.openBy(uid)).toEqual([])
    expect(await users('given-up')).toEqual(['comes:Attached'])
  })

  it('that is removed for good while its host is lost is removed from that host once it is readmitted, as its snapshots are', async () => {
    const olga = await server.signUp('olga-2')
    const operator = server.callerOf({ ...olga.actor, operator: true, kind: 'session', tenantId: null })
    await create('lies-there', { size: '2Gi' })
    const uid = await pod('writes', { cinder: { volumeID: 'lies-there' } })
    await soon(() => users('lies-there')).toEqual(['writes:Attached'])
    const before = await hostOf(uid)
    const at = hosts.findIndex((host) => host === before)
    const { uid: volumeUid } = (await volume('lies-there')).metadata
    const { uid: snapshotUid } = (await ann.caller.volumeSnapshot.create({ tenant: tenant(), name: 'of-it', spec: { source: { volumeName: 'lies-there' } } })).metadata
    await soon(async () => (await ann.caller.volumeSnapshot.get({ tenant: tenant(), name: 'of-it' })).status.phase).toBe('Ready')
    await end('writes', uid)
    before?.close()
    const hostId = before?.hostId ?? ''
    const { name } = await server.db.host.update({ where: { id: hostId }, data: { phase: 'Unknown' } })
    await operator.host.declareLost({ name, confirm: name })
    await ann.caller.volumeSnapshot.delete({ tenant: tenant(), name: 'of-it' })
    await ann.caller.volume.delete({ tenant: tenant(), name: 'lies-there' })
    await server.db.volume.update({ where: { uid: volumeUid }, data: { purgeAt: new Date(Date.now() - 1000) } })
    const rows = async () => [await server.db.volume.count({ where: { uid: volumeUid } }), await server.db.volumeSnapshot.count({ where: { uid: snapshotUid } })]
    await soon(rows).toEqual([0, 0])
    const removals = () => server.db.lostRemoval.findMany({ where: { hostId }, select: { uid: true, kind: true, epoch: true, volumeUid: true }, orderBy: { kind: 'desc' } })
    expect(await removals()).toEqual([{ uid: volumeUid, kind: 'volume', epoch: 2n, volumeUid: null }, { uid: snapshotUid, kind: 'snapshot', epoch: 0n, volumeUid }])
    const has = () => [before?.disk.volumes.get(volumeUid)?.made, before?.disk.snapshots.has(snapshotUid)]
    expect(has()).toEqual([true, true])
    await operator.host.readmit({ name })
    expect(await server.db.auditEntry.findFirstOrThrow({ where: { action: 'host.readmit', name }, orderBy: { id: 'desc' } })).toMatchObject({ detail: expect.stringContaining('2 volumes and snapshots that were removed for good since') })
    const back = await connectVolumeHost(server, sessions, name, before?.disk)
    hosts[at] = back
    await back.begin()
    await soon(removals).toEqual([])
    expect([has(), back.volume(volumeUid)?.epoch ?? 2]).toEqual([[false, false], 2])
    // It is told to forget them, too.
    await soon(() => [volumeUid, snapshotUid].filter((one) => back.removed.some((key) => key.endsWith(one)))).toEqual([volumeUid, snapshotUid])
  })
})
