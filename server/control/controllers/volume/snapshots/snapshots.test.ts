import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { randomUUID } from 'node:crypto'
import { logger } from '@/platform/logger'
import { snapshotObject } from '@/server/drivers/native/volume/objects'
import { inTransaction, openDatabase, type DatabaseClient } from '@/server/store/database'
import { FeedReader } from '@/server/store/feed-reader'
import { storeSnapshotReport } from '@/server/store/volume-reports'
import { readHostVolumes } from '@/server/store/volume-state'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { snapshotController } from './controller'
import { planSnapshot, waitOf, type SnapshotFacts, type WaitFacts } from './plan'

describe('what becomes of a snapshot', () => {
  const facts = (over: Partial<SnapshotFacts> = {}): SnapshotFacts => ({ phase: 'Ready', remains: false, hidden: false, deleted: false, needed: false, volume: { kept: true, made: true }, apart: false, home: null, remover: null, hosts: [], ...over })
  const plan = (over: Partial<SnapshotFacts>) => planSnapshot(facts(over))
  it('is to be taken once somebody keeps its volume, and fails with a volume that is gone', () => {
    expect(plan({})).toEqual({ kind: 'nothing' })
    expect(plan({ phase: 'Asked' })).toEqual({ kind: 'take' })
    expect(plan({ phase: 'Asked', volume: { kept: false, made: true } })).toEqual({ kind: 'nothing' })
    expect(plan({ phase: 'Taking' })).toEqual({ kind: 'nothing' })
    for (const phase of ['Asked', 'Taking']) expect(plan({ phase, volume: null })).toEqual({ kind: 'fail' })
    expect(plan({ phase: 'Taking', apart: true })).toEqual({ kind: 'fail' })
  })
  it('is that it goes once it is deleted and nothing is made of it; of a hidden one, without being asked', () => {
    expect(plan({ hidden: true, needed: true })).toEqual({ kind: 'nothing' })
    expect(plan({ hidden: true })).toEqual({ kind: 'delete' })
    expect(plan({ deleted: true, needed: true })).toEqual({ kind: 'nothing' })
    expect(plan({ deleted: true })).toEqual({ kind: 'remove', by: null })
    expect(plan({ deleted: true, phase: 'Failed' })).toEqual({ kind: 'drop' })
    // Nobody was asked for one of a volume that was never made.
    const never = { phase: 'Asked', volume: { kept: false, made: false } }
    expect([plan(never), plan({ ...never, deleted: true }), plan({ ...never, deleted: true, needed: true })]).toEqual([{ kind: 'nothing' }, { kind: 'drop' }, { kind: 'nothing' }])
    expect(plan({ deleted: true, phase: 'Deleting' })).toEqual({ kind: 'nothing' })
  })
  it('is that what may be stored of one that failed is removed, whether it is deleted or not: by the keeper of its volume, or a host that is asked', () => {
    const failed = { phase: 'Failed', remains: true }
    expect([plan({ phase: 'Failed' }), plan(failed)]).toEqual([{ kind: 'nothing' }, { kind: 'nothing' }])
    expect([plan({ ...failed, deleted: true }), plan({ ...failed, hidden: true })]).toEqual([{ kind: 'remove', by: null }, { kind: 'delete' }])
    const gone = { ...failed, volume: null, hosts: ['a', 'b'] }
    expect([plan(gone), plan({ ...gone, hosts: [] }), plan({ ...gone, deleted: true })]).toEqual([{ kind: 'clear', by: 'a' }, { kind: 'nothing' }, { kind: 'remove', by: 'a' }])
    expect([plan({ ...gone, home: { id: 'b', declared: false } }), plan({ ...gone, home: { id: 'c', declared: true } })]).toEqual([{ kind: 'clear', by: 'b' }, { kind: 'nothing' }])
    expect([plan({ ...gone, remover: { id: 'b', ready: true } }), plan({ ...gone, remover: { id: 'b', ready: false } })]).toEqual([{ kind: 'nothing' }, { kind: 'clear', by: 'a' }])
  })
  it('is that a host is asked where its volume is gone: the one on whose disk it lies, or any that reaches the store', () => {
    const gone = { deleted: true, phase: 'Deleting', volume: null, hosts: ['a', 'b'] }
    expect(plan({ ...gone, home: { id: 'b', declared: false } })).toEqual({ kind: 'remove', by: 'b' })
    expect(plan({ ...gone, home: { id: 'c', declared: false } })).toEqual({ kind: 'nothing' })
    expect(plan({ ...gone, home: { id: 'c', declared: true } })).toEqual({ kind: 'drop' })
    // Its volume is there still, and waits for that host for ever.
    for (const phase of ['Ready', 'Deleting']) expect(plan({ ...gone, phase, volume: { kept: false, made: true }, home: { id: 'c', declared: true } })).toEqual({ kind: 'drop' })
    expect(plan(gone)).toEqual({ kind: 'remove', by: 'a' })
    expect(plan({ ...gone, remover: { id: 'b', ready: true } })).toEqual({ kind: 'nothing' })
    expect(plan({ ...gone, remover: { id: 'b', ready: false } })).toEqual({ kind: 'remove', by: 'a' })
    expect(plan({ ...gone, hosts: [] })).toEqual({ kind: 'nothing' })
  })
})

it('a snapshot that waits says for whom, and what helps', () => {
  const wait = (over: Partial<WaitFacts>) => waitOf({ phase: 'Taking', hasVolume: true, unmade: null, read: false, keeper: { name: 'h1', silent: false }, home: null, store: 'ceph', hosts: [], ...over })
  expect([wait({}), wait({ phase: 'Ready', keeper: { name: 'h1', silent: true } }), wait({ keeper: null, hosts: ['a'] }), wait({ phase: 'Deleting', hasVolume: false, hosts: ['a'] })]).toEqual([null, null, null, null])
  expect(wait({ keeper: { name: 'h1', silent: true } })).toMatchObject({ reason: 'HostSilent', message: expect.stringContaining('Host "h1", which has its volume, has not been heard of: it is taken') as string })
  expect(wait({ phase: 'Deleting', home: { name: 'h2', silent: true } })?.message).toContain('Host "h2", on whose disk it lies, has not been heard of: it is removed once that is back, or forgotten')
  expect([wait({ read: true }), wait({ read: true, keeper: null, hosts: ['a'] })?.message]).toEqual([null, 'Pods read its volume, and no host keeps that: it is taken once none of them has it.'])
  const unmade = { name: 'data', deleted: false, failed: true }
  expect(wait({ unmade, keeper: { name: 'h1', silent: true } })?.message).toMatch(/host "h1", which was to make it, has not been heard of: .*Ask an operator to look at that host; where it does not come back, delete the volume/)
  expect([wait({ unmade })?.message, wait({ unmade: { ...unmade, deleted: true }, keeper: { name: 'h1', silent: true } })?.message]).toEqual([expect.stringContaining('could not be made'), expect.stringContaining('was deleted before it was made')])
  expect(wait({ keeper: null })).toMatchObject({ reason: 'StoreUnreachable', message: expect.stringContaining('it is taken by the first that does') as string })
  expect(wait({ phase: 'Deleting', hasVolume: false })).toMatchObject({ reason: 'StoreUnreachable', message: expect.stringContaining('reaches the store "ceph"') as string })
})

describe('the snapshot controller', () => {
  let database: TestDatabase
  let db: DatabaseClient
  const tenantId = 'a'.repeat(32)
  let hostId = ''
  let store = { storeId: '', classId: '' }
  const log = logger('test')
  log.level = 'silent'
  beforeAll(async () => {
    database = await createTestDatabase()
    db = openDatabase(database.url)
    await db.tenant.create({ data: { id: tenantId, slug: 'ann', name: 'ann' } })
    hostId = (await db.host.create({ data: { name: 'h', publicKey: 'h', phase: 'Ready' } })).id
    const { uid: storeId } = await db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file' } } })
    await db.volumeStoreHost.create({ data: { storeId, hostId, reachable: true } })
    const { uid: classId } = await db.storageClass.create({ data: { name: 'local', storeId, spec: { store: 'local' } } })
    store = { storeId, classId }
  })
  afterAll(async () => {
    await db.$disconnect()
    await database.drop()
  })
  beforeEach(async () => {
    await db.volumeSnapshot.deleteMany()
    await db.volume.deleteMany()
  })
  const volume = async (data: object = {}) => (await db.volume.create({ data: { tenantId, name: randomUUID(), spec: {}, sizeBytes: 1n, storedPhase: 'Ready', hostId, homeHostId: hostId, epoch: 1n, ...store, ...data } })).uid
  const snapshot = async (volumeUid: string | null, data: object = {}) => (await db.volumeSnapshot.create({ data: { tenantId, name: randomUUID(), spec: {}, volumeUid, storeId: store.storeId, homeHostId: hostId, sizeBytes: 1n, ...data } })).uid
  const settle = async () => {
    for (let round = 0; round < 3; round += 1) for (const key of await snapshotController.allKeys(ctx())) await snapshotController.reconcile(ctx(), key)
  }
  const ctx = () => ({ db, log, feed: new FeedReader(db, database.url, () => {}) })
  const phaseOf = async (uid: string) => (await db.volumeSnapshot.findUnique({ where: { uid } }))?.phase ?? null
  const deletedOf = async (uid: string) => (await db.volumeSnapshot.findUnique({ where: { uid } }))?.deletedAt !== null

  it('has snapshots taken and removed, by a host of its own where the volume is gone', async () => {
    const of = await volume()
    const uid = await snapshot(of)
    await settle()
    expect(await phaseOf(uid)).toBe('Taking')
    await db.volumeSnapshot.update({ where: { uid }, data: { phase: 'Ready' } })
    await db.volume.delete({ where: { uid: of } })
    await settle()
    expect(await phaseOf(uid)).toBe('Ready')
    await db.volumeSnapshot.update({ where: { uid }, data: { deletedAt: new Date() } })
    await settle()
    expect(await db.volumeSnapshot.findUnique({ where: { uid } })).toMatchObject({ phase: 'Deleting', hostId })
  })

  it('has a snapshot wait for its volume to be made, and say so; it is of that as it is then, and goes with it', async () => {
    const of = await volume({ storedPhase: 'Absent', hostId: null, homeHostId: null, spec: { size: '1Gi' } })
    const uid = await snapshot(of, { homeHostId: null })
    const row = () => db.volumeSnapshot.findUnique({ where: { uid } })
    await settle()
    expect(await row()).toMatchObject({ phase: 'Asked', reason: 'VolumeNotMade', message: expect.stringContaining('is not made yet') })
    for (const [data, message] of [[{ storedPhase: 'Failed' }, 'could not be made, as its conditions say'], [{ storedPhase: 'Absent', deletedAt: new Date() }, 'was deleted before it was made']] as const) {
      await db.volume.update({ where: { uid: of }, data })
      await settle()
      expect(await row()).toMatchObject({ phase: 'Asked', reason: 'VolumeNotMade', message: expect.stringContaining(message) })
    }
    // A host was chosen: it is not there yet.
    await db.volume.update({ where: { uid: of }, data: { deletedAt: null, storedPhase: 'Creating', hostId, homeHostId: hostId, epoch: 2n, sizeBytes: 2n } })
    await settle()
    expect(await row()).toMatchObject({ phase: 'Asked', reason: 'VolumeNotMade', homeHostId: null })
    const told = async () => (await inTransaction(db, (tx) => readHostVolumes(tx, hostId, null))).snapshots.flatMap((one) => (one.uid === uid ? [snapshotObject(one)?.state] : []))
    expect(await told()).toEqual([])
    await db.host.update({ where: { id: hostId }, data: { phase: 'Unknown' } })
    await settle()
    expect(await row()).toMatchObject({ reason: 'VolumeNotMade', message: expect.stringContaining('host "h", which was to make it, has not been heard of') })
    await db.host.update({ where: { id: hostId }, data: { phase: 'Ready' } })
    await db.volume.update({ where: { uid: of }, data: { storedPhase: 'Ready', storedSizeBytes: 2n } })
    await settle()
    expect(await told()).toEqual(['asked'])
    expect(await row()).toMatchObject({ phase: 'Taking', reason: '', message: '', homeHostId: hostId, sizeBytes: 2n })

    const never = await volume({ storedPhase: 'Absent', hostId: null, homeHostId: null, spec: { size: '1Gi' } })
    const [goes, fails] = [await snapshot(never, { homeHostId: null, deletedAt: new Date() }), await snapshot(never, { homeHostId: null })]
    await settle()
    expect([await phaseOf(goes), await phaseOf(fails)]).toEqual([null, 'Asked'])
    await db.volume.delete({ where: { uid: never } })
    await settle()
    expect(await db.volumeSnapshot.findUnique({ where: { uid: fails } })).toMatchObject({ phase: 'Failed', reason: 'VolumeGone' })
  })

  it('says of a snapshot that it waits for pods that read its volume, where no host keeps that, and no more once one does', async () => {
    const of = await volume({ hostId: null, homeHostId: null })
    const { uid: attachment } = await db.volumeAttachment.create({ data: { volumeUid: of, podUid: randomUUID(), tenantId, name: 'data', readOnly: true, hostId, epoch: 1n, phase: 'Attached' } })
    const uid = await snapshot(of, { homeHostId: null })
    await settle()
    expect(await db.volumeSnapshot.findUnique({ where: { uid } })).toMatchObject({ phase: 'Asked', reason: 'VolumeRead' })
    await db.volumeAttachment.delete({ where: { uid: attachment } })
    await db.volume.update({ where: { uid: of }, data: { hostId, epoch: 2n } })
    await settle()
    expect(await db.volumeSnapshot.findUnique({ where: { uid } })).toMatchObject({ phase: 'Taking' })
  })

  it('says nothing of its last trouble while it is removed', async () => {
    const uid = await snapshot(await volume(), { phase: 'Ready', reason: 'NotFrozen', message: 'It is CrashConsistent.', deletedAt: new Date() })
    await settle()
    expect(await db.volumeSnapshot.findUnique({ where: { uid } })).toMatchObject({ phase: 'Deleting', reason: '', message: '' })
  })

  it('has what a host may have taken of a snapshot removed whose volume is gone, and drops its row only after that', async () => {
    const of = await volume()
    const uid = await snapshot(of, { phase: 'Taking' })
    await db.volume.delete({ where: { uid: of } })
    await settle()
    const row = () => db.volumeSnapshot.findUnique({ where: { uid }, select: { phase: true, reason: true, remains: true, hostId: true } })
    expect(await row()).toEqual({ phase: 'Failed', reason: 'VolumeGone', remains: true, hostId })
    const told = async () => (await inTransaction(db, (tx) => readHostVolumes(tx, hostId, null))).snapshots.map((one) => snapshotObject(one)?.state)
    expect(await told()).toEqual(['remove'])
    const purged = () => inTransaction(db, (tx) => storeSnapshotReport(tx, hostId, { kind: 'snapshot', uid, epoch: 0, phase: 'Purged', reason: '', message: '' }))
    await purged()
    expect([await row(), await told()]).toEqual([{ phase: 'Failed', reason: 'VolumeGone', remains: false, hostId: null }, []])
    await settle()
    expect(await told()).toEqual([])
    await db.volumeSnapshot.update({ where: { uid }, data: { deletedAt: new Date() } })
    await settle()
    expect(await row()).toBeNull()
    // Deleted before any host has said that nothing is left.
    const other = await snapshot(await volume({ spec: { size: '1Gi' } }), { phase: 'Taking' })
    await db.volumeSnapshot.update({ where: { uid: other }, data: { phase: 'Failed', deletedAt: new Date() } })
    await settle()
    expect([await phaseOf(other), await told()]).toEqual(['Deleting', ['remove']])
    await inTransaction(db, (tx) => storeSnapshotReport(tx, hostId, { kind: 'snapshot', uid: other, epoch: 0, phase: 'Purged', reason: '', message: '' }))
    expect(await phaseOf(other)).toBeNull()
  })

  it('asks another host where the one that was asked does not reach the store any more', async () => {
    const { uid: storeId } = await db.volumeStore.create({ data: { name: 'shared', spec: { kind: 'file', folder: '/srv', shared: true } } })
    const second = (await db.host.create({ data: { name: 'h2', publicKey: 'h2', phase: 'Ready' } })).id
    for (const [id, reachable] of [[hostId, false], [second, true]] as const) await db.volumeStoreHost.create({ data: { storeId, hostId: id, reachable } })
    const uid = await snapshot(null, { storeId, homeHostId: null, hostId, phase: 'Deleting', deletedAt: new Date() })
    await settle()
    expect(await db.volumeSnapshot.findUnique({ where: { uid } })).toMatchObject({ phase: 'Deleting', hostId: second })
  })

  it('says where one waits for a host that is silent, until that is back', async () => {
    const uid = await snapshot(await volume(), { phase: 'Taking' })
    const said = async () => (await db.volumeSnapshot.findUniqueOrThrow({ where: { uid } })).reason
    await db.host.update({ where: { id: hostId }, data: { phase: 'Unknown' } })
    await settle()
    expect(await said()).toBe('HostSilent')
    await db.host.update({ where: { id: hostId }, data: { phase: 'Ready' } })
    await settle()
    expect(await said()).toBe('')
  })

  it('keeps what a clone is made of until that is made', async () => {
    const of = await volume()
    const uid = await snapshot(of, { hidden: true, phase: 'Ready' })
    const clone = await volume({ sourceSnapshotUid: uid, storedPhase: 'Creating' })
    await settle()
    expect(await phaseOf(uid)).toBe('Ready')
    await db.volume.update({ where: { uid: clone }, data: { storedPhase: 'Ready' } })
    await settle()
    expect(await phaseOf(uid)).toBe('Deleting')
  })

  it('looks, where a volume changed, at the snapshots that this concerns alone', async () => {
    const [of, other] = [await volume(), await volume()]
    const groupUid = randomUUID()
    const [asked, grouped, source] = [await snapshot(of, { phase: 'Asked', groupUid }), await snapshot(other, { phase: 'Asked', groupUid }), await snapshot(other, { phase: 'Ready', hidden: true })]
    await snapshot(of, { phase: 'Ready' })
    await snapshot(other, { phase: 'Asked' })
    await db.volume.update({ where: { uid: of }, data: { sourceSnapshotUid: source } })
    const [key] = snapshotController.keysOf({ kind: 'Volume', action: 'modified', uid: of, tenantId, namespace: null, name: '', cursor: { epoch: '', xid: '0', seq: '0' }, oldLabels: null, newLabels: null })
    expect([...((await snapshotController.reconcile(ctx(), key ?? '')) ?? [])].sort()).toEqual([asked, grouped, source].map((uid) => `snapshot:${uid}`).sort())
  })

  it('lets a group go of which one could not be taken, and says for which', async () => {
    const groupUid = randomUUID()
    const [first, second] = [await snapshot(await volume(), { groupUid, name: 'first', phase: 'Taking' }), await snapshot(await volume(), { groupUid, name: 'second', phase: 'Ready' })]
    await db.volumeSnapshot.update({ where: { uid: first }, data: { phase: 'Failed', reason: 'NoSpace', message: 'The store is full' } })
    await snapshotController.reconcile(ctx(), `snapshot:${first}`)
    await settle()
    expect([await phaseOf(first), await phaseOf(second)]).toEqual(['Failed', 'Deleting'])
    expect(await db.event.findMany({ where: { objectUid: second }, select: { reason: true, message: true } })).toEqual([{ reason: 'GroupFailed', message: 'It is removed: the snapshot "first", which was to be of the same instant, could not be taken (The store is full).' }])
  })

  it('lets go what is Ready of a group with a failure that is new alone, also where nobody saw that until it was removed', async () => {
    const groupUid = randomUUID()
    const [failed, ready, asked] = [await snapshot(await volume(), { groupUid, phase: 'Failed', remains: true }), await snapshot(await volume(), { groupUid, phase: 'Ready' }), await snapshot(await volume(), { groupUid, phase: 'Taking' })]
    await settle()
    await snapshotController.reconcile(ctx(), `snapshot:${failed}`)
    expect([await deletedOf(failed), await deletedOf(ready), await deletedOf(asked)]).toEqual([false, false, true])
    await db.volumeSnapshot.update({ where: { uid: failed }, data: { phase: 'Taking', remains: false } })
    await db.volumeSnapshot.update({ where: { uid: failed }, data: { phase: 'Failed' } })
    await db.volumeSnapshot.update({ where: { uid: failed }, data: { remains: false } })
    await settle()
    expect([await deletedOf(failed), await deletedOf(ready)]).toEqual([false, true])
    expect(await db.volumeSnapshot.findUniqueOrThrow({ where: { uid: failed } })).toMatchObject({ endsGroup: false })
  })
})
