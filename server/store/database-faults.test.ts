import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { databaseUnavailable } from '@/server/services/database-faults'
import { inTransaction, isUnavailable, openDatabase, whenAvailable, type DatabaseClient } from './database'

let database: TestDatabase
let admin: pg.Client
const opened: DatabaseClient[] = []
/** Superusers get connections beyond every limit: this role is none, and has one connection. */
const role = `limited_${randomBytes(4).toString('hex')}`
const password = randomBytes(12).toString('hex')

function open(url: string, connections = 2, connectMs?: number): DatabaseClient {
  const db = openDatabase(url, connections, connectMs)
  opened.push(db)
  return db
}
const asRole = () => Object.assign(new URL(database.url), { username: role, password }).href
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.then(() => expect.unreachable(), (error: unknown) => error)
/** Ends the role's sessions, and waits until they are over. */
const endSessions = () => admin.query('select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = $1', [role])

beforeAll(async () => {
  database = await createTestDatabase()
  admin = new pg.Client({ connectionString: database.url })
  await admin.connect()
  await admin.query(`create role ${role} login password '${password}' connection limit 1; grant all on all tables in schema public to ${role}`)
})
afterAll(async () => {
  await Promise.all(opened.map((db) => db.$disconnect()))
  await endSessions()
  await admin.query(`drop owned by ${role}; drop role ${role}`)
  await admin.end()
  await database.drop()
})

describe('a database that is not there for a request', () => {
  it('is known when it has no connection left, and answers again once it has', async () => {
    const holder = new pg.Client({ connectionString: asRole() })
    await holder.connect()
    const db = open(asRole())
    for (const work of [() => db.host.findMany(), () => db.$queryRaw`select 1`, () => inTransaction(db, (tx) => tx.host.findMany())]) expect(isUnavailable(await failureOf(work()))).toBe(true)
    await holder.end()
    await expect.poll(() => db.host.findMany().then((hosts) => hosts.length, () => -1), { timeout: 10_000 }).toBe(0)
    await db.$disconnect()
  })

  it('is known when a session is ended under its work', async () => {
    const db = open(asRole(), 1)
    const sleeping = failureOf(db.$queryRaw`select pg_sleep(30)::text`)
    const sleeps = async () => (await admin.query("select 1 from pg_stat_activity where usename = $1 and query like '%pg_sleep%' and state = 'active'", [role])).rowCount
    await expect.poll(sleeps, { timeout: 10_000 }).toBe(1)
    await endSessions()
    expect(isUnavailable(await sleeping)).toBe(true)
    const ended = inTransaction(db, async (tx) => {
      await endSessions()
      return tx.host.findMany()
    })
    expect(isUnavailable(await failureOf(ended))).toBe(true)
    // At its end, of which the adapter tells by itself.
    expect(isUnavailable(await failureOf(inTransaction(db, endSessions)))).toBe(true)
    await db.$disconnect()
  })

  it('is known when nothing listens, and when all connections of the process stay in use', async () => {
    expect(isUnavailable(await failureOf(open('postgresql://nobody:none@127.0.0.1:1/none').host.findMany()))).toBe(true)
    const one = open(database.url, 1, 2000)
    await inTransaction(one, async () => expect(isUnavailable(await failureOf(one.host.findMany()))).toBe(true))
  })

  it('is told to the caller as what may be tried again, without its own words', async () => {
    const error = databaseUnavailable(await failureOf(open('postgresql://nobody:none@127.0.0.1:1/none').host.findMany()))
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/^The database does not answer just now.*try again/) })
    expect(error?.message).not.toContain('127.0.0.1')
  })

  it('is waited for by a process that begins; what else fails ends the wait', async () => {
    const nowhere = open('postgresql://nobody:none@127.0.0.1:1/none')
    const there = open(database.url)
    let waits = 0
    expect(await whenAvailable(() => (waits < 2 ? nowhere : there).host.count(), () => void (waits += 1), 1)).toBe(0)
    expect(waits).toBe(2)
    await expect(whenAvailable(() => there.$queryRaw`select 1 from "Nothing"`, () => expect.unreachable(), 1)).rejects.toThrow('Nothing')
  })

  it('is not blamed for what a request did wrong', async () => {
    const db = open(database.url)
    const host = () => db.host.create({ data: { name: 'the same', publicKey: randomUUID() } })
    await host()
    expect(isUnavailable(await failureOf(host()))).toBe(false)
    expect(isUnavailable(await failureOf(db.$queryRaw`select 1 from "Nothing"`))).toBe(false)
    expect(databaseUnavailable(new Error('a fault of ours'))).toBeUndefined()
  })
})
