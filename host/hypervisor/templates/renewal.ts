import type { Logger } from '@/platform/logger'
import { retryWaitMs } from '../retry-wait'
import type { TemplateInService, TemplateStore } from './template-store'

export type RenewalOptions = {
  /** A template that is older is made anew: its pods' kernels lie elsewhere in memory then. */
  maxAgeMs: number
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** How often it is looked. Default 1 min. */
  everyMs?: number
  /** Copies that no pod has used for so long are let go. Default 1 h. */
  idleCopyMs?: number
  /** How often the memory of all copies is read and compared. Default 6 h. */
  checkEveryMs?: number
  /** Sizes that are kept in service. Default 32. */
  maxSizes?: number
}

type Store = Pick<TemplateStore, 'sharing' | 'inService' | 'renew' | 'retire' | 'dropIdle' | 'check'>

const hourMs = 3_600_000
/** As many copies as a store keeps for the next pod; here only their age counts. */
const anyNumber = Infinity

/**
 * Makes templates anew when they are old or the guest image is another, drops those that nobody asks for, and looks
 * whether they are still as they were made. No start of a pod waits for any of it: the old template serves until the new
 * one is there. A size that cannot be made is tried again after 1, 2, 4 … minutes, at most an hour.
 */
export class TemplateRenewal {
  private readonly failures = new Map<string, { count: number; notBefore: number }>()
  private timer: NodeJS.Timeout | undefined
  private round: Promise<void> = Promise.resolve()
  private checkedAt = performance.now()
  private ended = false

  constructor(
    private readonly store: Store,
    private readonly options: RenewalOptions,
  ) {}

  /** Looks again and again from now on. */
  start(): void {
    const again = () => void this.look()
    this.timer = setInterval(again, this.options.everyMs ?? 60_000)
    this.timer.unref()
  }

  /** Looks now, after a look that is under way. `atOnce`: what failed is not waited for: its cause may be gone. Never rejects. */
  look(atOnce = false): Promise<void> {
    if (atOnce) this.failures.clear()
    this.round = this.round.then(() => this.lookOnce()).catch((error: unknown) => this.options.log.error({ err: error }, 'templates could not be looked after; it is tried again'))
    return this.round
  }

  async end(): Promise<void> {
    this.ended = true
    clearInterval(this.timer)
    await this.round
  }

  private async lookOnce(): Promise<void> {
    if (this.store.sharing === 'cold') return
    const { maxAgeMs, maxSizes = 32, idleCopyMs = hourMs, checkEveryMs = 6 * hourMs } = this.options
    const byUse = this.store.inService().sort((a, b) => a.unusedMs - b.unusedMs)
    for (const [rank, one] of byUse.entries()) {
      if (this.ended) return
      const due = this.isDue(one)
      if (rank >= maxSizes || (due && one.unusedMs >= maxAgeMs)) await this.drop(one)
      else if (due) await this.renew(one)
    }
    await this.store.dropIdle(anyNumber, idleCopyMs)
    if (performance.now() - this.checkedAt < checkEveryMs) return
    this.checkedAt = performance.now()
    await this.store.check()
  }

  /** The wall's clock counts, for a template outlives the agent; one that seems to come from the future is as good as old. */
  private isDue({ pristine, outdated }: TemplateInService): boolean {
    return outdated || Math.abs(Date.now() - pristine.madeAt) >= this.options.maxAgeMs
  }

  private async drop({ pristine }: TemplateInService): Promise<void> {
    await this.store.retire(pristine)
    this.options.log.info({ vcpus: pristine.vcpus, memoryMiB: pristine.memoryMiB }, 'a template that no pod asks for was dropped')
  }

  private async renew({ pristine }: TemplateInService): Promise<void> {
    const { log } = this.options
    const { vcpus, memoryMiB } = pristine
    const size = `${vcpus}-${memoryMiB}`
    const before = this.failures.get(size)
    if (before && performance.now() < before.notBefore) return
    try {
      await this.store.renew({ vcpus, memoryMiB })
      this.failures.delete(size)
      log.info({ vcpus, memoryMiB }, 'a template was made anew; pods start from it from now on')
    } catch (error) {
      if (this.ended) return
      const count = (before?.count ?? 0) + 1
      const waitMs = retryWaitMs(count)
      this.failures.set(size, { count, notBefore: performance.now() + waitMs })
      log.error({ err: error, vcpus, memoryMiB, tries: count }, `a template could not be made anew: pods go on starting from the old one, and it is tried again in ${waitMs / 60_000} min`)
    }
  }
}
