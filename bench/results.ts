import { readFile, writeFile } from 'node:fs/promises'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { run } from '@/platform/exec'
import type { Bench, BenchResult, PerformancePromise } from './promise'

const storedResult = z.object({ measuredOn: z.string(), machine: z.string(), values: z.record(z.string(), z.number()), details: z.string() })
const storedResults = z.record(z.string(), storedResult)
export type StoredResults = z.infer<typeof storedResults>

const file = fileURLToPath(new URL('results.json', import.meta.url))
export const specificationFile = fileURLToPath(new URL('../docs/SPECIFICATION.md', import.meta.url))

/** What was last measured, by the bench's name; none where nothing was. */
export async function readResults(): Promise<StoredResults> {
  const text = await readFile(file, 'utf8').catch(() => '{}')
  return storedResults.parse(JSON.parse(text))
}

/** Keeps one bench's result beside those of the others, and says on which machine it was found. */
export async function storeResult(name: string, { values, details }: BenchResult): Promise<StoredResults> {
  const all = { ...(await readResults()), [name]: { measuredOn: new Date().toISOString().slice(0, 10), machine: await describeMachine(), values, details } }
  await writeFile(file, `${JSON.stringify(all, null, 2)}\n`)
  return all
}

async function describeMachine(): Promise<string> {
  const debian = (await readFile('/etc/os-release', 'utf8')).match(/PRETTY_NAME="([^"]*)"/)?.[1] ?? 'unknown'
  const qemu = (await run('qemu-system-x86_64', ['--version'])).stdout.split('\n')[0] ?? ''
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${debian}, Linux ${release()}, Node ${process.version}, ${qemu}`
}

export const isMet = (promise: PerformancePromise, value: number): boolean => value <= promise.atMost

/** The specification's text: a table of all promises, then a section a bench. */
export function specification(benches: readonly Bench[], results: StoredResults): string {
  const rows = benches.flatMap((bench) => bench.promises.map((promise) => promiseRow(bench, promise, results[bench.name]?.values[promise.id])))
  const sections = benches.map((bench) => {
    const result = results[bench.name]
    const command = bench.command ?? `npm run bench -- ${bench.name}`
    const found = result ? `${result.details.trim()}\n\nMeasured on ${result.measuredOn}: ${result.machine}. Command: \`${command}\`.` : `Not measured yet. Command: \`${command}\`.`
    return `## ${bench.title}\n\n${found}\n`
  })
  return `# Specification

What Hypernetes promises, with what was measured. Written by \`npm run bench\`; a time is for comparison within one run on one
machine, so most promises are ratios. A promise that is not met fails the bench.

| promise | at most | measured | | bench |
|---|---|---|---|---|
${rows.join('\n')}

${sections.join('\n')}`
}

/** One line of the table; a test holds the document to it. */
export function promiseRow(bench: Bench, promise: PerformancePromise, value: number | undefined): string {
  const unit = promise.unit && ` ${promise.unit}`
  const measured = value === undefined ? '—' : `**${value.toFixed(promise.digits)}${unit}**`
  const verdict = value === undefined ? 'not measured' : isMet(promise, value) ? 'met' : 'not met'
  return `| ${promise.text} | ${promise.atMost}${unit} | ${measured} | ${verdict} | ${bench.name} |`
}
