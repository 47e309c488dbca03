import { cancelled } from '../image-error'

/** At most so many at a time; the others wait in order, those in the background after all others. */
export class Slots {
  #free: number
  readonly #queue: (() => void)[] = []
  readonly #background: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Runs `work` in a slot. Rejects with {@link ImageError} cancelled when `signal` aborts while waiting. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>, inBackground = false): Promise<T> {
    await this.#take(signal, inBackground ? this.#background : this.#queue)
    try {
      return await work()
    } finally {
      const next = this.#queue.shift() ?? this.#background.shift()
      if (next) next()
      else this.#free++
    }
  }

  #take(signal: AbortSignal, queue: (() => void)[]): Promise<void> {
    if (signal.aborted) return Promise.reject(cancelled())
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve()
    }
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
