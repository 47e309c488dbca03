import { writeFile } from 'node:fs/promises'
import { allBenches, benchNames, isBenchName, loadBench } from './benches'
import { isMet, readResults, specification, specificationFile, storeResult } from './results'

/** `npm run bench [-- NAME…]`: the named benches or all, one after the other; each result is kept and the specification written anew. */
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !isBenchName(name))
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}. Choose of: ${benchNames.join(', ')}.`)
  process.exit(2)
}
for (const name of benchNames.filter((each) => wanted.length === 0 || wanted.includes(each))) {
  const bench = await loadBench(name)
  if (!bench.run) {
    console.log(`${bench.name}: measured by ${bench.command}`)
    continue
  }
  console.log(`${bench.name}: ${bench.title}`)
  const result = await bench.run((line) => console.log(`  ${line}`))
  await writeFile(specificationFile, specification(await allBenches(), await storeResult(bench.name, result)))
  for (const promise of bench.promises) {
    const value = result.values[promise.id]
    if (value === undefined) throw new Error(`bench ${bench.name} did not measure ${promise.id}`)
    console.log(`${bench.name}: ${promise.id} ${value.toFixed(promise.digits)} ${promise.unit} (at most ${promise.atMost}): ${isMet(promise, value) ? 'met' : 'NOT met'}`)
    if (!isMet(promise, value)) process.exitCode = 1
  }
}
await writeFile(specificationFile, specification(await allBenches(), await readResults()))
