import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { allBenches, benchNames } from './benches'
import { readResults, specification, specificationFile } from './results'

describe('docs/SPECIFICATION.md', async () => {
  const benches = await allBenches()

  it('is what the benches promise and last measured, word for word', async () => {
    expect(await readFile(specificationFile, 'utf8')).toBe(specification(benches, await readResults()))
  })

  it('has a bench for every promise, and each was measured', async () => {
    const results = await readResults()
    const ids = benches.flatMap((bench) => bench.promises.map(({ id }) => id))
    expect(new Set(ids).size).toBe(ids.length)
    for (const bench of benches) {
      expect(bench.promises.length, bench.name).toBeGreaterThan(0)
      expect(Object.keys(results[bench.name]?.values ?? {}).sort(), bench.name).toEqual(bench.promises.map(({ id }) => id).sort())
    }
    expect(Object.keys(results).sort()).toEqual([...benchNames].sort())
    expect(benches.map(({ name }) => name)).toEqual(benchNames)
  })
})
