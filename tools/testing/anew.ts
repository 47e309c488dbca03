import { beforeEach } from 'vitest'

/** Longer than all that is ended may take together: what went on after its hook would set up what nobody takes down. */
const longMs = 900_000

/**
 * Takes down and sets up anew, before another try of a test, what the tests of a file share: a try that failed leaves it in the midst of something.
 * For files each of whose tests finds what it needs in what `up` sets up, not in what the tests before it left.
 */
export function anewOnRetry(down: () => unknown, up: () => unknown): void {
  beforeEach(async ({ task }) => {
    // Vitest counts the try before it runs what stands before each.
    if (!task.result?.retryCount) return
    try {
      await down()
    } catch {
      // What failed may not come to its end either. What is left of it is told at the end of the file, if anywhere.
    }
    await up()
  }, longMs)
}
