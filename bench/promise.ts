/** One promise of docs/SPECIFICATION.md: what is measured must be at most `atMost`. */
export type PerformancePromise = { id: string; text: string; unit: '×' | 'ms' | 'kB' | 'MiB' | ''; atMost: number; digits: number }

/** What a bench found: a value for each of its promises, and a section of the specification in Markdown. */
export type BenchResult = { values: Record<string, number>; details: string }

/**
 * A measurement of its own, in one run on one machine. `say` tells a person how far it is. `command`: what measures it, where
 * `npm run bench` does not, and there is no `run`.
 */
export type Bench = { name: string; title: string; promises: readonly PerformancePromise[]; command?: string; run?(say: (line: string) => void): Promise<BenchResult> }
