import type { BalancerModel } from '@/domain/load-balancer/model'
import type { PartCounters } from '../ports'
import { countersQuestion, lessOf, partCounters, sumOf } from './counters'
import { NoAnswer } from './runtime'

type Parts = Pick<BalancerModel, 'listeners' | 'backends'>

/**
 * What passed through a HAProxy since this agent began it or took it up: HAProxy itself counts from nothing in each new process, and from before in one that an earlier agent began. So
 * it goes back only where HAProxy was begun anew.
 */
export class LastingCounters {
  /** To be added to what the process that runs counts. */
  private before: readonly PartCounters[] = []
  /** It is not known yet from where the process counts that an earlier agent left. */
  private isTakenUp = false
  /** Processes so far; null while one takes another's place, when nobody knows which of them answers. */
  private process: number | null = 0
  constructor(private readonly ask: (question: string) => Promise<string>) {}

  /** What runs was begun by this agent, and counts from nothing; or it is an earlier one's. */
  runs(from: 'nothing' | 'before'): void {
    this.before = []
    this.isTakenUp = from === 'before'
    this.process = (this.process ?? 0) + 1
  }

  /** Counts what an earlier agent left from nothing, too. Throws {@link NoAnswer}. */
  async base(model: Parts): Promise<void> {
    if (!this.isTakenUp) return
    this.before = lessOf(partCounters(await this.ask(countersQuestion), model))
    this.isTakenUp = false
  }

  /** Throws {@link NoAnswer} where it cannot be said now. */
  async now(model: Parts): Promise<PartCounters[]> {
    const { process } = this
    const now = partCounters(await this.ask(countersQuestion), model)
    // Of a process that is being replaced nobody knows whether it is in what was counted before.
    if (process === null || process !== this.process || this.isTakenUp) throw new NoAnswer('HAProxy is being replaced')
    return sumOf(this.before, now)
  }

  /** Another process takes the place of the one that runs, of which these parts stay; where that fails, it runs on. */
  async through(parts: { was: Parts; stay: ReadonlySet<string> }, replace: () => Promise<void>): Promise<void> {
    const counted = await this.now(parts.was).catch(() => this.before)
    const number = this.process ?? 0
    this.process = null
    try {
      await replace()
      this.before = counted.filter(({ part }) => parts.stay.has(part))
      this.process = number + 1
    } catch (error) {
      this.process = number
      throw error
    }
  }
}
