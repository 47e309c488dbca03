import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase } from '@/tools/testing/database'
import { inTransaction, openDatabase, type DatabaseClient } from './database'
import { markHostReadmitted } from './lost-hosts'
import { holdSnapshotFacts } from './snapshot-control'
import { removeVolumeRow } from './volume-writes'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: DatabaseClient
const tenantId = 'a'.repeat(32)
let hosts: string[] = []
let store = { classId: '', storeId: '' }
beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  await db.tenant.create({ data: { id: tenantId, slug: 'ann', name: 'ann' } })
  hosts = await Promise.all(['h1', 'h2'].map(async (name) => (await db.host.create({ data: { name, publicKey: name } })).id))
  const { uid: storeId } = await db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file', shared: false } } })
  const { uid: classId } = await db.storageClass.create({ data: { name: 'standard', storeId, isDefault: true, spec: { store: 'local' } } })
  store = { classId, storeId }
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})
beforeEach(async () => {
  await db.volumeAttachment.deleteMany()
  await db.volumeSnapshot.deleteMany()
  await db.volume.deleteMany()
  await db.$executeRaw`delete from "Change"`
})

const volume = (data: object = {}) => db.volume.create({ data: { tenantId, name: randomUUID(), spec: {}, sizeBytes: 1n << 30n, ...store, ...data } })
const attach = (volumeUid: string, data: object = {}) => db.volumeAttachment.create({ data: { volumeUid, podUid: randomUUID(), tenantId, name: 'data', ...data } })
const host = (at: number) => hosts[at] ?? ''
/** Which hosts' gateways were woken of a volume since it was asked last, in order of their names. */
async function woken(uid: string): Promise<string[]> {
  const changes = await db.$queryRaw<{ name: string }[]>`delete from "Change" where "kind" = 'VolumeHost' and "objectUid" = ${uid}::uuid returning "name"`
  return [...new Set(changes.map(({ name }) => `h${hosts.indexOf(name) + 1}`))].sort()
}

/** Whether the scheduler was woken since it was asked last. */
const wakesScheduler = async (): Promise<boolean> => (await db.$executeRaw`delete from "Change" where "kind" = 'VolumePlace'`) > 0

describe('what lies on the disk of a lost host', () => {
  const lost = { lostAt: new Date() }
  const remove = (uid: string) => inTransaction(db, (tx) => removeVolumeRow(tx, uid))
  afterEach(async () => {
    await db.host.updateMany({ data: { lostAt: null } })
    await db.lostRemoval.deleteMany()
  })

  it('goes while the host is lost, and is remembered for it; where that was readmitted meanwhile its row stays', async () => {
    const { uid } = await volume({ homeHostId: host(0), epoch: 3n, storedPhase: 'Ready' })
    expect([await remove(uid), await db.volume.count(), await db.lostRemoval.count()]).toEqual([false, 1, 0])
    await db.host.update({ where: { id: host(0) }, data: lost })
    expect([await remove(uid), await db.volume.count()]).toEqual([true, 0])
    expect(await db.lostRemoval.findMany({ select: { uid: true, hostId: true, epoch: true } })).toEqual([{ uid, hostId: host(0), epoch: 4n }])
    for (const data of [{ epoch: 0n }, { epoch: 3n, storedPhase: 'Purged' }]) expect(await remove((await volume({ homeHostId: host(1), ...data })).uid)).toBe(true)
    expect(await remove((await volume({ epoch: 3n, storedPhase: 'Purged' })).uid)).toBe(true)
  })

  it('keeps its host lost until it is gone, so that what is readmitted finds it remembered', async () => {
    await db.host.update({ where: { id: host(0) }, data: lost })
    const { uid } = await volume({ homeHostId: host(0), epoch: 3n, storedPhase: 'Ready' })
    const { uid: snapshotUid } = await db.volumeSnapshot.create({ data: { tenantId, name: 's', spec: {}, storeId: store.storeId, sizeBytes: 1n, homeHostId: host(0), phase: 'Ready' } })
    const readmit = () => inTransaction(db, async (tx) => {
      await tx.$executeRaw`set local lock_timeout = '50ms'`
      await markHostReadmitted(tx, host(0))
    })
    await inTransaction(db, async (tx) => {
      await holdSnapshotFacts(tx, snapshotUid)
      await expect(readmit()).rejects.toThrow('lock timeout')
    })
    await inTransaction(db, async (tx) => {
      expect(await removeVolumeRow(tx, uid)).toBe(true)
      await expect(readmit()).rejects.toThrow('lock timeout')
    })
    await readmit()
    expect(await db.lostRemoval.count()).toBe(1)
  })
})

describe('the rows of volumes', () => {
  it('have one writer, however many wait and read', async () => {
    const { uid } = await volume()
    await attach(uid)
    await attach(uid)
    await attach(uid, { phase: 'Attached', hostId: host(0), epoch: 1n })
    await expect(attach(uid, { phase: 'Attaching', hostId: host(0), epoch: 2n })).rejects.toThrow('Unique constraint')
    await expect(db.volumeAttachment.updateMany({ where: { volumeUid: uid, phase: 'Waiting' }, data: { phase: 'Lost', hostId: host(1), epoch: 2n } })).rejects.toThrow('Unique constraint')
    await attach(uid, { phase: 'Attached', readOnly: true, hostId: host(0), epoch: 1n })
    await expect(attach(uid, { phase: 'Attached', readOnly: true })).rejects.toThrow('VolumeAttachment_placed')
  })

  it('have an epoch that grows with each host that may open them', async () => {
    const { uid } = await volume()
    const set = (data: object) => db.volume.update({ where: { uid }, data })
    await expect(set({ hostId: host(0) })).rejects.toThrow('the epoch of a volume only grows')
    await set({ hostId: host(0), epoch: 1n })
    await expect(set({ epoch: 0n })).rejects.toThrow('only grows')
    await expect(set({ hostId: host(1) })).rejects.toThrow('only grows')
    await set({ hostId: null })
    await expect(set({ hostId: host(1) })).rejects.toThrow('only grows')
    await set({ hostId: host(1), epoch: 2n })
    await set({ storedPhase: 'Ready', leaving: true })
  })

  it('leave their name free once they are deleted', async () => {
    const { uid } = await volume({ name: 'data' })
    await expect(volume({ name: 'data' })).rejects.toThrow('Unique constraint')
    await db.volume.update({ where: { uid }, data: { deletedAt: new Date() } })
    await volume({ name: 'data' })
    await expect(db.volume.update({ where: { uid }, data: { deletedAt: null } })).rejects.toThrow('Unique constraint')
  })

  it('have one default class', async () => {
    await expect(db.storageClass.create({ data: { name: 'other', storeId: store.storeId, isDefault: true, spec: {} } })).rejects.toThrow('Unique constraint')
  })

  it('wake the gateways of the hosts that are told of them, and no others', async () => {
    const { uid } = await volume({ hostId: host(0), epoch: 1n })
    expect(await woken(uid)).toEqual(['h1'])
    await db.volume.update({ where: { uid }, data: { report: { phase: 'Ready' }, storedPhase: 'Ready', storedBytes: 5n, labels: { a: 'b' } } })
    expect(await woken(uid)).toEqual([])
    await db.volume.update({ where: { uid }, data: { hostId: host(1), epoch: 2n } })
    expect(await woken(uid)).toEqual(['h1', 'h2'])
    const reader = await attach(uid, { readOnly: true, phase: 'Attaching', hostId: host(0), epoch: 2n })
    expect(await woken(uid)).toEqual(['h1'])
    await db.volumeAttachment.update({ where: { uid: reader.uid }, data: { reason: 'Told', message: 'by the host' } })
    expect(await woken(uid)).toEqual([])
    await db.volume.update({ where: { uid }, data: { sizeBytes: 2n << 30n } })
    expect(await woken(uid)).toEqual(['h1', 'h2'])
    await db.volumeAttachment.delete({ where: { uid: reader.uid } })
    expect(await woken(uid)).toEqual(['h1'])
    const snapshot = await db.volumeSnapshot.create({ data: { tenantId, name: 's', spec: {}, volumeUid: uid, storeId: store.storeId, sizeBytes: 1n } })
    expect(await woken(snapshot.uid)).toEqual(['h2'])
    await db.volumeSnapshot.update({ where: { uid: snapshot.uid }, data: { storedBytes: 5n } })
    expect(await woken(snapshot.uid)).toEqual([])
    await db.volumeSnapshot.update({ where: { uid: snapshot.uid }, data: { phase: 'Deleting', hostId: host(0) } })
    expect(await woken(snapshot.uid)).toEqual(['h1', 'h2'])
    await db.volumeStore.update({ where: { uid: store.storeId }, data: { wrappedKey: 'x' } })
    expect(await woken(store.storeId)).toEqual(['h1', 'h2'])
    await db.storageClass.update({ where: { uid: store.classId }, data: { spec: { store: 'local', onFull: 'Fail' } } })
    expect(await woken(store.classId)).toEqual(['h2'])
  })

  it('are another version of themselves once a pod gets them or lets go, and once their condition changes', async () => {
    const { uid } = await volume()
    const revision = async () => (await db.volume.findUniqueOrThrow({ where: { uid } })).revision
    const first = await revision()
    const { uid: attachment } = await attach(uid)
    const second = await revision()
    await db.volumeAttachment.delete({ where: { uid: attachment } })
    const third = await revision()
    await db.objectCondition.create({ data: { objectUid: uid, objectKind: 'Volume', type: 'VolumesReady', status: 'False', reason: 'StoreFull', message: 'm' } })
    const fourth = await revision()
    expect([first < second, second < third, third < fourth]).toEqual([true, true, true])
    await db.volume.delete({ where: { uid } })
    expect(await db.objectCondition.count({ where: { objectUid: uid } })).toBe(0)
  })

  it('wake the scheduler where a pod that waits may find a host now, and not with each thing that a host says', async () => {
    const { uid } = await volume()
    const set = (data: object) => db.volume.update({ where: { uid }, data })
    expect(await wakesScheduler()).toBe(true)
    await set({ storedBytes: 5n, report: { progress: 0.5 } })
    await set({ hostId: host(0), epoch: 1n })
    const { uid: right } = await attach(uid)
    await db.volumeAttachment.delete({ where: { uid: right } })
    await db.objectCondition.create({ data: { objectUid: uid, objectKind: 'Volume', type: 'Ready', status: 'True', reason: '', message: '' } })
    expect(await wakesScheduler()).toBe(false)
    for (const data of [{ homeHostId: host(0) }, { storedPhase: 'Ready' }, { deletedAt: new Date() }, { deletedAt: null }, { name: 'other' }]) {
      await set(data)
      expect(await wakesScheduler(), JSON.stringify(data)).toBe(true)
    }
    await db.volume.delete({ where: { uid } })
    expect(await wakesScheduler()).toBe(true)
  })
})
