import { createHash, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'

/** The key that Prisma's own engine locks, so that `prisma migrate` and this wait for each other. */
const ADVISORY_LOCK = 72707369

const createTable = `
  create table if not exists _prisma_migrations (
    id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz,
    migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
    started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`

type AppliedMigration = { migration_name: string; checksum: string; finished_at: Date | null }
type Migration = { name: string; sql: string; checksum: string }

/**
 * `prisma migrate deploy` without Prisma's command line: applies the migrations of `dir` that the database at `url`
 * lacks, in the order of their names, and returns their names. It keeps Prisma's own table, checksums and advisory
 * lock: two processes may run it at once, and `prisma migrate status` agrees with what it wrote.
 *
 * Throws when an applied migration was edited since, when one failed earlier, or when one fails now; the message
 * names it.
 */
export async function migrateDeploy(url: string, dir = 'prisma/migrations'): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [ADVISORY_LOCK])
    await client.query(createTable)
    const applied = await client.query<AppliedMigration>(
      'select migration_name, checksum, finished_at from _prisma_migrations where rolled_back_at is null',
    )
    const missing = pending(readMigrations(dir), applied.rows)
    for (const migration of missing) await apply(client, migration)
    return missing.map((migration) => migration.name)
  } finally {
    await client.end()
  }
}

function readMigrations(dir: string): Migration[] {
  const names = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return names.sort().map((name) => {
    const sql = readFileSync(join(dir, name, 'migration.sql'), 'utf8')
    return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
  })
}

function pending(migrations: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const failed = applied.find((row) => row.finished_at === null)
  if (failed) throw new Error(`migration ${failed.migration_name} failed earlier; resolve it first (prisma migrate resolve)`)
  return migrations.filter((migration) => {
    const row = applied.find((candidate) => candidate.migration_name === migration.name)
    if (row && row.checksum !== migration.checksum) throw new Error(`migration ${migration.name} was edited after it was applied`)
    return !row
  })
}

/** One query holds the whole script: PostgreSQL runs it as one transaction unless the script says otherwise. */
async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const id = randomUUID()
  await client.query('insert into _prisma_migrations (id, checksum, migration_name) values ($1, $2, $3)', [id, migration.checksum, migration.name])
  try {
    await client.query(migration.sql)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    await client.query('update _prisma_migrations set logs = $2 where id = $1', [id, message])
    throw new Error(`migration ${migration.name}: ${message}`, { cause: error })
  }
  await client.query('update _prisma_migrations set finished_at = now(), applied_steps_count = 1 where id = $1', [id])
}
