import { afterAll } from 'vitest'
import { Cleanup } from './cleanup'

/** A cleanup that the end of a test file runs. */
export function cleanupAfterAll(): Cleanup {
  const cleanup = new Cleanup()
  // Each end has a bound of its own: a hook that runs out of time leaves what comes after.
  afterAll(() => cleanup.run(), Infinity)
  return cleanup
}
