/** A factor on every fuzz test's number of runs; `npm test` needs few of them, a long search many. */
const factor = readFactor(process.env['HYPERNETES_FUZZ_RUNS'])

/** How often a fuzz test runs its property: `usual` in `npm test` (seconds in all), times HYPERNETES_FUZZ_RUNS where it is set. */
export const fuzzRuns = (usual: number): number => Math.max(1, Math.round(usual * factor))

/** How long a fuzz test may take, in milliseconds, when `usual` is enough for its usual runs. */
export const fuzzTimeout = (usual: number): number => Math.round(usual * Math.max(1, factor))

function readFactor(text: string | undefined): number {
  if (text === undefined || text === '') return 1
  const factor = Number(text)
  if (!Number.isFinite(factor) || factor <= 0) throw new Error(`HYPERNETES_FUZZ_RUNS is ${JSON.stringify(text)}: set it to a number above 0, by which the runs of every fuzz test are multiplied, or leave it out`)
  return factor
}
