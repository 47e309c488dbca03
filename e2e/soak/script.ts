import type { Random } from '@/tools/testing/random'

/**
 * What a client does with one pod. `serve` runs until it is deleted, `job` ends by itself with `exitCode`. `early` deletes it
 * `afterMs` after it was accepted, wherever its start has come to; `late` once it did its work; `never` keeps it to the end.
 */
export type Work = { name: string; kind: 'serve' | 'job'; exitCode: number; commands: number; deleted: 'early' | 'late' | 'never'; afterMs: number }

/** One client: its pods one after the other. */
export type Lane = Work[]

/**
 * The same script for the same numbers. Each lane ends with one pod that is kept, a server in the first lane and a job in the
 * second, so that there is an end state to compare.
 */
export function makeScript(random: Random, { pods, lanes }: { pods: number; lanes: number }): Lane[] {
  const script: Lane[] = Array.from({ length: lanes }, () => [])
  for (let i = 0; i < pods; i++) {
    const lane = i % lanes
    const last = i >= pods - lanes
    const kind = last ? (lane % 2 === 1 ? 'job' : 'serve') : random.next() < 0.2 ? 'job' : 'serve'
    const early = random.next() < 0.2
    script[lane]?.push({
      name: `pod-${lane}-${script[lane].length}`,
      kind,
      exitCode: kind === 'job' ? random.between(0, 1) * 3 : 0,
      commands: random.between(1, 3),
      deleted: last ? 'never' : early ? 'early' : 'late',
      afterMs: random.between(0, 900),
    })
  }
  return script
}

/** Steps that the script's clients take: creates, commands and deletions. Disturbances are spread over them. */
export const stepsOf = (script: readonly Lane[]): number => script.flat().reduce((sum, work) => sum + 1 + (work.kind === 'serve' && work.deleted !== 'early' ? work.commands : 0) + (work.deleted === 'never' ? 0 : 1), 0)
