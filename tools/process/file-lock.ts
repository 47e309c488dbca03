import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive, startTicks } from '@/tools/process/liveness'

/** The file names a process that still runs. */
export class LockHeldError extends Error {
  constructor(
    readonly path: string,
    readonly pid: number,
  ) {
    super(`${path} is held by process ${pid}`)
    this.name = 'LockHeldError'
  }
}

/** Whether `text` (`pid ticks`) names a process that still runs and is not merely a later user of its number. */
function holder(text: string): number | undefined {
  const [pid, ticks] = text.trim().split(' ')
  const number = Number(pid)
  return isAlive(number) && startTicks(number) === ticks ? number : undefined
}

/**
 * Takes the lock at `path` for this process, or throws {@link LockHeldError}. A lock whose process is gone is taken
 * over. Returns the function that gives it back.
 */
export function takeLock(path: string): () => void {
  // The file appears with its contents in one step: a reader never meets one that is half written.
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${process.pid} ${startTicks(process.pid) ?? ''}`, { mode: 0o600 })
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        linkSync(draft, path)
        return () => rmSync(path, { force: true })
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST') || attempt > 10) throw error
        const pid = holder(readIfThere(path))
        if (pid !== undefined) throw new LockHeldError(path, pid)
        rmSync(path, { force: true })
      }
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Runs `work` while holding the lock; waits for another holder, by default at most two minutes. */
export async function withLock<T>(path: string, work: () => Promise<T>, waitMs = 120_000): Promise<T> {
  const deadline = Date.now() + waitMs
  for (;;) {
    let release: () => void
    try {
      release = takeLock(path)
    } catch (error) {
      if (!(error instanceof LockHeldError) || Date.now() > deadline) throw error
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
