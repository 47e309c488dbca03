import { writeFile } from 'node:fs/promises'
import { benches } from '@/bench/benches'
import { specification, specificationFile, storeResult } from '@/bench/results'
import { fullRun, parseSoakOptions, usage } from './options'
import { countsTable, story } from './report'
import { soak, type SoakResult } from './soak'
import { differences } from './balance'

/** `npm run soak`, against the installation that tools/soak.mjs has started. Figures of a run with as many kills as a full one are kept, and the specification is written anew. */
const options = parseSoakOptions(process.argv.slice(2))
if (!options) {
  console.error(usage)
  process.exit(2)
}
const started = performance.now()
const say = (line: string) => console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}`)
const result = await soak(options, say)
console.log(`\n${countsTable(result)}\n\n${story(result)}`)
if (options.kills >= fullRun.kills) await keep(result)

async function keep(of: SoakResult): Promise<void> {
  const growth = (name: string) => (of.after.find((each) => each.name === name)?.value ?? 0) - (of.before.find((each) => each.name === name)?.value ?? 0)
  const values = { 'soak-leftovers': differences(of.before, of.after).length, 'soak-host-memory': Math.max(0, growth('memory of host, MiB')) }
  await writeFile(specificationFile, specification(benches, await storeResult('soak', { values, details: `${story(of)}\n\n${countsTable(of)}` })))
}
process.exit(0)
