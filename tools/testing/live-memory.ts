import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// V8's own collection, which is a function only of contexts that are made after this.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/**
 * Bytes that this thread's objects and their buffers hold, after a collection: what V8 has not yet come to free is not counted.
 * Test files of one thread share its heap (vitest.config.ts), and the larger that is, the more of it may wait for a collection.
 */
export function liveBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
