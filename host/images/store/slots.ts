import { cancelled } from '../image-error'

type Lane = { free: number; readonly queue: (() => void)[] }

/**
 * At most so many at a time; the others wait in order. What is in the background has one slot of its own beside them:
 * whatever it does, and however long, nobody else waits for it.
 */
export class Slots {
  readonly #lane: Lane
  readonly #background: Lane = { free: 1, queue: [] }

  constructor(count: number) {
    this.#lane = { free: count, queue: [] }
  }

  /** Runs `work` in a slot. Rejects with {@link ImageError} cancelled when `signal` aborts while waiting. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>, inBackground = false): Promise<T> {
    const lane = inBackground ? this.#background : this.#lane
    await this.#take(signal, lane)
    try {
      return await work()
    } finally {
      const next = lane.queue.shift()
      if (next) next()
      else lane.free++
    }
  }

  #take(signal: AbortSignal, lane: Lane): Promise<void> {
    if (signal.aborted) return Promise.reject(cancelled())
    if (lane.free > 0) {
      lane.free--
      return Promise.resolve()
    }
    const { queue } = lane
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        queue.splice(queue.indexOf(go), 1)
        reject(cancelled())
      }
      queue.push(go)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
