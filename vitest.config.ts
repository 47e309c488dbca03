import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))
const resolve = { alias: [{ find: /^@\//, replacement: root }, { find: 'server-only', replacement: `${root}tools/testing/empty.ts` }] }
const exclude = [...configDefaults.exclude, 'e2e/**', 'dist/**', '.next/**', 'data/**']

/** Tests on real parts: `real` are those of every `npm test`; `long` are what endures or is large, of `npm test -- long`. */
const onRealParts = (name: 'real' | 'long', maxWorkers: number) => ({
  resolve,
  test: {
    name,
    include: [`**/*.${name}.test.ts`],
    globalSetup: ['tools/testing/groups-setup.ts'],
    setupFiles: ['tools/testing/turn-setup.ts'],
    exclude,
    // Files side by side fill what each leaves idle while it waits for a disk, a pod or time: most take less than half a processor. Nothing is shared between them, as between two runs.
    maxWorkers,
    // Projects of as many files at a time as each wants are not run side by side.
    sequence: { groupOrder: maxWorkers },
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
  },
})

export default defineConfig({
  resolve,
  test: {
    // One PostgreSQL a run, started by the first test that asks for a database (tools/testing/database.ts).
    globalSetup: ['tools/testing/postgres-setup.ts'],
    reporters: ['default', './tools/testing/count-reporter.ts'],
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          include: ['**/*.test.{ts,tsx}'],
          exclude: [...exclude, '**/*.real.test.ts', '**/*.long.test.ts'],
          setupFiles: ['tools/testing/property-seed.ts'],
          // A thread begins in a fraction of a process' time. Vitest's own number of them is one less than the processors.
          pool: 'threads',
          // The files of a thread share what they import: the server's procedures and the database client take seconds to load. What a module keeps for its process, a test puts back.
          isolate: false,
          maxWorkers: Math.max(2, availableParallelism()),
          // Longer than any condition that a test waits for: on a slow machine such a wait is what takes long, and one that ends after its test says nothing.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Vitest's own is a second, which a busy machine takes for nothing.
          expect: { poll: { timeout: 15_000 } },
        },
      },
      onRealParts('real', 3),
      onRealParts('long', 2),
    ],
  },
})
