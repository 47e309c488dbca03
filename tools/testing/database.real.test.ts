import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'

let databases: TestDatabase[]

beforeAll(async () => {
  databases = await Promise.all([createTestDatabase(), createTestDatabase(), createTestDatabase()])
})
afterAll(() => Promise.all(databases.map((database) => database.drop())))

async function query<T extends pg.QueryResultRow>(database: TestDatabase | undefined, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: database?.url })
  await client.connect()
  try {
    return (await client.query<T>(text)).rows
  } finally {
    await client.end()
  }
}

it('gives databases that are migrated and do not meet', async () => {
  const [first, second] = databases
  expect((await query(first, 'select migration_name from _prisma_migrations where finished_at is not null')).length).toBeGreaterThan(0)
  await query(first, 'create table mine (n int)')
  expect(await query(second, "select to_regclass('mine') as found")).toEqual([{ found: null }])
})
