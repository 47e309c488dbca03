/** Runs tasks one after another, in the order given; one that fails does not stop the next. */
export class Serial {
  private last: Promise<unknown> = Promise.resolve()

  /** Settles as the task does. */
  do<T>(task: () => Promise<T>): Promise<T> {
    const done = this.last.then(task)
    this.last = done.catch(() => undefined)
    return done
  }
}

/** One {@link Serial} a key, kept only while a task of it runs or waits. */
export class SerialByKey<K> {
  private readonly queues = new Map<K, { serial: Serial; waiting: number }>()

  /** Runs the task after all earlier ones of the key. */
  async do<T>(key: K, task: () => Promise<T>): Promise<T> {
    const queue = this.queues.get(key) ?? { serial: new Serial(), waiting: 0 }
    this.queues.set(key, queue)
    queue.waiting++
    try {
      return await queue.serial.do(task)
    } finally {
      if (--queue.waiting === 0) this.queues.delete(key)
    }
  }
}

/** Waits for every task, failed or not, and then throws the first failure: nothing runs on behind an undo. */
export async function allDone(tasks: readonly (Promise<unknown> | null)[]): Promise<void> {
  for (const settled of await Promise.allSettled(tasks)) if (settled.status === 'rejected') throw settled.reason
}
