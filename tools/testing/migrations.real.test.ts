import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { createTestDatabase } from '@/tools/testing/database'

/** What stands in a migration alone, because Prisma's schema cannot say it. */
const beyondPrisma = [
  'DROP INDEX "Change_xid_seq_idx";',
  // Columns that the database makes of others have an expression, which Prisma takes for a default.
  'ALTER TABLE "Ingress" ALTER COLUMN "digest" DROP DEFAULT;',
  'ALTER TABLE "Service" ALTER COLUMN "digest" DROP DEFAULT,',
  'ALTER COLUMN "wantsOutside" DROP DEFAULT;',
]

const root = fileURLToPath(new URL('../..', import.meta.url))

it('the migrations make the database that the schema describes', async () => {
  const database = await createTestDatabase()
  try {
    const args = ['migrate', 'diff', '--from-config-datasource', '--to-schema', 'prisma/schema', '--script']
    const { stdout } = await run(`${root}node_modules/.bin/prisma`, args, { cwd: root, env: { ...process.env, DATABASE_URL: database.url }, timeoutMs: 110_000 })
    const statements = stdout.split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('--') && !beyondPrisma.includes(line))
    expect(statements, 'write what is missing into a new folder of prisma/migrations').toEqual([])
  } finally {
    await database.drop()
  }
})
