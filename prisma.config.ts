import { fileURLToPath } from 'node:url'
import { defineConfig } from 'prisma/config'

// The native schema engine is fetched from a host of its own; ours comes from npm (tools/schema-engine.mjs).
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= fileURLToPath(new URL('./tools/schema-engine.mjs', import.meta.url))
process.env.CHECKPOINT_DISABLE ??= '1'
process.env.PRISMA_HIDE_UPDATE_MESSAGE ??= '1'

// `prisma generate` needs no database, so an unset address is no error here; every `prisma migrate` command needs DATABASE_URL.
export default defineConfig({
  schema: 'prisma/schema',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? 'postgresql://unset' },
})
