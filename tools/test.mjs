#!/usr/bin/env node
// `npm test`: installs what it lacks, runs every check and test, and ends with `N passed, N failed`.
// `npm test -- PART… [FILE…]` runs parts: checks, unit, real, e2e; and by their names alone: long (what takes long: *.long.test.ts
// and *.long.spec.ts; real and e2e run those too where a FILE names them) and upgrade.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { npmProgram } from './setup/paths.mjs'
import { prepare } from './setup/prepare.mjs'
import { check, suite } from './test/outcome.mjs'

const USUAL = ['checks', 'unit', 'real', 'e2e']
const PARTS = [...USUAL, 'long', 'upgrade']
const args = process.argv.slice(2)
const chosen = args.filter((arg) => PARTS.includes(arg))
const files = args.filter((arg) => !PARTS.includes(arg))
const parts = new Set(chosen.length > 0 ? chosen : USUAL)

/** In a whole run a test that fails is asked once more (test/outcome.mjs says what then counts); who names files wants to see it fail. */
const secondTry = (option) => (files.length > 0 ? [] : [option])
const vitest = (...projects) => [npmProgram('vitest'), 'run', ...projects.flatMap((project) => ['--project', project]), ...secondTry('--retry=1'), ...files]
/** What runs where files are named, and where none is. */
const usual = (name) => (files.length > 0 ? [name, 'long'] : [name])

/** The checks run beside tests, which go first. */
const yielding = parts.has('real')
/** A journey waits for pages and pods, and tests on real parts for disks, pods and time: what one leaves of the processors another takes. Of tests on real parts one file at a time is run until the unit tests are over, and several from then on (testing/turn.ts). */
const beside = parts.has('real') && parts.has('e2e')
const turns = beside ? mkdtempSync(join(tmpdir(), 'hypernetes-turns-')) : null
const unitTestsRun = turns && join(turns, 'unit-tests-run')
if (unitTestsRun) writeFileSync(unitTestsRun, '')
// Files that are named may all be journeys.
const maybeNone = beside && files.length > 0 ? ['--passWithNoTests'] : []
const realSuite = () => suite('tests on real parts', [...vitest(...usual('real')), ...maybeNone], { limitMs: 2_400_000, ...(unitTestsRun && { prefix: 'real │ ', env: { HYPERNETES_ONE_WORKER_WHILE: unitTestsRun } }) })

/** Each part, imported only once the npm packages are there. */
const run = {
  checks: async () => (await import('./test/checks.mjs')).runChecks({ yielding }),
  unit: async () => [await suite('unit tests', vitest('unit'), { limitMs: 1_200_000 })],
  real: async () => [await realSuite()],
  e2e: async () => [await (await import('./test/journeys.mjs')).runJourneys(usual('usual'), [...secondTry('--retries=1'), ...files], beside ? { prefix: 'e2e │ ' } : {})],
  long: runLong,
  upgrade: async () => (await import('./test/upgrade.mjs')).runUpgrade(),
}

/** Tests on real parts and journeys beside each other. A name may be of the ones, of the others, or of both. */
async function runLong() {
  const { isJourney, runJourneys } = await import('./test/journeys.mjs')
  const onRealParts = suite('long tests on real parts', [...vitest('long'), ...(files.length > 0 ? ['--passWithNoTests'] : [])], { limitMs: 2_400_000 })
  const journeys = files.length === 0 || files.some(isJourney) ? runJourneys(['long'], [...secondTry('--retries=1'), ...files], { prefix: 'e2e │ ' }) : null
  const ended = await Promise.allSettled([onRealParts, journeys])
  return ended.flatMap(({ value, reason }) => {
    if (reason) throw reason
    return value ?? []
  })
}

const onHost = ['real', 'e2e', 'long', 'upgrade'].some((part) => parts.has(part))
const outcomes = []
async function runPart(part) {
  if (!parts.has(part)) return
  try {
    outcomes.push(...(await run[part]()))
  } catch (error) {
    outcomes.push(await check(part, () => ({ ok: false, output: error.message })))
  }
}

try {
  await prepare({ host: onHost, tests: onHost, console: ['checks', 'e2e', 'long', 'upgrade'].some((part) => parts.has(part)) })
  const checks = runPart('checks')
  if (!yielding) await checks
  const others = beside ? [runPart('real'), runPart('e2e')] : []
  await runPart('unit')
  if (unitTestsRun) rmSync(unitTestsRun)
  if (!beside) for (const part of ['real', 'e2e']) await runPart(part)
  await Promise.all([checks, ...others])
  await runPart('long')
  await runPart('upgrade')
} catch (error) {
  outcomes.push(await check('preparation', () => ({ ok: false, output: error.message })))
}
if (turns) rmSync(turns, { recursive: true })

// What failed went by long ago: whoever sees the end of this alone knows what to look for.
for (const { name, output, failures = [], unsteady = [] } of outcomes) {
  if (yielding && output) console.log(`\n✗ ${name}\n${output}`)
  for (const first of unsteady) console.log(`\n! ${name}: failed, and passed when it was repeated: ${first}`)
  for (const failure of failures) console.log(`\n✗ ${name}: ${failure}`)
}

const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0)
console.log('')
for (const { name, passed, failed, skipped, unsteady = [], seconds } of outcomes) {
  console.log(`${failed > 0 ? '✗' : '✓'} ${name.padEnd(48)} ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}${unsteady.length > 0 ? `, ${unsteady.length} unsteady` : ''}  ${seconds.toFixed(0)} s`)
}
console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
process.exitCode = sum('failed') > 0 || sum('passed') + sum('skipped') === 0 ? 1 : 0
