#!/usr/bin/env node
// `npm run bench`: prepares what it needs and runs bench/main.ts, which writes docs/SPECIFICATION.md.
import { spawnSync } from 'node:child_process'
import { root } from './setup/paths.mjs'
import { prepare } from './setup/prepare.mjs'

try {
  await prepare({ host: true, tests: true, bench: true })
  const result = spawnSync(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
  process.exitCode = result.status ?? 1
} catch (error) {
  console.error(`\n${error.message}`)
  process.exitCode = 1
}
