import { checkBrowserChunks, checkFirstLoad, checkHostBundle } from '../checks/bundles.mjs'
import { npmProgram } from '../setup/paths.mjs'
import { check, execute } from './outcome.mjs'

const folders = ['app', 'components', 'domain', 'contracts', 'server', 'platform', 'host', 'guest', 'tools', 'e2e', 'bench']

const program = (name, args) => () => execute([npmProgram(name), ...args], { capture: true })
const problems = (find) => () => {
  const found = find()
  return { ok: found.length === 0, output: found.join('\n') }
}

/** The checks, each counted as one; two at a time, which is what two processors carry. */
export async function runChecks(existing) {
  const cruised = folders.filter(existing)
  const waiting = [
    ['types', program('tsc', ['--noEmit'])],
    ['lint', program('eslint', ['--max-warnings=0', '.'])],
    ['imports', program('depcruise', ['--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', ...cruised])],
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
