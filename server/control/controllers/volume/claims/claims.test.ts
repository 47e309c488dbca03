import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { volumeClaimSpec } from '@/domain/volume-claim/spec'
import { volumeSpec } from '@/domain/volume/spec'
import { logger } from '@/platform/logger'
import { listClaimsForVolume, listGrowingClaims } from '@/server/store/claim-binding'
import { setCondition } from '@/server/store/conditions'
import { openDatabase, type DatabaseClient } from '@/server/store/database'
import { FeedReader } from '@/server/store/feed-reader'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { reconcileClaim } from './bind'
import { createClaimController } from './controller'

let database: TestDatabase
let db: DatabaseClient
const tenantId = 'a'.repeat(32)
let networkId = ''
let store = { storeId: '', classId: '' }
const options = { quotas: { volumes: 10, bytes: 20 * 2 ** 30, snapshots: 10 }, graceMs: 3_600_000 }

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  await db.tenant.create({ data: { id: tenantId, slug: 'ann', name: 'ann' } })
  networkId = (await db.network.create({ data: { tenantId, name: 'main', spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24' } } }) } })).uid
  const { uid: storeId } = await db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file' } } })
  const { uid: classId } = await db.storageClass.create({ data: { name: 'standard', storeId, isDefault: true, spec: { store: 'local' } } })
  store = { storeId, classId }
  await db.storageClass.create({ data: { name: 'xfs', storeId, spec: { store: 'local', fsType: 'xfs' } } })
  await db.storageClass.create({ data: { name: 'kept', storeId, spec: { store: 'local', reclaimPolicy: 'Retain' } } })
  const { uid: other } = await db.volumeStore.create({ data: { name: 'other', spec: { kind: 'file' } } })
  await db.storageClass.create({ data: { name: 'elsewhere', storeId: other, spec: { store: 'other' } } })
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})
beforeEach(async () => {
  await db.pod.deleteMany()
  await db.volumeSnapshot.deleteMany()
  await db.volume.deleteMany()
  await db.volumeClaim.deleteMany()
  await db.event.deleteMany()
})

const claim = async (name: string, spec: object = {}, size = '1Gi') =>
  (await db.volumeClaim.create({ data: { tenantId, namespace: 'default', name, spec: volumeClaimSpec.parse({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, ...spec }) } })).uid
const volume = async (name: string, data: object = {}) => (await db.volume.create({ data: { tenantId, name, spec: volumeSpec.parse({ size: '2Gi' }), sizeBytes: 2n << 30n, ...store, ...data } })).uid
const volumeOf = (claimUid: string) => db.volume.findUnique({ where: { claimUid }, include: { class: true } })
const condition = async (objectUid: string) => (await db.objectCondition.findUnique({ where: { objectUid_type: { objectUid, type: 'Bound' } } }))
const why = async (uid: string) => {
  await reconcileClaim(db, uid, options)
  const row = await condition(uid)
  return [row?.status, row?.reason, row?.message]
}
const bound = async (uid: string) => {
  await reconcileClaim(db, uid, options)
  return (await why(uid))[1]
}

describe('a claim that names no volume', () => {
  it('gets one of the usual class, or of its own, once', async () => {
    const [usual, kept] = [await claim('usual'), await claim('kept', { storageClassName: 'kept', volumeMode: 'Block', accessModes: ['ReadWriteOncePod'] }, '3Gi')]
    expect([await bound(usual), await bound(kept), await bound(usual)]).toEqual(['Bound', 'Bound', 'Bound'])
    expect(await volumeOf(usual)).toMatchObject({ name: `pvc-${usual}`, sizeBytes: 1n << 30n, class: { name: 'standard' }, homeHostId: null, storedPhase: 'Absent' })
    expect(await volumeOf(kept)).toMatchObject({ sizeBytes: 3n << 30n, class: { name: 'kept' }, spec: { volumeMode: 'Block', accessMode: 'ReadWriteOnce', size: '3Gi' } })
    expect(await db.volume.count()).toBe(2)
    const decimal = await claim('decimal', {}, '10M')
    expect(await bound(decimal)).toBe('Bound')
    expect(await volumeOf(decimal)).toMatchObject({ sizeBytes: 10n << 20n, spec: { size: '10Mi' } })
    expect(await bound(await claim('enough', { storageClassName: 'xfs' }, '301Mi'))).toBe('Bound')
    expect(await bound(await claim('raw', { storageClassName: 'xfs', volumeMode: 'Block' }, '1Mi'))).toBe('Bound')
  })
  it('waits and says why: without its class, beyond the quota, with nothing to read', async () => {
    expect(await why(await claim('a', { storageClassName: 'none' }))).toEqual(['False', 'StorageClassNotFound', 'There is no storage class "none": make a claim that names another one, or none for the usual one.'])
    expect((await why(await claim('b', {}, '21Gi'))).slice(0, 2)).toEqual(['False', 'QuotaExceeded'])
    expect((await why(await claim('c', { accessModes: ['ReadOnlyMany'] }))).slice(0, 2)).toEqual(['False', 'NothingToRead'])
    expect(await why(await claim('x', { storageClassName: 'xfs' }, '300Mi'))).toEqual(['False', 'TooSmallForXfs', 'The claim asks for 300 MiB, and the class "xfs" makes xfs, which needs 301 MiB: make a claim that asks for at least as much, or one of another class.'])
    // What was sent counts, too.
    const { id } = await db.volumeUpload.create({ data: { tenantId, format: 'raw', bytes: 15n << 30n, virtualBytes: 15n << 30n, digest: '', createdBy: 'ann', expiresAt: new Date(Date.now() + 60_000) } })
    expect((await why(await claim('d', {}, '10Gi'))).slice(0, 2)).toEqual(['False', 'QuotaExceeded'])
    await db.volumeUpload.delete({ where: { id } })
    expect(await db.event.count({ where: { objectKind: 'PersistentVolumeClaim', reason: 'StorageClassNotFound' } })).toBe(1)
    expect(await db.volume.count()).toBe(0)
  })
  it('gets a volume that is made of a snapshot, where that is', async () => {
    const host = await db.host.create({ data: { name: 'h', publicKey: 'h' } })
    const snapshot = await db.volumeSnapshot.create({ data: { tenantId, name: 's', spec: {}, storeId: store.storeId, sizeBytes: 2n << 30n, homeHostId: host.id, phase: 'Taking' } })
    const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' }
    const uid = await claim('a', { dataSource }, '2Gi')
    expect((await why(uid))[1]).toBe('SourcePending')
    await db.volumeSnapshot.update({ where: { uid: snapshot.uid }, data: { phase: 'Ready' } })
    expect(await bound(uid)).toBe('Bound')
    expect(await volumeOf(uid)).toMatchObject({ sourceSnapshotUid: snapshot.uid, homeHostId: host.id, spec: { source: { kind: 'Snapshot', name: 's' } } })
    expect((await why(await claim('b', { dataSource })))[1]).toBe('SourceTooLarge')
    expect((await why(await claim('c', { dataSource, storageClassName: 'elsewhere' }, '2Gi')))[1]).toBe('SourceElsewhere')
    expect((await why(await claim('d', { dataSource: { ...dataSource, name: 't' } })))[1]).toBe('SourceNotFound')
    // A copy has the file system of its source, whatever its class makes.
    await db.volumeSnapshot.create({ data: { tenantId, name: 'small', spec: {}, storeId: store.storeId, sizeBytes: 100n << 20n, homeHostId: host.id, phase: 'Ready', content: 'ext4' } })
    const small = { dataSource: { ...dataSource, name: 'small' }, storageClassName: 'xfs' }
    expect(await bound(await claim('small', small, '100Mi'))).toBe('Bound')
    await db.volumeSnapshot.updateMany({ data: { content: 'blank' } })
    expect((await why(await claim('small-blank', small, '100Mi')))[1]).toBe('TooSmallForXfs')
    expect((await why(await claim('e', { dataSource, accessModes: ['ReadOnlyMany'] }, '2Gi')))[1]).toBe('NothingToRead')
  })
  it('gets a clone of another claim\'s volume, of a snapshot that is taken for it', async () => {
    const first = await claim('first')
    const dataSource = { kind: 'PersistentVolumeClaim', name: 'first' }
    const second = await claim('second', { dataSource })
    expect((await why(second))[1]).toBe('SourcePending')
    await bound(first)
    expect((await why(second))[1]).toBe('SourcePending')
    await db.volume.updateMany({ data: { storedPhase: 'Ready' } })
    expect(await bound(second)).toBe('Bound')
    const snapshot = await db.volumeSnapshot.findFirstOrThrow()
    expect(snapshot).toMatchObject({ hidden: true, phase: 'Asked', volumeUid: (await volumeOf(first))?.uid })
    expect(await volumeOf(second)).toMatchObject({ sourceSnapshotUid: snapshot.uid })
    expect((await why(await claim('third', { dataSource: { kind: 'PersistentVolumeClaim', name: 'none' } })))[1]).toBe('SourceNotFound')
  })
  it('gets a clone only where that can be used as it asks: of the mode of its source, and with something to read', async () => {
    const first = await claim('first', {}, '100Mi')
    const dataSource = { kind: 'PersistentVolumeClaim', name: 'first' }
    await bound(first)
    const [device, reader, small] = [await claim('device', { dataSource, volumeMode: 'Block' }), await claim('reader', { dataSource, accessModes: ['ReadOnlyMany'] }), await claim('small', { dataSource, storageClassName: 'xfs' }, '100Mi')]
    const become = (formatted: string | null) => db.volume.updateMany({ where: { claimUid: first }, data: { storedPhase: 'Ready', formatted } })
    await become(null)
    expect(await why(reader)).toEqual(['False', 'NothingToRead', 'The volume of the PersistentVolumeClaim "first" is blank, so that there is nothing to read: make a claim with accessModes [ReadWriteOnce], or with another dataSource.'])
    expect((await why(small))[1]).toBe('TooSmallForXfs')
    await become('ext4')
    expect(await why(device)).toEqual(['False', 'VolumeModeMismatch', 'The claim asks for Block, and the volume of the PersistentVolumeClaim "first" is a file system (ext4): make a claim with volumeMode Filesystem, or one of a snapshot of it, which may be of either.'])
    expect([await bound(reader), await bound(small)]).toEqual(['Bound', 'Bound'])
    await become('block')
    expect([(await why(await claim('files', { dataSource })))[1], await bound(device)]).toEqual(['VolumeModeMismatch', 'Bound'])
    expect(await db.volume.count()).toBe(4)
  })
})

describe('a change of one volume', () => {
  it('is looked at by the claims that name it or are made of it alone', async () => {
    const first = await claim('first')
    await bound(first)
    const of = await volumeOf(first)
    const named = await volume('data')
    const snapshot = await db.volumeSnapshot.create({ data: { tenantId, name: 's', spec: {}, storeId: store.storeId, sizeBytes: 1n, phase: 'Taking' } })
    const [clone, namer, ofSnapshot] = [await claim('a', { dataSource: { kind: 'PersistentVolumeClaim', name: 'first' } }), await claim('b', { volumeName: 'data' }), await claim('c', { dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' } })]
    await claim('other', {}, '100Gi')
    const controller = createClaimController(options)
    const woken = async (kind: string, uid: string, action: 'modified' | 'deleted' = 'modified') => {
      const keys = controller.keysOf({ kind, action, uid, tenantId, namespace: null, name: '', cursor: { epoch: '', xid: '0', seq: '0' }, oldLabels: null, newLabels: null })
      return (await Promise.all(keys.map((key) => controller.reconcile({ db, log: logger('test'), feed: new FeedReader(db, database.url, () => {}) }, key)))).flatMap((more) => more ?? [])
    }
    expect([await woken('Volume', of?.uid ?? ''), await woken('Volume', named), await woken('VolumeSnapshot', snapshot.uid)]).toEqual([[`claim:${clone}`], [`claim:${namer}`], [`claim:${ofSnapshot}`]])
    expect(await woken('Volume', named, 'deleted')).toHaveLength(4)
  })
})

describe('a claim that has a volume', () => {
  const resizing = async (objectUid: string) => {
    const row = await db.objectCondition.findUnique({ where: { objectUid_type: { objectUid, type: 'Resizing' } } })
    return row && [row.status, row.reason, row.message]
  }
  const relabel = async (uid: string, labels: object) => {
    await db.volumeClaim.update({ where: { uid }, data: { labels } })
    await reconcileClaim(db, uid, options)
    return (await volumeOf(uid))?.labels
  }

  it('says that it grows as long as the volume does, and in whose way something stands', async () => {
    const uid = await claim('data')
    await bound(uid)
    const { uid: volumeUid, name } = await db.volume.findUniqueOrThrow({ where: { claimUid: uid } })
    const become = async (data: object) => {
      await db.volume.update({ where: { uid: volumeUid }, data })
      await reconcileClaim(db, uid, options)
      return resizing(uid)
    }
    expect(await become({ sizeBytes: 2n << 30n })).toBeNull()
    expect(await become({ storedPhase: 'Ready', storedSizeBytes: 1n << 30n })).toEqual(['True', 'Growing', `Its volume "${name}" has 1 GiB, and grows to 2 GiB.`])
    await setCondition(db, { objectUid: volumeUid, objectKind: 'Volume', type: 'Ready', status: 'False', reason: 'NoSpace', message: 'It is there, and has not grown.', observedGeneration: 1 })
    expect(await listClaimsForVolume(db, volumeUid)).toEqual([uid])
    expect(await become({})).toEqual(['True', 'NoSpace', `Its volume "${name}" has 1 GiB, and grows to 2 GiB. It is there, and has not grown.`])
    const { revision } = await db.volumeClaim.findUniqueOrThrow({ where: { uid } })
    await db.volume.update({ where: { uid: volumeUid }, data: { storedSizeBytes: 2n << 30n } })
    expect([await listClaimsForVolume(db, volumeUid), await listGrowingClaims(db)]).toEqual([[uid], [uid]])
    expect(await become({})).toBeNull()
    expect((await db.volumeClaim.findUniqueOrThrow({ where: { uid } })).revision).toBeGreaterThan(revision)
    expect([await listClaimsForVolume(db, volumeUid), await listGrowingClaims(db)]).toEqual([[], []])
  })

  it('gives that its labels, and what somebody set on the volume stays', async () => {
    const made = await claim('made')
    await db.volumeClaim.update({ where: { uid: made }, data: { labels: { app: 'db' } } })
    await bound(made)
    expect((await volumeOf(made))?.labels).toEqual({ app: 'db' })
    expect(await relabel(made, { app: 'web', tier: 'gold' })).toEqual({ app: 'web', tier: 'gold' })
    await volume('data', { labels: { tier: 'own' } })
    const named = await claim('named', { volumeName: 'data' })
    expect(await relabel(named, { app: 'db', tier: 'gold' })).toEqual({ app: 'db', tier: 'own' })
    expect(await relabel(named, {})).toEqual({ tier: 'own' })
    const before = await volumeOf(named)
    await reconcileClaim(db, named, options)
    expect(await volumeOf(named)).toEqual(before)
    // What a volume has of a claim that is gone it keeps until another claim has it.
    const kept = await claim('kept', { storageClassName: 'kept' })
    expect([await relabel(kept, { app: 'db', tier: 'gold' }), await relabel(kept, { app: 'db' })]).toEqual([{ app: 'db', tier: 'gold' }, { app: 'db' }])
    await db.volumeClaim.update({ where: { uid: kept }, data: { deletedAt: new Date() } })
    await reconcileClaim(db, kept, options)
    expect(await db.volume.findFirstOrThrow({ where: { name: `pvc-${kept}` } })).toMatchObject({ claimUid: null, labels: { app: 'db' } })
    expect(await relabel(await claim('next', { volumeName: `pvc-${kept}` }), { team: 'a' })).toEqual({ team: 'a' })
  })
})

describe('a claim that names a volume', () => {
  it('gets that one, where it is as asked and nobody\'s', async () => {
    await volume('data')
    const uid = await claim('a', { volumeName: 'data', storageClassName: '' })
    expect([await bound(uid), (await volumeOf(uid))?.name]).toEqual(['Bound', 'data'])
    expect((await why(await claim('b', { volumeName: 'data' }))).slice(1)).toEqual(['VolumeTaken', 'Volume "data" is another claim\'s: name another volume, or delete that claim first.'])
    await volume('free')
    expect((await why(await claim('c', { volumeName: 'free' }, '3Gi')))[1]).toBe('VolumeTooSmall')
    expect((await why(await claim('d', { volumeName: 'free', storageClassName: 'kept' })))[1]).toBe('ClassMismatch')
    expect((await why(await claim('e', { volumeName: 'free', volumeMode: 'Block' })))[1]).toBe('VolumeModeMismatch')
    expect((await why(await claim('f', { volumeName: 'free', accessModes: ['ReadOnlyMany'] })))[1]).toBe('AccessModeMismatch')
    expect((await why(await claim('g', { volumeName: 'none' })))[1]).toBe('VolumeNotFound')
  })
})

describe('a claim that is deleted', () => {
  it('waits for the last pod that has its volume by its own name: nothing that is written to is deleted', async () => {
    const uid = await claim('logs')
    await bound(uid)
    const volumeUid = (await volumeOf(uid))?.uid ?? ''
    const pod = await db.pod.create({ data: { tenantId, namespace: 'shop', name: 'web', networkId, spec: {} } })
    await db.volumeAttachment.create({ data: { volumeUid, podUid: pod.uid, tenantId, name: 'data', phase: 'Attached', epoch: 1n, hostId: (await db.host.create({ data: { name: 'h9', publicKey: 'h9' } })).id } })
    await db.volumeClaim.updateMany({ data: { deletedAt: new Date() } })
    expect(await why(uid)).toEqual(['True', 'Deleting', `It is deleted, and goes once no pod has its volume "pvc-${uid}": pod "web" in namespace "shop" does.`])
    expect(await db.volume.findUniqueOrThrow({ where: { uid: volumeUid } })).toMatchObject({ claimUid: uid, deletedAt: null })
    // A change of its volume wakes it.
    await db.volumeAttachment.deleteMany()
    const controller = createClaimController(options)
    const keys = controller.keysOf({ kind: 'Volume', action: 'modified', uid: volumeUid, tenantId, namespace: null, name: '', cursor: { epoch: '', xid: '0', seq: '0' }, oldLabels: null, newLabels: null })
    const claims = (await Promise.all(keys.map((key) => controller.reconcile({ db, log: logger('test'), feed: new FeedReader(db, database.url, () => {}) }, key)))).flatMap((more) => more ?? [])
    expect(claims).toContain(`claim:${uid}`)
    await reconcileClaim(db, uid, options)
    expect((await db.volume.findUniqueOrThrow({ where: { uid: volumeUid } })).deletedAt).not.toBeNull()
    expect(await db.auditEntry.findMany({ where: { kind: 'Volume' }, select: { action: true, name: true, detail: true } })).toEqual([{ action: 'volume.delete', name: `pvc-${uid}`, detail: '1 GiB, with its PersistentVolumeClaim default/logs' }])
  })

  it('goes once no pod names it, and its volume is deleted for a while, or stays, as its class says', async () => {
    const [usual, kept] = [await claim('usual'), await claim('kept', { storageClassName: 'kept' })]
    await bound(usual)
    await bound(kept)
    const [first, second] = [await volumeOf(usual), await volumeOf(kept)]
    const pod = await db.pod.create({ data: { tenantId, namespace: 'default', name: 'web', networkId, spec: {}, references: { create: { tenantId, namespace: 'default', kind: 'PersistentVolumeClaim', name: 'usual', optional: false } } } })
    await db.volumeClaim.updateMany({ data: { deletedAt: new Date() } })
    expect(await why(usual)).toEqual(['True', 'Deleting', 'It is deleted, and goes once no pod names it: pod "web" does.'])
    await reconcileClaim(db, kept, options)
    await db.pod.delete({ where: { uid: pod.uid } })
    await reconcileClaim(db, usual, options)
    expect(await db.volumeClaim.count()).toBe(0)
    const gone = await db.volume.findUniqueOrThrow({ where: { uid: first?.uid ?? '' } })
    expect([gone.claimUid, gone.purgeAt && gone.deletedAt && gone.purgeAt.getTime() - gone.deletedAt.getTime()]).toEqual([null, options.graceMs])
    expect(await db.volume.findUniqueOrThrow({ where: { uid: second?.uid ?? '' } })).toMatchObject({ claimUid: null, deletedAt: null })
    expect((await db.event.findMany({ where: { reason: 'Released' } })).map(({ objectName }) => objectName).sort()).toEqual([`pvc-${kept}`, `pvc-${usual}`].sort())
  })
})
