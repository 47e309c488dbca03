import { readFileSync } from 'node:fs'

/**
 * Milliseconds that the calling thread has had of a processor (Linux: proc(5), schedstat). `process.cpuUsage()` counts all threads of
 * the process, and test files run in threads beside each other.
 */
export const threadTimeMs = (): number => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6

/** Milliseconds that the calling thread waited for a processor while others had it. */
export const threadWaitMs = (): number => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
