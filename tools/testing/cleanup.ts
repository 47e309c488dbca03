/** Milliseconds that one end may take where nothing else is said. */
const endMs = 60_000

/** What has to be ended, by a name that a failure says. `withinMs`: whoever takes longer is not waited for. */
export type End = { what: string; end: () => unknown; withinMs?: number }

/** Ends one after the other, each whatever became of those before it. Throws at last what failed or did not come to its end: one error, or an AggregateError of all. */
export async function endEach(ends: readonly End[]): Promise<void> {
  const failures: Error[] = []
  for (const one of ends) await endInTime(one).catch((error: unknown) => failures.push(new Error(`${one.what} could not be ended: ${error instanceof Error ? error.message : String(error)}`, { cause: error })))
  const [first, ...others] = failures
  if (!first) return
  // Those who print an error print its message, and not always those that are in it.
  throw others.length === 0 ? first : new AggregateError(failures, failures.map(({ message }) => message).join('\n'))
}

async function endInTime({ end, withinMs = endMs }: End): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`it did not come to its end within ${withinMs} ms`)), withinMs)))
  try {
    await Promise.race([(async () => void (await end()))(), late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * What a test has opened, ended in the reverse order: each part, whatever failed before, also in the midst of the opening of others or by a timeout, over which the test goes on unseen.
 * What such a test opens later is ended at once.
 */
export class Cleanup {
  private readonly ends: End[] = []
  private isOver = false

  /** Keeps what is being opened, to be ended. Rejects as the opening does. */
  async open<Part>(what: string, opening: Promise<Part>, end: (part: Part) => unknown, withinMs?: number): Promise<Part> {
    const one: End = { what, withinMs, end: async () => {
      const part = await opening.then((opened) => ({ opened }), () => null)
      // Whoever opens it is told why it was not.
      if (part) await end(part.opened)
    } }
    if (!this.isOver) this.ends.push(one)
    else {
      await endEach([one])
      throw new Error(`${what} was opened after the test's end`)
    }
    return opening
  }

  /** Keeps what has to be done at the end. */
  add(what: string, end: () => unknown, withinMs?: number): void {
    if (this.isOver) throw new Error(`${what} was begun after the test's end`)
    this.ends.push({ what, end, withinMs })
  }

  async run(): Promise<void> {
    this.isOver = true
    await endEach(this.ends.splice(0).reverse())
  }
}
