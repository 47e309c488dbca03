import { cancelled } from '../image-error'

/** Who wants a place: one tenant, or all that have joined one piece of work, which may grow. */
export type Claim = { by: ReadonlySet<string>; signal: AbortSignal; inBackground?: boolean }

type Waiting = { by: ReadonlySet<string>; go: (charged: string) => void }
type Lane = { free: number; ofEach: number; readonly queue: Waiting[]; readonly running: Map<string, number> }

/**
 * At most so many at a time, and at most `ofEach` in the name of one tenant; the others wait. Of those who may begin, the tenant
 * with the fewest under way goes first, then who came first: whatever one tenant asks for and however slow its registries are, it is
 * not what others wait for. What is in the background has one slot of its own beside them.
 */
export class Slots {
  readonly #lane: Lane
  readonly #background: Lane = { free: 1, ofEach: 1, queue: [], running: new Map() }

  constructor(count: number, ofEach = count) {
    this.#lane = { free: count, ofEach, queue: [], running: new Map() }
  }

  /** Runs `work` in a slot. Rejects with {@link ImageError} cancelled when `signal` aborts while waiting. */
  async run<T>({ by, signal, inBackground = false }: Claim, work: () => Promise<T>): Promise<T> {
    const lane = inBackground ? this.#background : this.#lane
    const charged = await this.#take(by, signal, lane)
    try {
      return await work()
    } finally {
      const left = (lane.running.get(charged) ?? 1) - 1
      if (left > 0) lane.running.set(charged, left)
      else lane.running.delete(charged)
      lane.free++
      next(lane)
    }
  }

  /** Somebody has joined work that waits: it may begin in that tenant's name now. */
  look(): void {
    next(this.#lane)
    next(this.#background)
  }

  #take(by: ReadonlySet<string>, signal: AbortSignal, lane: Lane): Promise<string> {
    if (signal.aborted) return Promise.reject(cancelled())
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        by,
        go: (charged) => {
          signal.removeEventListener('abort', leave)
          resolve(charged)
        },
      }
      const leave = () => {
        lane.queue.splice(lane.queue.indexOf(waiting), 1)
        reject(cancelled())
      }
      lane.queue.push(waiting)
      signal.addEventListener('abort', leave, { once: true })
      next(lane)
    })
  }
}

/** Lets begin whoever may. */
function next(lane: Lane): void {
  while (lane.free > 0) {
    let best: { waiting: Waiting; tenant: string; running: number } | null = null
    for (const waiting of lane.queue) {
      for (const tenant of waiting.by) {
        const running = lane.running.get(tenant) ?? 0
        if (running < lane.ofEach && running < (best?.running ?? Infinity)) best = { waiting, tenant, running }
      }
    }
    if (!best) return
    lane.queue.splice(lane.queue.indexOf(best.waiting), 1)
    lane.running.set(best.tenant, best.running + 1)
    lane.free--
    best.waiting.go(best.tenant)
  }
}
