import { writeFile } from 'node:fs/promises'
import { allBenches } from '@/bench/benches'
import { specification, specificationFile, storeResult } from '@/bench/results'
import type { Count } from './counts'
import { liveName, measured } from './living'
import { fullRun, parseSoakOptions, usage } from './options'
import { countsTables, story } from './report'
import { soak, type SoakResult } from './soak'

/** `npm run soak`, against the installation that tools/soak.mjs has started. Figures of a run with as many pods and kills as a full one are kept, and the specification is written anew. */
const options = parseSoakOptions(process.argv.slice(2))
if (!options) {
  console.error(usage)
  process.exit(2)
}
const started = performance.now()
const say = (line: string) => console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}`)
const result = await soak(options, say)
console.log(`\n${countsTables(result)}\n\n${story(result)}`)
// First kept, then judged: what is left is written down too.
if (options.kills >= fullRun.kills && options.pods >= fullRun.pods) await keep(result)
const wrong = [...result.whole.left, ...result.peace.left, ...result.defects]
if (wrong.length > 0) console.error(`\nnot as it must be:\n${wrong.join('\n')}`)
process.exit(wrong.length > 0 ? 1 : 0)

async function keep(of: SoakResult): Promise<void> {
  const valueOf = (counts: readonly Count[], name: string) => counts.find((each) => each.name === name)?.value ?? NaN
  const grown = measured.map((name) => valueOf(of.peace.after, liveName(name)) - valueOf(of.peace.before, liveName(name)))
  const values = { 'soak-leftovers': of.whole.left.length + of.peace.left.length, 'soak-memory': Math.max(0, ...grown) }
  await writeFile(specificationFile, specification(await allBenches(), await storeResult('soak', { values, details: `${story(of)}\n\n${countsTables(of)}` })))
}
