import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logger } from '@/platform/logger'
import { FeedReader } from '@/server/store/feed-reader'
import { openDatabase, type DatabaseClient } from '@/server/store/database'
import { recordHeartbeat, reviveHost } from '@/server/store/hosts'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { createHostController } from './controller'
import { Silence } from './silence'

describe('silence', () => {
  it('is told of a host whose sign of life has not changed for the time', () => {
    let steady = 0
    const silence = new Silence(15_000, () => steady)
    const find = (sign: number) => silence.find([{ id: 'a', lastHeartbeat: new Date(sign) }]).length
    expect(find(1)).toBe(0)
    steady = 14_999
    expect(find(1)).toBe(0)
    steady = 15_000
    expect(find(1)).toBe(1)
    expect(find(2)).toBe(0)
    steady = 29_999
    expect(find(2)).toBe(0)
  })
  it('is forgotten with the host', () => {
    let steady = 0
    const silence = new Silence(15_000, () => steady)
    silence.find([{ id: 'a', lastHeartbeat: null }])
    silence.find([])
    steady = 20_000
    expect(silence.find([{ id: 'a', lastHeartbeat: null }])).toEqual([])
  })
})

describe('the host controller', () => {
  let database: TestDatabase
  let db: DatabaseClient
  beforeAll(async () => {
    database = await createTestDatabase()
    db = openDatabase(database.url)
  })
  afterAll(async () => {
    await db.$disconnect()
    await database.drop()
  })
  const log = logger('test')
  log.level = 'silent'

  it.each([['forwards', 600_000], ['back', -600_000]])('calls no host silent, and misses none, when the database\'s clock is set ten minutes %s', async (_way, jump) => {
    let steady = 0
    const bootId = randomUUID()
    const host = await db.host.create({ data: { name: randomUUID(), publicKey: randomUUID(), bootId, phase: 'Ready' } })
    const controller = createHostController(() => steady)
    const look = async () => {
      await controller.reconcile({ db, log, feed: new FeedReader(db, database.url, () => {}) }, 'all')
      return (await db.host.findUniqueOrThrow({ where: { id: host.id } })).phase
    }
    // Told by a clock that was right until it was set: the last sign of life is ten minutes old, or lies ahead.
    await db.host.update({ where: { id: host.id }, data: { lastHeartbeat: new Date(Date.now() - jump) } })
    expect(await look()).toBe('Ready')
    steady += 5_000
    await recordHeartbeat(db, host.id, bootId)
    expect(await look()).toBe('Ready')
    steady += 14_000
    expect(await look()).toBe('Ready')
    steady += 1_000
    expect(await look()).toBe('Unknown')
    await recordHeartbeat(db, host.id, bootId)
    await reviveHost(db, host.id)
    expect(await look()).toBe('Ready')
  })
  it('believes of how long a host may answer what it says on its present connection alone, and nothing more once it says nothing of it', async () => {
    const bootId = randomUUID()
    const { id } = await db.host.create({ data: { name: randomUUID(), publicKey: randomUUID(), bootId, phase: 'Ready', hello: { connection: 'now' } } })
    const told = async (...lease: [] | [{ connection: string; isKnown: boolean }]) => {
      await recordHeartbeat(db, id, bootId, ...lease)
      return (await db.host.findUniqueOrThrow({ where: { id } })).leaseToldAt !== null
    }
    expect([await told(), await told({ connection: 'before', isKnown: true }), await told({ connection: 'now', isKnown: true })]).toEqual([false, false, true])
    expect([await told(), await told({ connection: 'before', isKnown: false }), await told({ connection: 'now', isKnown: false })]).toEqual([true, true, false])
  })
})
