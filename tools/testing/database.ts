import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { inject } from 'vitest'
import { migrateDeploy } from '@/server/store/migrate'
import { withLock } from '@/tools/process/file-lock.mjs'
import { startTestPostgres } from '@/tools/testing/postgres'

export type TestDatabase = { url: string; drop(): Promise<void> }

const migrations = fileURLToPath(new URL('../../prisma/migrations', import.meta.url))

/**
 * A database of this test file's own with every migration applied, as a copy of a template (some 50 ms). Call it in
 * `beforeAll` and `drop()` in `afterAll`. The first call of a run starts PostgreSQL and migrates the template.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const root = inject('postgresRoot')
  const server = await startTestPostgres(root)
  const admin = server.url('postgres')
  const template = `template_${hashOfMigrations()}`
  await withLock(join(root, 'private', 'template.lock'), () => ensureTemplate(admin, template, server.url(template)))
  const name = `test_${randomBytes(8).toString('hex')}`
  await createFrom(admin, name, template)
  return { url: server.url(name), drop: () => query(admin, `drop database if exists "${name}" with (force)`).then(() => {}) }
}

/** A database with nothing in it, for who migrates it itself. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const server = await startTestPostgres(inject('postgresRoot'))
  const admin = server.url('postgres')
  const name = `test_${randomBytes(8).toString('hex')}`
  await query(admin, `create database "${name}"`)
  return { url: server.url(name), drop: () => query(admin, `drop database if exists "${name}" with (force)`).then(() => {}) }
}

function hashOfMigrations(): string {
  const hash = createHash('sha256')
  const folders = readdirSync(migrations, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  for (const name of folders.map((entry) => entry.name).sort()) hash.update(name).update(readFileSync(join(migrations, name, 'migration.sql')))
  return hash.digest('hex').slice(0, 16)
}

/** The template is migrated under another name first, so that one cut off half way is never copied. */
async function ensureTemplate(admin: string, template: string, templateUrl: string): Promise<void> {
  const found = await query(admin, 'select 1 from pg_database where datname = $1', [template])
  if (found.rowCount) return
  const draft = `${template}_draft`
  await query(admin, `drop database if exists "${draft}" with (force)`)
  await query(admin, `create database "${draft}"`)
  await migrateDeploy(templateUrl.replace(template, draft), migrations)
  await whileInUse(() => query(admin, `alter database "${draft}" rename to "${template}"`))
}

const createFrom = (admin: string, name: string, template: string) => whileInUse(() => query(admin, `create database "${name}" template "${template}"`))

/** A session that has just ended still counts as a user of its database for a moment (object_in_use). */
async function whileInUse(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await work()
      return
    } catch (error) {
      const inUse = error instanceof Error && 'code' in error && error.code === '55006'
      if (!inUse || tries > 200) throw error
      await delay(25)
    }
  }
}

async function query(url: string, text: string, values: unknown[] = []): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query(text, values)
  } finally {
    await client.end()
  }
}
