import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import { isAlive, startTicks } from './liveness.mjs'

/** The file names a process that still runs. */
export class LockHeldError extends Error {
  /**
   * @param {string} path
   * @param {number} pid
   */
  constructor(path, pid) {
    super(`${path} is held by process ${pid}`)
    this.name = 'LockHeldError'
    this.path = path
    this.pid = pid
  }
}

/**
 * The process that the lock file names, if it still runs and is not merely a later user of its number.
 * @param {string} path
 * @returns {number | undefined}
 */
export function lockHolder(path) {
  return holderIn(readLock(path))
}

/** @param {string} path */
function readLock(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** @param {string | undefined} text */
function holderIn(text) {
  const [pid, ticks] = (text ?? '').trim().split(' ')
  return text !== undefined && isAlive(Number(pid)) && startTicks(Number(pid)) === ticks ? Number(pid) : undefined
}

/**
 * Takes the lock at `path` for this process, or throws {@link LockHeldError}. A lock whose process is gone is taken
 * over. Returns the function that gives it back.
 * @param {string} path
 * @returns {() => void}
 */
export function takeLock(path) {
  // The file appears with its contents in one step: a reader never meets one that is half written.
  const draft = `${path}.${process.pid}.${threadId}`
  writeFileSync(draft, `${process.pid} ${startTicks(process.pid)}`, { mode: 0o600 })
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        linkSync(draft, path)
        return () => rmSync(path, { force: true })
      } catch (error) {
        if (error.code !== 'EEXIST' || attempt > 100) throw error
        const text = readLock(path)
        const pid = holderIn(text)
        if (pid !== undefined) throw new LockHeldError(path, pid)
        // Given back since: what stands there by now may be another's.
        if (text !== undefined) rmSync(path, { force: true })
      }
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

/**
 * Runs `work` while holding the lock; waits for another holder, by default at most two minutes.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {{ waitMs?: number, onWait?: (pid: number) => void }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(path, work, { waitMs = 120_000, onWait } = {}) {
  const deadline = Date.now() + waitMs
  for (let tries = 0; ; tries++) {
    const release = tryLock(path, Date.now() > deadline, tries === 0 ? onWait : undefined)
    if (!release) {
      await delay(50)
      continue
    }
    try {
      return await work()
    } finally {
      release()
    }
  }
}

/**
 * @param {string} path
 * @param {boolean} last
 * @param {((pid: number) => void) | undefined} onWait
 */
function tryLock(path, last, onWait) {
  try {
    return takeLock(path)
  } catch (error) {
    if (!(error instanceof LockHeldError) || last) throw error
    onWait?.(error.pid)
    return undefined
  }
}
