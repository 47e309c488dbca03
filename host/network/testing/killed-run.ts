import { run } from '@/platform/exec'
import type { Run } from '../kernel'

/** Commands that were begun. They end though their agent does not live to see it. */
const running = new Set<Promise<void>>()

/** Resolves once what was on its way when an agent died has ended. */
export const commandsEnded = async (): Promise<void> => void (await Promise.all([...running]))

/** A `run` of an agent that is killed at its nth command after `arm`, before or after that did its work: from then on nothing comes back. */
export function killedRun(at: number, when: 'before' | 'after'): { run: Run; dead: Promise<void>; arm: () => void } {
  let calls = -Infinity
  let die = () => {}
  const dead = new Promise<void>((resolve) => (die = resolve))
  const never = new Promise<never>(() => {})
  const wrapped: Run = async (...args) => {
    const mine = calls++
    if (mine > at || (mine === at && when === 'before')) {
      die()
      return never
    }
    const command = run(...args)
    running.add(command.then(() => undefined, () => undefined))
    const result = await command
    if (mine !== at) return result
    die()
    return never
  }
  return { run: wrapped, dead, arm: () => (calls = 0) }
}
