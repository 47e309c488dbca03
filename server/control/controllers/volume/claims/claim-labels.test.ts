import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Labels } from '@/domain/shared/names'
import { volumeClaimSpec } from '@/domain/volume-claim/spec'
import { followClaim } from '@/domain/volume/claim-labels'
import { volumeSpec } from '@/domain/volume/spec'
import { logger } from '@/platform/logger'
import { listMislabelledClaims } from '@/server/store/claim-binding'
import { openDatabase, type DatabaseClient } from '@/server/store/database'
import { FeedReader } from '@/server/store/feed-reader'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { reconcileClaim } from './bind'
import { createClaimController } from './controller'

let database: TestDatabase
let db: DatabaseClient
let store = { storeId: '', classId: '' }
const tenantId = 'a'.repeat(32)
const options = { quotas: { volumes: 100, bytes: 2 ** 40, snapshots: 10 }, graceMs: 3_600_000 }

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  await db.tenant.create({ data: { id: tenantId, slug: 'ann', name: 'ann' } })
  const { uid: storeId } = await db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file' } } })
  const { uid: classId } = await db.storageClass.create({ data: { name: 'standard', storeId, isDefault: true, spec: { store: 'local' } } })
  store = { storeId, classId }
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})
beforeEach(async () => {
  await db.volume.deleteMany()
  await db.volumeClaim.deleteMany()
})

const claim = async (name: string, labels: object = {}, spec: object = {}) => (await db.volumeClaim.create({ data: { tenantId, namespace: 'default', name, labels, spec: volumeClaimSpec.parse({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec }) } })).uid
const volume = (name: string, data: object = {}) => db.volume.create({ data: { tenantId, name, spec: volumeSpec.parse({ size: '2Gi' }), sizeBytes: 2n << 30n, ...store, ...data } })
const labelsOf = async (claimUid: string) => (await db.volume.findUniqueOrThrow({ where: { claimUid } })).labels
const relabel = (uid: string, labels: object) => db.volumeClaim.update({ where: { uid }, data: { labels } })
const woken = async () => (await createClaimController(options).allKeys({ db, log: logger('test'), feed: new FeedReader(db, database.url, () => {}) })).sort()

describe('labels of a claim that changed while nobody listened', () => {
  it('are its volume\'s once all claims are looked at', async () => {
    await volume('own', { labels: { tier: 'own', kept: 'k' } })
    const [more, fewer, other, named] = [await claim('more'), await claim('fewer', { app: 'db', tier: 'gold' }), await claim('other', { app: 'db' }), await claim('named', { app: 'db', tier: 'gold' }, { volumeName: 'own' })]
    for (const uid of [more, fewer, other, named]) await reconcileClaim(db, uid, options)
    expect(await woken()).toEqual([])
    await relabel(more, { app: 'db' })
    await relabel(fewer, { app: 'db' })
    await relabel(other, { app: 'web' })
    // What its volume has of its own by that key wins, so that nothing is to do.
    await relabel(named, { app: 'db', tier: 'silver' })
    const keys = await woken()
    expect(keys).toEqual([more, fewer, other].map((uid) => `claim:${uid}`).sort())
    for (const key of keys) await reconcileClaim(db, key.slice('claim:'.length), options)
    expect(await woken()).toEqual([])
    expect([await labelsOf(more), await labelsOf(fewer), await labelsOf(other)]).toEqual([{ app: 'db' }, { app: 'db' }, { app: 'web' }])
  })

  it('are found by the rule by which they are given, whatever each has', async () => {
    const of = (value: string | null): Labels => (value === null ? {} : { app: value })
    const values = [null, 'a', 'b']
    const all = values.flatMap((own) => values.flatMap((claimed) => values.map((asked) => ({ labels: of(own), claimLabels: of(claimed), asked: of(asked) }))))
    const wrong: string[] = []
    for (const [i, { labels, claimLabels, asked }] of all.entries()) {
      const claimUid = await claim(`c${i}`, asked)
      await volume(`v${i}`, { claimUid, labels, claimLabels })
      if (!isDeepStrictEqual(followClaim({ labels, claimLabels }, asked), { labels, claimLabels })) wrong.push(claimUid)
    }
    expect(wrong.length).toBeGreaterThan(5)
    expect((await listMislabelledClaims(db)).sort()).toEqual(wrong.sort())
    await db.volumeClaim.updateMany({ data: { deletedAt: new Date() } })
    expect(await listMislabelledClaims(db)).toEqual([])
  })
})
