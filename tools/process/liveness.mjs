import { readFileSync } from 'node:fs'

/**
 * A zombie: ended, but nobody has waited for it. PID 1 of many containers does not reap, and `kill(pid, 0)` still
 * succeeds for such a process, which is why PostgreSQL then refuses to start over its old lock file.
 * @param {number} pid
 */
export function isZombie(pid) {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/**
 * Whether the process still runs: of any user, zombies not counted.
 * @param {number} pid
 */
export function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0 || isZombie(pid)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * When the process began, in clock ticks since boot; undefined when there is none. With the pid it names a process for
 * good: a recycled pid has another start.
 * @param {number} pid
 * @returns {string | undefined}
 */
export function startTicks(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in parentheses, may itself hold spaces and parentheses: the fields count from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
