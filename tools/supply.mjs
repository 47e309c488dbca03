#!/usr/bin/env node
// `npm run supply`: licences, notices, bill of materials and known vulnerabilities of the npm packages, from the lock and
// node_modules alone. `npm run supply -- --refresh` asks the registry for advisories first and keeps them in the repository.
import { spawnSync } from 'node:child_process'
import { checkNode } from './setup/node-version.mjs'
import { installNpmPackages } from './setup/npm.mjs'
import { root } from './setup/paths.mjs'

try {
  checkNode()
  await installNpmPackages()
  const result = spawnSync(process.execPath, ['--import', 'tsx', 'tools/supply/main.ts', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
  process.exitCode = result.status ?? 1
} catch (error) {
  console.error(`\n${error.message}`)
  process.exitCode = 1
}
