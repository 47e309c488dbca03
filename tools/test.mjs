#!/usr/bin/env node
// `npm test`: installs what it lacks, runs every check and test, and ends with `N passed, N failed`.
// `npm test -- PART… [FILE…]` runs parts: checks, unit, real, e2e.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { npmProgram, root } from './setup/paths.mjs'
import { prepare } from './setup/prepare.mjs'
import { check, suite } from './test/outcome.mjs'

const PARTS = ['checks', 'unit', 'real', 'e2e']
const args = process.argv.slice(2)
const chosen = args.filter((arg) => PARTS.includes(arg))
const files = args.filter((arg) => !PARTS.includes(arg))
const parts = new Set(chosen.length > 0 ? chosen : PARTS)
const exists = (path) => existsSync(join(root, path))

const vitest = (project) => [npmProgram('vitest'), 'run', '--project', project, ...files]

/** Each part, imported only once the npm packages are there. */
const run = {
  checks: async () => (await import('./test/checks.mjs')).runChecks(exists),
  unit: async () => [await suite('unit tests', vitest('unit'))],
  real: async () => [await suite('tests on real parts', vitest('real'), { limitMs: 900_000 })],
  e2e: async () => [await (await import('./test/journeys.mjs')).runJourneys(files)],
}

const real = parts.has('real') || parts.has('e2e')
const outcomes = []
try {
  await prepare({ host: real, tests: real, console: parts.has('checks') || parts.has('e2e') })
  for (const part of PARTS.filter((name) => parts.has(name))) {
    try {
      outcomes.push(...(await run[part]()))
    } catch (error) {
      outcomes.push(await check(part, () => ({ ok: false, output: error.message })))
    }
  }
} catch (error) {
  outcomes.push(await check('preparation', () => ({ ok: false, output: error.message })))
}

const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0)
console.log('')
for (const { name, passed, failed, skipped, seconds } of outcomes) {
  console.log(`${failed > 0 ? '✗' : '✓'} ${name.padEnd(48)} ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}  ${seconds.toFixed(0)} s`)
}
console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
process.exitCode = sum('failed') > 0 || sum('passed') === 0 ? 1 : 0
