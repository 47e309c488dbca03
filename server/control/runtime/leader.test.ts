import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { logger } from '@/platform/logger'
import { openDatabase, type DatabaseClient } from '@/server/store/database'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { runWhileLeader } from './leader'

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

/** Two processes of `control`, as far as the lease can tell. */
function contender(name: string, leading: Set<string>, most: { value: number }) {
  return runWhileLeader(db, log, async (signal) => {
    leading.add(name)
    most.value = Math.max(most.value, leading.size)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    leading.delete(name)
  })
}

it('lets one of two lead, and the other when the first ends', async () => {
  const leading = new Set<string>()
  const most = { value: 0 }
  const a = contender('a', leading, most)
  await vi.waitFor(() => expect([...leading]).toEqual(['a']), { timeout: 10_000 })
  const b = contender('b', leading, most)
  await a.close()
  await vi.waitFor(() => expect([...leading]).toEqual(['b']), { timeout: 10_000 })
  expect(most.value).toBe(1)
  await b.close()
  expect(leading.size).toBe(0)
})

it('stops leading when the lease is taken away', async () => {
  const leading = new Set<string>()
  const a = contender('a', leading, { value: 0 })
  await vi.waitFor(() => expect(leading.size).toBe(1), { timeout: 10_000 })
  await db.$executeRaw`update "Lease" set "holder" = 'thief', "expiresAt" = now() + interval '5 seconds' where "name" = 'control'`
  await vi.waitFor(() => expect(leading.size).toBe(0), { timeout: 10_000 })
  await a.close()
})

it.each([['forwards', '10 minutes'], ['back', '-10 minutes']])('one leads again soon after the database\'s clock was set %s', async (_way, by) => {
  // As the lease of somebody who has died looks after the clock was set: its end lies ten minutes off.
  await db.$executeRaw`update "Lease" set "holder" = 'dead', "expiresAt" = now() - ${by}::interval + interval '5 seconds' where "name" = 'control'`
  const leading = new Set<string>()
  const most = { value: 0 }
  const a = contender('a', leading, most)
  await vi.waitFor(() => expect([...leading]).toEqual(['a']), { timeout: 10_000 })
  const { expiresAt } = await db.lease.findUniqueOrThrow({ where: { name: 'control' } })
  expect(expiresAt.getTime() - Date.now()).toBeLessThan(10_000)
  await a.close()
})

it('who finds that somebody else has led meanwhile begins anew', async () => {
  const leading = new Set<string>()
  let terms = 0
  const a = runWhileLeader(db, log, async (signal) => {
    terms += 1
    leading.add(`${terms}`)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    leading.delete(`${terms}`)
  })
  await vi.waitFor(() => expect([...leading]).toEqual(['1']), { timeout: 10_000 })
  await db.$executeRaw`update "Lease" set "holder" = 'other', "term" = "term" + 1, "expiresAt" = now() - interval '1 second' where "name" = 'control'`
  await vi.waitFor(() => expect([...leading]).toEqual(['2']), { timeout: 10_000 })
  await a.close()
})

it('stops leading before its lease ends where the database gives no answer, and leads again once it does', async () => {
  const leading = new Set<string>()
  let answers = true
  const waiting: (() => void)[] = []
  const silent = new Proxy(db, {
    get(target, key) {
      if (key !== '$queryRaw') return Reflect.get(target, key) as unknown
      return async (...query: Parameters<DatabaseClient['$queryRaw']>) => {
        if (!answers) await new Promise<void>((resolve) => waiting.push(resolve))
        return target.$queryRaw(...query)
      }
    },
  })
  const a = runWhileLeader(silent, log, async (signal) => {
    leading.add('a')
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    leading.delete('a')
  }, { leaseMs: 3000, renewMs: 50 })
  await vi.waitFor(() => expect(leading.size).toBe(1), { timeout: 10_000 })
  answers = false
  await vi.waitFor(() => expect(waiting.length).toBe(1), { timeout: 20_000 })
  await vi.waitFor(() => expect(leading.size).toBe(0), { timeout: 20_000 })
  // Nothing answered meanwhile: it ended by its own clock.
  expect([answers, waiting.length]).toEqual([false, 1])
  answers = true
  for (const answer of waiting.splice(0)) answer()
  await vi.waitFor(() => expect(leading.size).toBe(1), { timeout: 10_000 })
  await a.close()
})

it('does not lead by an answer that is older than the lease', async () => {
  let led = 0
  let asked = 0
  const slow = new Proxy(db, {
    get(target, key) {
      if (key !== '$queryRaw') return Reflect.get(target, key) as unknown
      return async (...query: Parameters<DatabaseClient['$queryRaw']>) => {
        const answer = await target.$queryRaw(...query)
        asked += 1
        await new Promise((resolve) => setTimeout(resolve, 150))
        return answer
      }
    },
  })
  const a = runWhileLeader(slow, log, () => Promise.resolve(void (led += 1)), { leaseMs: 100, renewMs: 1 })
  await vi.waitFor(() => expect(asked).toBe(3), { timeout: 10_000 })
  expect(led).toBe(0)
  await a.close()
})
