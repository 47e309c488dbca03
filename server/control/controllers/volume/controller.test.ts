import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { volumeSpec } from '@/domain/volume/spec'
import { logger } from '@/platform/logger'
import { inTransaction, openDatabase, type DatabaseClient } from '@/server/store/database'
import { FeedReader } from '@/server/store/feed-reader'
import { storeVolumeReport } from '@/server/store/volume-reports'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import type { Controller } from '../../runtime/controller'
import { createVolumeControllers } from './controller'

let database: TestDatabase
let db: DatabaseClient
const tenantId = 'a'.repeat(32)
let hosts: string[] = []
let networkId = ''
let stores: Record<'local' | 'ceph', { storeId: string; classId: string }>
const log = logger('test')
log.level = 'silent'
let steady = 0
let controllers: Controller[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  await db.tenant.create({ data: { id: tenantId, slug: 'ann', name: 'ann' } })
  networkId = (await db.network.create({ data: { tenantId, name: 'main', spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24' } } }) } })).uid
  hosts = await Promise.all(['h1', 'h2'].map(async (name) => (await db.host.create({ data: { name, publicKey: name, phase: 'Ready' } })).id))
  const make = async (name: string, spec: object) => {
    const { uid: storeId } = await db.volumeStore.create({ data: { name, spec } })
    for (const hostId of hosts) await db.volumeStoreHost.create({ data: { storeId, hostId, reachable: true, totalBytes: 10n << 30n, freeBytes: hostId === hosts[0] ? 5n << 30n : 8n << 30n } })
    const { uid: classId } = await db.storageClass.create({ data: { name, storeId, spec: { store: name } } })
    return { storeId, classId }
  }
  stores = { local: await make('local', { kind: 'file' }), ceph: await make('ceph', { kind: 'rbd', monitors: ['192.0.2.1:3300'], pool: 'p', user: 'u', networks: ['192.0.2.0/24'] }) }
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})
beforeEach(async () => {
  await db.volumeAttachment.deleteMany()
  await db.volumeSnapshot.deleteMany()
  await db.volume.deleteMany()
  await db.pod.deleteMany()
  await db.host.updateMany({ data: { phase: 'Ready', lostAt: null } })
  steady = 0
  controllers = createVolumeControllers({ steady: () => steady })
})

const ctx = () => ({ db, log, feed: new FeedReader(db, database.url, () => {}) })
const host = (at: number) => hosts[at] ?? ''
/** Each key, and those that it stands for, until nothing is to be done. */
async function work(...keys: string[]): Promise<void> {
  const [main] = controllers
  const queue = [...keys]
  for (let turn = 0; queue.length > 0 && turn < 100; turn += 1) queue.push(...((await main?.reconcile(ctx(), queue.shift() ?? '')) ?? []))
}
/** As after each change: all that is there. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    const uids = (await db.volume.findMany({ select: { uid: true } })).map(({ uid }) => `volume:${uid}`)
    const pods = (await db.pod.findMany({ select: { uid: true } })).map(({ uid }) => `pod:${uid}`)
    await work(...uids, ...pods)
  }
}
const lookForLost = async () => {
  for (const one of controllers) await one.allKeys(ctx())
}
const volume = async (store: 'local' | 'ceph', data: object = {}) =>
  (await db.volume.create({ data: { tenantId, name: 'data', spec: volumeSpec.parse({ size: '1Gi' }), sizeBytes: 1n << 30n, ...stores[store], ...data } })).uid
async function pod(name: string, volumeId: string, hostId: string | null = null): Promise<string> {
  const { uid } = await db.pod.create({ data: { tenantId, namespace: 'default', name, networkId, hostId, spec: { containers: [{ name: 'a', image: 'busybox', volumeMounts: [{ name: 'disk', mountPath: '/data' }] }], volumes: [{ name: 'disk', cinder: { volumeID: volumeId } }] } } })
  await db.podReference.create({ data: { podUid: uid, tenantId, namespace: 'default', kind: 'Volume', name: volumeId, optional: false } })
  return uid
}
const rows = async () => (await db.volumeAttachment.findMany({ orderBy: { createdAt: 'asc' } })).map(({ podUid, phase, hostId, epoch, name }) => ({ podUid, phase, host: hostId && hosts.indexOf(hostId), epoch: epoch === null ? null : Number(epoch), name }))
const right = async (uid: string) => {
  const row = await db.volume.findUnique({ where: { uid } })
  return row && { host: row.hostId && hosts.indexOf(row.hostId), epoch: Number(row.epoch), home: row.homeHostId && hosts.indexOf(row.homeHostId), leaving: row.leaving, purging: row.purging, fence: row.fence }
}
const condition = async (objectUid: string, type: string) => {
  const row = await db.objectCondition.findUnique({ where: { objectUid_type: { objectUid, type } } })
  return row && `${row.status}/${row.reason}`
}
const made = async (uid: string) => db.volume.update({ where: { uid }, data: { storedPhase: 'Ready', storedSizeBytes: 1n << 30n } })

describe('the volume controller', () => {
  it('gives a blank volume to its first pod where that pod is, and to the next one once the first has let go', async () => {
    const uid = await volume('local')
    const waiting = await pod('web', uid)
    await settle()
    expect([await rows(), await right(uid), await condition(uid, 'Ready')]).toEqual([[], { host: null, epoch: 0, home: null, leaving: false, purging: false, fence: null }, 'False/Creating'])
    await db.pod.update({ where: { uid: waiting }, data: { hostId: host(1) } })
    await settle()
    expect(await rows()).toEqual([{ podUid: waiting, phase: 'Attaching', host: 1, epoch: 1, name: 'disk' }])
    expect(await right(uid)).toEqual({ host: 1, epoch: 1, home: 1, leaving: false, purging: false, fence: null })
    expect(await condition(waiting, 'VolumesAvailable')).toBe('False/Attaching')
    await made(uid)
    await db.volumeAttachment.updateMany({ data: { phase: 'Attached' } })
    await settle()
    expect([await condition(waiting, 'VolumesAvailable'), await condition(uid, 'Ready')]).toEqual(['True/Attached', 'True/Ready'])
    // A second one waits, and says for whom.
    const second = await pod('next', uid, host(1))
    await settle()
    expect((await rows()).map(({ phase }) => phase)).toEqual(['Attached', 'Waiting'])
    expect(await condition(second, 'VolumesAvailable')).toBe('False/VolumeInUse')
    expect(await db.event.findMany({ where: { objectUid: second }, select: { reason: true, message: true } })).toEqual([{ reason: 'VolumeInUse', message: 'Volume "data" is attached to pod "web" in namespace "default": delete that pod, or clone the volume.' }])
    // The first is deleted: it has the volume until its containers have ended, and then until its host says so.
    await db.pod.update({ where: { uid: waiting }, data: { deletedAt: new Date() } })
    await settle()
    expect((await rows()).map(({ phase }) => phase)).toEqual(['Attached', 'Waiting'])
    await db.pod.delete({ where: { uid: waiting } })
    await settle()
    expect((await rows()).map(({ phase }) => phase)).toEqual(['Detaching', 'Waiting'])
    await db.volumeAttachment.deleteMany({ where: { podUid: waiting } })
    await settle()
    expect(await rows()).toEqual([{ podUid: second, phase: 'Attaching', host: 1, epoch: 2, name: 'disk' }])
  })

  it('takes a volume in Ceph from a host that is silent for its time, under a fence, and gives it to a pod elsewhere once that is done', async () => {
    const uid = await volume('ceph', { storedPhase: 'Ready', storedSizeBytes: 1n << 30n })
    const first = await pod('web', uid, host(0))
    await settle()
    await db.volumeAttachment.updateMany({ data: { phase: 'Attached' } })
    const second = await pod('next', 'data', host(1))
    await db.host.update({ where: { id: host(0) }, data: { phase: 'Unknown' } })
    await lookForLost()
    await settle()
    expect((await rows()).map(({ phase }) => phase)).toEqual(['Attached', 'Waiting'])
    steady = 5000
    await lookForLost()
    await settle()
    expect((await rows()).map(({ phase, podUid }) => [podUid, phase])).toEqual([[first, 'Lost'], [second, 'Waiting']])
    expect(await right(uid)).toMatchObject({ host: 1, epoch: 2, fence: { hostId: host(0), epoch: 1 } })
    expect(await condition(second, 'VolumesAvailable')).toBe('False/Fencing')
    await db.volume.update({ where: { uid }, data: { report: { fenced: { epoch: 2, clients: [] } } } })
    await settle()
    // The first one asks anew, for it is there still.
    expect(await rows()).toEqual([{ podUid: second, phase: 'Attaching', host: 1, epoch: 3, name: 'disk' }, { podUid: first, phase: 'Waiting', host: null, epoch: null, name: 'disk' }])
    // What was said of that stays, whatever is reported next.
    await db.volume.update({ where: { uid }, data: { report: {} } })
    expect((await db.volume.findUniqueOrThrow({ where: { uid } })).fencedBelow).toBe(2n)
  })

  it('never takes one that lies in files, and says what helps', async () => {
    const uid = await volume('local')
    await pod('web', uid, host(0))
    await settle()
    await made(uid)
    await db.volumeAttachment.updateMany({ data: { phase: 'Attached' } })
    await db.host.update({ where: { id: host(0) }, data: { phase: 'Unknown' } })
    const second = await pod('next', uid, host(1))
    await lookForLost()
    steady = 10 * 60_000
    await lookForLost()
    await settle()
    expect((await rows()).map(({ phase }) => phase)).toEqual(['Lost', 'Waiting'])
    expect(await right(uid)).toMatchObject({ host: 0, epoch: 1 })
    expect([await condition(uid, 'Ready'), await condition(second, 'VolumesAvailable')]).toEqual(['Unknown/HostLost', 'False/ElsewhereOnDisk'])
    expect((await lookForLost(), await rows())).toHaveLength(2)
  })

  it('makes at once what its class says so of, where most room is, and leaves what has no room', async () => {
    await db.storageClass.update({ where: { uid: stores.local.classId }, data: { spec: { store: 'local', volumeBindingMode: 'Immediate' } } })
    try {
      const uid = await volume('local')
      const large = await volume('local', { name: 'large', sizeBytes: 9n << 30n })
      await settle()
      expect(await right(uid)).toMatchObject({ host: 1, epoch: 1, home: 1 })
      await db.host.update({ where: { id: host(1) }, data: { unschedulable: true } })
      const other = await volume('local', { name: 'other' })
      await settle()
      expect(await right(other)).toMatchObject({ host: 0, home: 0 })
      expect([await right(large), await condition(large, 'Ready')]).toEqual([{ host: null, epoch: 0, home: null, leaving: false, purging: false, fence: null }, 'False/NoSpace'])
    } finally {
      await db.storageClass.update({ where: { uid: stores.local.classId }, data: { spec: { store: 'local' } } })
      await db.host.updateMany({ data: { unschedulable: false } })
    }
  })

  it('lets a keeper go that has had nothing to do for a minute', async () => {
    const uid = await volume('ceph', { storedPhase: 'Ready', storedSizeBytes: 1n << 30n, hostId: host(0), epoch: 4n })
    await settle()
    steady = 59_999
    await settle()
    expect(await right(uid)).toMatchObject({ leaving: false })
    steady = 60_000
    await settle()
    expect(await right(uid)).toMatchObject({ host: 0, leaving: true })
  })

  it('leaves a keeper at work its volume until that has not reached the store for a minute in a row', async () => {
    const uid = await volume('ceph', { storedPhase: 'Creating', hostId: host(0), epoch: 4n })
    const reaches = async (reachable: boolean) => {
      await db.volumeStoreHost.update({ where: { storeId_hostId: { storeId: stores.ceph.storeId, hostId: host(0) } }, data: { reachable } })
      await settle()
      return (await right(uid))?.leaving
    }
    try {
      expect(await reaches(false)).toBe(false)
      steady = 59_000
      expect([await reaches(false), await reaches(true), await reaches(false)]).toEqual([false, false, false])
      steady = 118_000
      expect(await reaches(false)).toBe(false)
      steady = 119_000
      expect(await reaches(false)).toBe(true)
    } finally {
      await reaches(true)
    }
  })

  it('purges a deleted volume when its time is over, and removes its row once it is gone from its store', async () => {
    const uid = await volume('local', { storedPhase: 'Ready', storedSizeBytes: 1n << 30n, hostId: host(0), homeHostId: host(0), epoch: 1n, deletedAt: new Date(), purgeAt: new Date(Date.now() + 3_600_000) })
    await settle()
    expect(await right(uid)).toMatchObject({ purging: false })
    await db.volume.update({ where: { uid }, data: { purgeAt: new Date(Date.now() - 1) } })
    await settle()
    expect(await right(uid)).toMatchObject({ host: 0, purging: true })
    expect(await condition(uid, 'Ready')).toBe('False/Purging')
    expect(await db.auditEntry.findMany({ where: { action: 'volume.purge' }, select: { kind: true, name: true, detail: true } })).toEqual([{ kind: 'Volume', name: 'data', detail: expect.stringMatching(/^1 GiB, deleted at 2/) as string }])
    await db.volume.update({ where: { uid }, data: { storedPhase: 'Purged' } })
    await settle()
    expect(await right(uid)).toBeNull()
  })

  it('has one that was made looked at again where it is found damaged, and snapshots of a deleted one removed', async () => {
    const damaged = await volume('ceph', { storedPhase: 'Failed', storedSizeBytes: 1n << 30n })
    const never = await volume('ceph', { name: 'never', storedPhase: 'Failed' })
    const gone = await volume('ceph', { name: 'gone', storedPhase: 'Ready', storedSizeBytes: 1n << 30n, deletedAt: new Date(), purgeAt: new Date(Date.now() + 3_600_000) })
    await db.volumeSnapshot.create({ data: { tenantId, name: 's', spec: {}, volumeUid: gone, storeId: stores.ceph.storeId, sizeBytes: 1n, phase: 'Deleting', deletedAt: new Date() } })
    await settle()
    expect([(await right(damaged))?.epoch, (await right(never))?.epoch, (await right(gone))?.epoch]).toEqual([1, 0, 1])
  })

  it('looks not again and again at what is at rest', async () => {
    const uid = await volume('ceph', { storedPhase: 'Ready', storedSizeBytes: 1n << 30n })
    const user = await pod('web', uid, host(0))
    await settle()
    const keys = async () => (await controllers[0]?.allKeys(ctx())) ?? []
    expect(await keys()).toEqual(expect.arrayContaining([`volume:${uid}`, `pod:${user}`]))
    expect(await keys()).toEqual(expect.arrayContaining([`volume:${uid}`, `pod:${user}`]))
    await db.volumeAttachment.updateMany({ data: { phase: 'Attached' } })
    await settle()
    expect([await condition(user, 'VolumesAvailable'), await keys()]).toEqual(['True/Attached', []])
    const { revision } = await db.volume.findUniqueOrThrow({ where: { uid } })
    await settle()
    expect((await db.volume.findUniqueOrThrow({ where: { uid } })).revision).toBe(revision)
  })

  it('says why its keeper cannot do what it shall, once', async () => {
    const uid = await volume('ceph', { storedPhase: 'Ready', storedSizeBytes: 1n << 29n, hostId: host(0), epoch: 4n })
    for (let times = 0; times < 2; times += 1) await inTransaction(db, (tx) => storeVolumeReport(tx, host(0), { kind: 'volume', uid, epoch: 4, phase: 'Ready', reason: 'NoSpace', message: 'The pool is full', sizeBytes: 2 ** 29 }))
    await settle()
    expect(await condition(uid, 'Ready')).toBe('False/NoSpace')
    expect(await db.event.findMany({ where: { objectUid: uid }, select: { type: true, reason: true, message: true } })).toEqual([{ type: 'Warning', reason: 'NoSpace', message: 'The pool is full' }])
    // What was said under an earlier number says nothing of the present one.
    await db.volume.update({ where: { uid }, data: { epoch: 5n } })
    await settle()
    expect(await condition(uid, 'Ready')).toBe('True/Ready')
  })

  it('says of a pod what is wrong with a volume that it names and that is not there', async () => {
    const uid = await pod('web', randomUUID(), host(0))
    await settle()
    expect(await condition(uid, 'VolumesAvailable')).toBe('False/VolumeNotFound')
  })

  it('follows a pod that gets a volume while it runs, though it was found without one before', async () => {
    const uid = await volume('ceph', { storedPhase: 'Ready', storedSizeBytes: 1n << 30n })
    const { uid: runs } = await db.pod.create({ data: { tenantId, namespace: 'default', name: 'bare', networkId, hostId: host(0), spec: { containers: [{ name: 'a', image: 'busybox' }] } } })
    await settle()
    // Its further changes, of which a start has many, ask the database nothing.
    const asks = new Proxy(db, { get: (_, what) => { throw new Error(`the database is asked: ${String(what)}`) } })
    expect(await controllers[0]?.reconcile({ ...ctx(), db: asks }, `pod:${runs}`)).toEqual([])
    await db.volumeAttachment.create({ data: { tenantId, volumeUid: uid, podUid: runs, name: 'hot', readOnly: false, mounts: [] } })
    await work(`volume:${uid}`)
    expect(await rows()).toEqual([{ podUid: runs, phase: 'Attaching', host: 0, epoch: 1, name: 'hot' }])
    await db.pod.delete({ where: { uid: runs } })
    await work(`pod:${runs}`)
    expect((await rows()).map(({ phase }) => phase)).toEqual(['Detaching'])
  })
})
