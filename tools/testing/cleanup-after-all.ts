import { afterAll, beforeAll } from 'vitest'
import { anewOnRetry } from './anew'
import { Cleanup } from './cleanup'

/** A cleanup that the end of a test file runs. */
export function cleanupAfterAll(): Cleanup {
  const cleanup = new Cleanup()
  // Each end has a bound of its own: a hook that runs out of time leaves what comes after.
  afterAll(() => cleanup.run(), Infinity)
  return cleanup
}

/** Opens what the tests of a file share before the first one, and anew before another try of one; see {@link anewOnRetry}. What it gave to the cleanup is ended before that, and at the end of the file. */
export function openForTests(open: (cleanup: Cleanup) => Promise<void>): void {
  let cleanup = new Cleanup()
  const down = (): Promise<void> => cleanup.run()
  const up = (): Promise<void> => open((cleanup = new Cleanup()))
  beforeAll(up)
  anewOnRetry(down, up)
  afterAll(down, Infinity)
}
