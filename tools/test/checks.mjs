import { checkBrowserChunks, checkFirstLoad, checkHostBundle } from '../checks/bundles.mjs'
import { npmProgram } from '../setup/paths.mjs'
import { check, execute } from './outcome.mjs'

const folders = ['app', 'components', 'domain', 'contracts', 'server', 'platform', 'host', 'guest', 'tools', 'e2e', 'bench']

const program = (argv, idle) => () => execute(argv, { capture: true, idle })
const problems = (find) => () => {
  const found = find()
  return { ok: found.length === 0, output: found.join('\n') }
}

/**
 * The checks, each counted as one; two at a time, which is what two processors carry.
 * @param {{ idle?: boolean }} [options] `idle`: only while tests leave a processor without work
 */
export async function runChecks({ idle = false } = {}) {
  const waiting = [
    ['types', program([npmProgram('tsc'), '--noEmit'], idle)],
    ['lint', program([npmProgram('eslint'), '--max-warnings=0', '.'], idle)],
    ['imports', program([npmProgram('depcruise'), '--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', ...folders], idle)],
    ['supply', program([process.execPath, '--import', 'tsx', 'tools/supply/main.ts', '--check'], idle)],
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
