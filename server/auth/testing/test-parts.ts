import { randomBytes, randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { loadConfig } from '@/platform/config'
import { KeyRing } from '@/platform/crypto/key-ring'
import { openDatabase } from '@/server/store/database'
import { insertSession } from '@/server/store/sessions'
import { createTestDatabase } from '@/tools/testing/database'
import { authenticateSession } from '../authenticate'
import type { Actor } from '../scope'

/** The parts of a server process over a database of the test's own, with a log that can be read. */
export async function openTestParts(settings: NodeJS.ProcessEnv = { NODE_ENV: 'test' }) {
  const database = await createTestDatabase()
  const db = openDatabase(database.url, 6)
  let logged = ''
  const log = pino({ level: 'trace' }, new Writable({ write: (chunk: Buffer, _, done) => ((logged += chunk.toString()), done()) }))
  return {
    db,
    log,
    url: database.url,
    config: loadConfig({ PUBLIC_URL: 'http://console.test:3000', ...settings }),
    keyRing: KeyRing.ofKey('k1', randomBytes(32)),
    logged: () => logged,
    /** Every row of every table as PostgreSQL writes it. */
    async allRows(): Promise<string> {
      const tables = await db.$queryRaw<{ name: string }[]>`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`
      const texts = await Promise.all(tables.map(({ name }) => db.$queryRawUnsafe<{ row: string }[]>(`select t::text as row from "${name}" t`)))
      return texts.flat().map(({ row }) => row).join('\n')
    },
    async close(): Promise<void> {
      await db.$disconnect()
      await database.drop()
    },
  }
}
export type TestParts = Awaited<ReturnType<typeof openTestParts>>

/** What a person types to sign up; nothing of it is shared with another test's. */
export function newPerson(organization = 'Field Works') {
  const id = randomUUID().slice(0, 8)
  return { email: `ada-${id}@example.com`, password: `long enough ${id}`, name: 'Ada', organization }
}

/** The actor of a browser in which the user has just signed in. */
export async function signedInActor(db: TestParts['db'], userId: string): Promise<Actor> {
  const session = await insertSession(db, { userId, address: '192.0.2.1', userAgent: 'test', expiresAt: new Date(Date.now() + 3_600_000) })
  const actor = await authenticateSession(db, session.id)
  if (!actor) throw new Error('a new session does not authenticate')
  return actor
}

/** Calls `ask` with a background for {@link requestPasswordReset} and waits for what it hands over. */
export async function withBackground(ask: (background: (work: Promise<void>) => void) => Promise<unknown>): Promise<void> {
  const works: Promise<void>[] = []
  await ask((work) => works.push(work))
  await Promise.all(works)
}
