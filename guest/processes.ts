import * as os from 'qjs:os'
import { decodeTextLeniently } from '@/guest/text'

/** How a process ended: an exit code, or the signal that ended it with 128 + signal as shells have it. */
export interface Exit {
  exitCode: number
  signal: number | null
}

const sweepMilliseconds = 1000
const maxCollected = 8192

const waiting = new Map<number, (exit: Exit) => void>()
const unclaimed = new Map<number, Exit>()
let adopters = 0

function decodeStatus(status: number): Exit {
  const signal = status & 0x7f
  return signal === 0 ? { exitCode: (status >> 8) & 0xff, signal: null } : { exitCode: 128 + signal, signal }
}

function reap(): void {
  for (;;) {
    const [pid, status] = os.waitpid(-1, os.WNOHANG)
    if (pid <= 0) return
    const exit = decodeStatus(status)
    const resolve = waiting.get(pid)
    waiting.delete(pid)
    if (resolve) resolve(exit)
    else if (adopters > 0) unclaimed.set(pid, exit)
  }
}

/** Reaps every child from now on: the agent is PID 1 and inherits all orphans. */
export function startReaping(): void {
  os.signal(os.SIGCHLD, reap)
  // A signal that comes just before the poll is only seen at the next wake.
  const sweep = () => {
    reap()
    os.setTimeout(sweep, sweepMilliseconds)
  }
  sweep()
}

/** Resolves when a child that was just started has ended. */
export function waitFor(pid: number): Promise<Exit> {
  return new Promise((resolve) => waiting.set(pid, resolve))
}

/**
 * Runs something that leaves a process behind for PID 1, and gives it `adopt`, which resolves when
 * that process ends, also where it ended before its pid became known.
 */
export async function adopting<T>(action: (adopt: (pid: number) => Promise<Exit>) => Promise<T>): Promise<T> {
  adopters += 1
  try {
    return await action((pid) => {
      const exit = unclaimed.get(pid)
      return exit ? Promise.resolve(exit) : waitFor(pid)
    })
  } finally {
    adopters -= 1
    if (adopters === 0) unclaimed.clear()
  }
}

/** Runs a fixed shell text with arguments as $1…; resolves to its exit code and the beginning of all it printed. */
export function runScript(script: string, args: readonly string[]): Promise<{ exitCode: number; output: string }> {
  const ends = os.pipe()
  if (!ends) throw new Error('cannot make a pipe')
  const [readEnd, writeEnd] = ends
  const nothing = os.open('/dev/null', os.O_RDONLY)
  const pid = os.exec(['/bin/sh', '-c', script, 'sh', ...args], { block: false, stdin: nothing, stdout: writeEnd, stderr: writeEnd })
  os.close(writeEnd)
  os.close(nothing)
  const collected = new Uint8Array(maxCollected)
  const scratch = new Uint8Array(maxCollected)
  let length = 0
  const take = () => {
    const got = os.read(readEnd, scratch.buffer, 0, scratch.length)
    if (got > 0) {
      const kept = Math.min(got, collected.length - length)
      collected.set(scratch.subarray(0, kept), length)
      length += kept
    }
    return got
  }
  const ended = new Promise<void>((resolve) => {
    os.setReadHandler(readEnd, () => {
      if (take() > 0) return
      os.setReadHandler(readEnd, null)
      os.close(readEnd)
      resolve()
    })
  })
  return Promise.all([waitFor(pid), ended]).then(([exit]) => ({ exitCode: exit.exitCode, output: decodeTextLeniently(collected.subarray(0, length)).trim() }))
}
