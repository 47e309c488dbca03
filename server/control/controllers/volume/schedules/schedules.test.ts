import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { volumeSpec } from '@/domain/volume/spec'
import { openDatabase, type DatabaseClient } from '@/server/store/database'
import { listDueSchedules } from '@/server/store/schedule-runs'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { runSchedule } from './controller'

let database: TestDatabase
let db: DatabaseClient
const tenantId = 'a'.repeat(32)
let store = { storeId: '', classId: '' }
const quotas = { volumes: 10, bytes: 2 ** 40, snapshots: 4 }
beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  await db.tenant.create({ data: { id: tenantId, slug: 'ann', name: 'ann' } })
  const { uid: storeId } = await db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file', shared: false } } })
  const { uid: classId } = await db.storageClass.create({ data: { name: 'local', storeId, spec: { store: 'local' } } })
  store = { storeId, classId }
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})
beforeEach(async () => {
  await db.snapshotSchedule.deleteMany()
  await db.volumeSnapshot.deleteMany()
  await db.volume.deleteMany()
  await db.event.deleteMany()
})

const past = () => new Date(Date.now() - 60_000)
const volume = async (name: string, data: object = {}) => (await db.volume.create({ data: { tenantId, name, spec: volumeSpec.parse({ size: '1Gi' }), sizeBytes: 1n << 30n, storedPhase: 'Ready', labels: { app: 'shop' }, ...store, ...data } })).uid
const schedule = async (spec: object, data: object = {}) => (await db.snapshotSchedule.create({ data: { tenantId, name: 'often', nextAt: past(), spec: snapshotScheduleSpec.parse({ every: '1h', keep: { last: 1 }, ...spec }), ...data } })).uid
const run = (uid: string) => runSchedule(db, uid, quotas)
const again = (uid: string) => db.snapshotSchedule.update({ where: { uid }, data: { nextAt: past() } })
const ready = (minutes = 0) => db.volumeSnapshot.updateMany({ where: { phase: 'Asked' }, data: { phase: 'Ready', takenAt: new Date(Date.now() + minutes * 60_000) } })
const asked = async () => (await db.volumeSnapshot.findMany({ where: { phase: 'Asked' }, include: { volume: true }, orderBy: { name: 'asc' } })).map((one) => one.volume?.name)
const messages = async () => (await db.event.findMany()).map(({ message }) => message)

describe('a snapshot schedule', () => {
  it('takes what it names when its time has come, once for all that was missed, and says when it runs next', async () => {
    await volume('data')
    await volume('other')
    const uid = await schedule({ volumes: { names: ['data'] } })
    expect(await listDueSchedules(db)).toEqual([uid])
    await run(uid)
    await run(uid)
    const row = await db.snapshotSchedule.findUniqueOrThrow({ where: { uid } })
    expect([await asked(), row.lastMessage, row.nextAt?.getUTCMinutes(), (row.nextAt?.getTime() ?? 0) > Date.now()]).toEqual([['data'], '', 0, true])
    const snapshot = await db.volumeSnapshot.findFirstOrThrow()
    expect([snapshot.scheduleUid, snapshot.name]).toEqual([uid, expect.stringMatching(/^often-\d{8}-\d{4}-data$/)])
    expect(await listDueSchedules(db)).toEqual([])
  })

  it('keeps what its rules say of each volume, once the new one is taken, and nothing of others', async () => {
    const data = await volume('data')
    const own = await db.volumeSnapshot.create({ data: { tenantId, name: 'own', spec: {}, volumeUid: data, storeId: store.storeId, sizeBytes: 1n, phase: 'Ready', takenAt: past() } })
    const uid = await schedule({ volumes: { selector: { matchLabels: { app: 'shop' } } } })
    await run(uid)
    const [first] = await db.volumeSnapshot.findMany({ where: { scheduleUid: uid } })
    await ready(-10)
    await again(uid)
    await run(uid)
    expect((await db.volumeSnapshot.findUniqueOrThrow({ where: { uid: first?.uid ?? '' } })).deletedAt).toBeNull()
    await ready()
    await run(uid)
    expect((await db.volumeSnapshot.findMany({ where: { deletedAt: { not: null } } })).map((one) => one.uid)).toEqual([first?.uid])
    expect((await db.volumeSnapshot.findUniqueOrThrow({ where: { uid: own.uid } })).deletedAt).toBeNull()
  })

  it('leaves out what cannot be taken, and says why, once', async () => {
    await volume('data')
    await volume('broken', { storedPhase: 'Failed' })
    const uid = await schedule({ volumes: { names: ['data', 'broken', 'gone'] } })
    await run(uid)
    expect([await asked(), await messages()]).toEqual([['data'], ['Not taken: there is no volume "gone"; the volume "broken" could not be made: there is nothing to take a snapshot of.']])
    // The one before is not taken yet: there is no queue of them.
    await db.event.deleteMany()
    await again(uid)
    await run(uid)
    expect([(await asked()).length, (await messages())[0]]).toEqual([1, expect.stringContaining('the snapshot of the volume "data" of the run before is not taken yet')])
  })

  it('takes none beyond the quota', async () => {
    for (let i = 0; i < 4; i += 1) await db.volumeSnapshot.create({ data: { tenantId, name: `s${i}`, spec: {}, storeId: store.storeId, sizeBytes: 1n, phase: 'Ready' } })
    await volume('data')
    await run(await schedule({ volumes: { names: ['data'] } }))
    expect([await asked(), await messages()]).toEqual([[], [expect.stringContaining('The tenant has 4 snapshots, and may have 4')]])
  })

  it('takes those of a pod at one instant, all or none', async () => {
    const network = await db.network.create({ data: { tenantId, name: 'main', spec: {} } })
    const pod = await db.pod.create({ data: { tenantId, namespace: 'default', name: 'web', networkId: network.uid, spec: {} } })
    const host = await db.host.create({ data: { name: 'h', publicKey: 'h', phase: 'Ready' } })
    const attach = async (name: string, data: object = {}) => db.volumeAttachment.create({ data: { volumeUid: await volume(name, data), podUid: pod.uid, tenantId, name, hostId: host.id, epoch: 1n, phase: 'Attached' } })
    await attach('one')
    await attach('two')
    const uid = await schedule({ volumes: { pod: { name: 'web' } } })
    await run(uid)
    const groups = await db.volumeSnapshot.findMany()
    expect([await asked(), new Set(groups.map(({ groupUid }) => groupUid)).size, groups[0]?.groupUid]).toEqual([['one', 'two'], 1, expect.any(String)])
    await ready()
    await attach('three', { storedPhase: 'Failed' })
    await again(uid)
    await run(uid)
    expect(await asked()).toEqual([])
    await db.volumeAttachment.deleteMany()
  })

  it('does nothing while it is suspended', async () => {
    await volume('data')
    await run(await schedule({ volumes: { names: ['data'] }, suspended: true }))
    expect(await asked()).toEqual([])
  })
})
