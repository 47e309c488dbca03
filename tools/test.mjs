#!/usr/bin/env node
// `npm test`: installs what it lacks, runs every check and test, and ends with `N passed, N failed`.
// `npm test -- PART… [FILE…]` runs parts: checks, unit, real, e2e; and upgrade, by its name alone.
import { npmProgram } from './setup/paths.mjs'
import { prepare } from './setup/prepare.mjs'
import { check, execute, suite } from './test/outcome.mjs'

const USUAL = ['checks', 'unit', 'real', 'e2e']
const PARTS = [...USUAL, 'upgrade']
const args = process.argv.slice(2)
const chosen = args.filter((arg) => PARTS.includes(arg))
const files = args.filter((arg) => !PARTS.includes(arg))
const parts = new Set(chosen.length > 0 ? chosen : USUAL)

const vitest = (project) => [npmProgram('vitest'), 'run', '--project', project, ...files]

/** Tests on real parts wait much: for a VM, a network, a disk. What is run beside them takes what they leave of the processors. */
const beside = parts.has('real')

/** Each part, imported only once the npm packages are there. */
const run = {
  checks: async () => (await import('./test/checks.mjs')).runChecks({ idle: beside }),
  unit: async () => [await suite('unit tests', vitest('unit'))],
  real: async () => [await suite('tests on real parts', vitest('real'), { limitMs: 900_000 })],
  e2e: async () => [await (await import('./test/journeys.mjs')).runJourneys(files)],
  upgrade: async () => (await import('./test/upgrade.mjs')).runUpgrade(),
}
/** Makes images that tests on real parts pull, ahead of them; where it fails, the tests make them and tell why not. */
const makeImages = () => execute([process.execPath, '--import', 'tsx', 'host/images/testing/debian/make-all.ts'], { capture: true, idle: true })

const real = ['real', 'e2e', 'upgrade'].some((part) => parts.has(part))
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
  await prepare({ host: real, tests: real, console: ['checks', 'e2e', 'upgrade'].some((part) => parts.has(part)) })
  // The journeys have the machine for themselves: they measure how long a person waits.
  const aside = beside ? [runPart('checks'), files.length === 0 && makeImages()] : [await runPart('checks')]
  await runPart('unit')
  await runPart('real')
  await Promise.all(aside)
  await runPart('e2e')
  await runPart('upgrade')
} catch (error) {
  outcomes.push(await check('preparation', () => ({ ok: false, output: error.message })))
}

// What failed went by long ago: whoever sees the end of this alone knows what to look for.
for (const { name, output, failures = [] } of outcomes) {
  if (beside && output) console.log(`\n✗ ${name}\n${output}`)
  for (const failure of failures) console.log(`\n✗ ${name}: ${failure}`)
}

const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0)
console.log('')
for (const { name, passed, failed, skipped, seconds } of outcomes) {
  console.log(`${failed > 0 ? '✗' : '✓'} ${name.padEnd(48)} ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}  ${seconds.toFixed(0)} s`)
}
console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
process.exitCode = sum('failed') > 0 || sum('passed') + sum('skipped') === 0 ? 1 : 0
