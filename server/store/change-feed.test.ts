import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { currentCursor, formatCursor, listenForWakes, parseCursor, pruneChanges, readChanges } from './change-feed'
import { inTransaction, openDatabase, type DatabaseClient } from './database'
import { FeedReader } from './feed-reader'
import { acquireLease, releaseLease } from './leases'

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

// Transactions are numbered for all of a server: one in another test's database holds the feed's end back while it lasts.
const elsewhere = { timeout: 30_000 }

const tenant = '0123456789abcdef0123456789abcdef'
const addTenant = () => db.tenant.upsert({ where: { id: tenant }, create: { id: tenant, slug: 'feed', name: 'Feed' }, update: {} })

describe('the change feed', () => {
  it('does not miss what commits late', async () => {
    await addTenant()
    const start = await currentCursor(db)
    const late = new pg.Client({ connectionString: database.url })
    await late.connect()
    await late.query('begin')
    await late.query('insert into "Namespace" ("uid", "tenantId", "name", "spec") values (gen_random_uuid(), $1, \'late\', \'{}\')', [tenant])
    // Begun later, committed earlier, with the higher number: a reader that remembered it would skip "late".
    await db.namespace.create({ data: { tenantId: tenant, name: 'early', spec: {} } })
    const before = await readChanges(db, start)
    expect(before.changes).toEqual([])
    expect(before.behind).toBe(true)
    await late.query('commit')
    await late.end()
    await vi.waitFor(async () => {
      const after = await readChanges(db, start)
      expect(after.changes.map((c) => c.name)).toEqual(['late', 'early'])
      expect(after.behind).toBe(false)
    }, elsewhere)
  })

  it('carries old and new labels and the object\'s tenant', async () => {
    const start = await currentCursor(db)
    const row = await db.namespace.create({ data: { tenantId: tenant, name: 'labelled', spec: {}, labels: { a: '1' } } })
    await db.namespace.update({ where: { uid: row.uid }, data: { labels: { a: '2' } } })
    await db.namespace.delete({ where: { uid: row.uid } })
    const tell = async () => (await readChanges(db, start)).changes.map(({ action, oldLabels, newLabels, tenantId }) => ({ action, oldLabels, newLabels, tenantId }))
    await vi.waitFor(async () => expect(await tell()).toEqual([
      { action: 'added', oldLabels: null, newLabels: { a: '1' }, tenantId: tenant },
      { action: 'modified', oldLabels: { a: '1' }, newLabels: { a: '2' }, tenantId: tenant },
      { action: 'deleted', oldLabels: { a: '2' }, newLabels: null, tenantId: tenant },
    ]), elsewhere)
  })

  it('answers gone below the floor and in another epoch', async () => {
    const start = await currentCursor(db)
    await db.namespace.create({ data: { tenantId: tenant, name: 'pruned', spec: {} } })
    // What came before it may be old enough to go earlier.
    await vi.waitFor(async () => {
      await inTransaction(db, (tx) => pruneChanges(tx, -60))
      await expect(readChanges(db, { ...start, seq: '0' })).rejects.toMatchObject({ code: 'gone' })
    }, { timeout: 20_000 })
    await expect(readChanges(db, { ...(await currentCursor(db)), epoch: 'other' })).rejects.toMatchObject({ code: 'gone' })
    expect((await readChanges(db, await currentCursor(db))).changes).toEqual([])
  })

  it('formats and parses cursors', () => {
    const cursor = { epoch: 'ab12', xid: '77', seq: '9' }
    expect(parseCursor(formatCursor(cursor))).toEqual(cursor)
    expect(['', 'a.b.c', '1.2', "x'.1.1"].map(parseCursor)).toEqual([null, null, null, null])
  })

  it('wakes its readers after the commit', async () => {
    const reader = new FeedReader(db, database.url, () => {})
    await reader.start()
    const seen: string[] = []
    const stop = reader.subscribe({ onChanges: (changes) => seen.push(...changes.map((c) => c.name)), onReset: () => {} })
    await inTransaction(db, (tx) => tx.namespace.create({ data: { tenantId: tenant, name: 'woken', spec: {} } }))
    await vi.waitFor(() => expect(seen).toEqual(['woken']), elsewhere)
    stop()
    await reader.close()
  })

  it('listens on one connection again after each that was lost, however often its loss is told', async () => {
    let wakes = 0
    const listener = listenForWakes(database.url, () => (wakes += 1))
    const listening = async () => (await db.$queryRaw<{ pid: number }[]>`select pid from pg_stat_activity where datname = current_database() and query like 'listen %'`).map(({ pid }) => pid)
    // PostgreSQL's process of a connection that was closed ends some time after.
    const only = () => vi.waitFor(async () => {
      const pids = await listening()
      expect(pids).toHaveLength(1)
      return pids[0]
    }, elsewhere)
    for (let round = 1; round <= 2; round += 1) {
      await vi.waitFor(() => expect(wakes).toBe(round), elsewhere)
      const pid = await only()
      await db.$executeRaw`select pg_terminate_backend(${pid}::int)`
    }
    await vi.waitFor(() => expect(wakes).toBe(3), elsewhere)
    await only()
    await listener.close()
    await vi.waitFor(async () => expect(await listening()).toEqual([]), elsewhere)
  })

  it('keeps the audit append-only', async () => {
    await db.auditEntry.create({ data: { tenantId: tenant, actorId: 'a', actor: 'a', action: 'x', kind: 'y', name: 'z' } })
    await expect(db.auditEntry.deleteMany()).rejects.toThrow('append-only')
    await expect(db.auditEntry.updateMany({ data: { actor: 'b' } })).rejects.toThrow('append-only')
  })
})

describe('leases', () => {
  it('have one holder, and a new term for a new one', async () => {
    expect(await acquireLease(db, 'test', 'a', 60)).toBe(1n)
    expect(await acquireLease(db, 'test', 'b', 60)).toBeNull()
    expect(await acquireLease(db, 'test', 'a', 60)).toBe(1n)
    await releaseLease(db, 'test', 'a')
    expect(await acquireLease(db, 'test', 'b', 60)).toBe(2n)
    expect(await acquireLease(db, 'test', 'a', 60)).toBeNull()
  })
})
