import { afterAll, beforeAll, expect, it } from 'vitest'
import { logger } from '@/platform/logger'
import { openDatabase, type DatabaseClient } from '@/server/store/database'
import { FeedReader } from '@/server/store/feed-reader'
import { storeStoreReports } from '@/server/store/volume-reports'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { storeController } from './controller'

let database: TestDatabase
let db: DatabaseClient
const hosts: string[] = []
let uid = ''
beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  for (const name of ['h1', 'h2']) hosts.push((await db.host.create({ data: { name, publicKey: name, phase: 'Ready' } })).id)
  uid = (await db.volumeStore.create({ data: { name: 'shared', spec: { kind: 'file', folder: '/srv', shared: true } } })).uid
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})

const log = logger('test')
log.level = 'silent'
const ctx = () => ({ db, log, feed: new FeedReader(db, database.url, () => {}) })
const told = async () => {
  for (const key of await storeController.allKeys(ctx())) await storeController.reconcile(ctx(), key)
  return (await db.objectCondition.findMany({ where: { objectUid: uid }, orderBy: { type: 'asc' } })).map(({ status, reason }) => `${status} ${reason}`)
}
const say = (at: number, reachable: boolean, freeBytes: number | null) => storeStoreReports(db, hosts[at] ?? '', [{ uid, reachable, message: reachable ? '' : 'its folder is not there', totalBytes: freeBytes === null ? null : 1000, freeBytes }])
const revision = async () => (await db.volumeStore.findUniqueOrThrow({ where: { uid } })).revision

it('a store says which hosts reach it and whether it has room, as hosts come and go and it fills', async () => {
  expect(await told()).toEqual(['Unknown NoHostHeard', 'Unknown NotKnown'])
  await say(0, true, 800)
  await say(1, false, null)
  expect(await told()).toEqual(['True ReachedBySome', 'True Room'])
  await db.host.update({ where: { id: hosts[1] ?? '' }, data: { phase: 'Unknown' } })
  expect(await told()).toEqual(['True Reached', 'True Room'])
  await say(0, true, 60)
  expect(await told()).toEqual(['True Reached', 'False NearlyFull'])
  await say(0, false, null)
  expect(await told()).toEqual(['False NotReached', 'Unknown NotKnown'])
  const before = await revision()
  await told()
  expect(await revision(), 'what says the same is written once').toBe(before)
})

it('who waits for room in a store, or looks at it, hears of each fiftieth part of it, and not of each byte', async () => {
  const heard = async () => (await db.$executeRaw`delete from "Change" where "kind" = 'VolumeRoom' and "objectUid" = ${uid}::uuid`) > 0
  await say(0, true, 805)
  await heard()
  await say(0, true, 815)
  expect(await heard()).toBe(false)
  await say(0, true, 825)
  expect(await heard()).toBe(true)
})
