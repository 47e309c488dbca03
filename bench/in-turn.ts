import { median } from './statistics'

/** What was measured of ours and of the bare one, round by round. */
export type Pair = { volume: number[]; bare: number[] }

/** Odd rounds begin with the other one: what else the machine does is in both. */
export async function inTurn(round: number, pair: Pair, volume: () => Promise<number>, bare: () => Promise<number>): Promise<void> {
  const first = async () => pair.volume.push(await volume())
  const second = async () => pair.bare.push(await bare())
  for (const one of round % 2 === 0 ? [first, second] : [second, first]) await one()
}

/** The median of the rounds' ratios: what was measured side by side had the same machine. */
export const timesOfBare = ({ volume, bare }: Pair): number => median(volume.map((value, at) => value / (bare[at] ?? Number.NaN)))

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
