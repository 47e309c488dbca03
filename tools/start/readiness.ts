import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

/** What the host agent writes to `<data>/host/state.json` once it can run pods. */
const hostState = z.looseObject({ accelerator: z.string(), ready: z.boolean() })

/** The accelerator, once the host says that it is ready. */
export function readHostState(file: string): { accelerator: string } | undefined {
  try {
    const state = hostState.safeParse(JSON.parse(readFileSync(file, 'utf8')))
    return state.success && state.data.ready ? { accelerator: state.data.accelerator } : undefined
  } catch {
    return undefined
  }
}

/** Whether `/readyz` answers 200. */
export async function webIsReady(authority: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(`http://${authority}/readyz`, { signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]) })
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

export type Waiting = { name: string; done: () => Promise<boolean> | boolean }

/**
 * Waits until everything is done, without an end: a process that fails is started again meanwhile. `onWaiting` is
 * told every 15 s what is missing. Returns false when `signal` aborts first.
 */
export async function waitForAll(things: readonly Waiting[], signal: AbortSignal, onWaiting: (names: string[]) => void): Promise<boolean> {
  let missing = [...things]
  let toldAt = Date.now()
  while (!signal.aborted) {
    const states = await Promise.all(missing.map(async (thing) => ({ thing, done: await thing.done() })))
    missing = states.filter((state) => !state.done).map((state) => state.thing)
    if (missing.length === 0) return true
    if (Date.now() - toldAt > 15_000) {
      onWaiting(missing.map((thing) => thing.name))
      toldAt = Date.now()
    }
    await delay(100, undefined, { signal }).catch(() => {})
  }
  return false
}
