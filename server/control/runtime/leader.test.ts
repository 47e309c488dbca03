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
  await db.$executeRaw`update "Lease" set "holder" = 'thief', "expiresAt" = now() + interval '1 hour' where "name" = 'control'`
  await vi.waitFor(() => expect(leading.size).toBe(0), { timeout: 10_000 })
  await a.close()
})
