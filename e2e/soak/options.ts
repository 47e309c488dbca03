import { parseArgs } from 'node:util'

export type SoakOptions = {
  /** Pods that are created and deleted, the last two fifths of them without kills. */
  pods: number
  /** kill -9 of web, control, host agent and PostgreSQL, in equal parts. */
  kills: number
  /** Clients at the same time, each with one pod. */
  lanes: number
  seed: number
}

export const usage = `npm run soak [-- OPTION…]
  --pods N    pods that are created and deleted, the last two fifths without kills (500)
  --kills N   kill -9 of web, control, the host agent and PostgreSQL in turn, at random moments (50)
  --lanes N   clients at the same time (3)
  --seed N    repeats the moments and the script of another run (random)`

/** The full run. One with fewer pods or kills is not written into the specification. */
export const fullRun = { pods: 500, kills: 50 } as const

/** Undefined for what nobody can run; the usage says what can be. */
export function parseSoakOptions(args: string[]): SoakOptions | undefined {
  const option = { type: 'string' } as const
  try {
    const { values } = parseArgs({ args, options: { pods: option, kills: option, lanes: option, seed: option } })
    const options = { pods: Number(values.pods ?? fullRun.pods), kills: Number(values.kills ?? fullRun.kills), lanes: Number(values.lanes ?? 3), seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 31)) }
    const { pods, kills, lanes, seed } = options
    return [pods, kills, lanes, seed].every((each) => Number.isSafeInteger(each) && each >= 0) && lanes >= 1 && pods >= 20 * lanes && pods <= 100_000 ? options : undefined
  } catch {
    return undefined
  }
}
