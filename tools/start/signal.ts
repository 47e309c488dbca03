import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive, startTicks } from '@/tools/process/liveness.mjs'

/**
 * Signals one of our processes; one that sudo runs for us is root's, which only root may signal. One that has ended meanwhile
 * needs none. sudo hands on every signal but SIGKILL, which therefore goes to what it runs, too.
 */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  const pids = signal === 'SIGKILL' ? [...sudosChildren(pid), pid] : [pid]
  for (const each of pids) {
    try {
      process.kill(each, signal)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'EPERM') spawn('sudo', ['-n', 'kill', '-s', signal.slice(3), String(each)], { stdio: 'ignore' }).on('error', () => {})
      else if (code !== 'ESRCH') throw error
    }
  }
}

function sudosChildren(pid: number): number[] {
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'sudo') return []
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return [] // it has ended
  }
}

/** Whether the process that began then still runs, and not one that was given its number since. */
export const runsSince = (pid: number, ticks: string | undefined): boolean => ticks !== undefined && isAlive(pid) && startTicks(pid) === ticks

/** Waits until the process that began then has ended; whether it has, at the latest after `withinMs`. */
export async function hasEnded(pid: number, ticks: string | undefined, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs
  while (runsSince(pid, ticks)) {
    if (Date.now() > deadline) return false
    await delay(50)
  }
  return true
}
