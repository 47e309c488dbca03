import { checkBrowserChunks, checkFirstLoad, checkHostBundle } from '../checks/bundles.mjs'
import { npmProgram } from '../setup/paths.mjs'
import { check, execute } from './outcome.mjs'

const folders = ['app', 'components', 'domain', 'contracts', 'server', 'platform', 'host', 'guest', 'tools', 'e2e', 'bench']

const program = (argv, yielding) => () => execute(argv, { capture: true, yielding })
const problems = (find) => () => {
  const found = find()
  return { ok: found.length === 0, output: found.join('\n') }
}

/**
 * The checks, each counted as one; two at a time, which is what two processors carry.
 * @param {{ yielding?: boolean }} [options] `yielding`: tests run meanwhile, which go first
 */
export async function runChecks({ yielding = false } = {}) {
  const waiting = [
    // Of what it makes most is soon garbage: a larger nursery spares a fifth of its time. Its heap is the compiler's and the linter's.
    ['types and lint', program([process.execPath, '--max-old-space-size=6144', '--max-semi-space-size=128', 'tools/test/types-and-lint.mjs'], yielding)],
    ['imports', program([npmProgram('depcruise'), '--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', ...folders], yielding)],
    ['supply', program([process.execPath, '--import', 'tsx', 'tools/supply/main.ts', '--check'], yielding)],
    ["the host's bundle", problems(checkHostBundle)],
    ["the browser's chunks", problems(checkBrowserChunks)],
    ['first load', problems(checkFirstLoad)],
  ]
  const outcomes = []
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) outcomes.push(await check(...next))
  }
  await Promise.all([work(), work()])
  return outcomes
}
