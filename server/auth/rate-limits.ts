import { createHash } from 'node:crypto'
import { RateLimiterPrisma, RateLimiterRes } from 'rate-limiter-flexible'
import { waitingTime } from '@/domain/account/sign-in-error'
import { DomainError } from '@/domain/shared/errors'
import type { DatabaseClient } from '@/server/store/database'

export type LimitTable = Readonly<Record<LimitName, { points: number; seconds: number }>>
export type LimitName = 'signInByEmailAndAddress' | 'signInByEmail' | 'signInByAddress' | 'signUpByAddress' | 'resetByEmail' | 'resetByAddress' | 'resetLinkByAddress'

/**
 * How many attempts in how many seconds. Sign-ins and reset links count where they fail only. The limit of an e-mail over all addresses is
 * wide, since whoever reaches it locks the person out; that of one address is wide too, since offices share one.
 */
export const defaultLimits: LimitTable = {
  signInByEmailAndAddress: { points: 10, seconds: 900 },
  signInByEmail: { points: 60, seconds: 3600 },
  signInByAddress: { points: 300, seconds: 900 },
  signUpByAddress: { points: 60, seconds: 3600 },
  resetByEmail: { points: 5, seconds: 3600 },
  resetByAddress: { points: 60, seconds: 3600 },
  resetLinkByAddress: { points: 60, seconds: 3600 },
}

/** Too many attempts; `seconds` says when the next one counts. */
export class RateLimitedError extends DomainError {
  constructor(readonly seconds: number) {
    super('rate_limited', `Too many attempts. Try again in ${waitingTime(seconds)}.`)
  }
}

/**
 * Counts attempts in PostgreSQL, so that all web processes count together. It holds no state of its own and is cheap to
 * make. A database that does not answer refuses the attempt.
 */
export class RateLimits {
  readonly #limiters = new Map<LimitName, RateLimiterPrisma>()

  constructor(
    private readonly db: DatabaseClient,
    private readonly table: LimitTable = defaultLimits,
  ) {}

  /** Counts one attempt. Throws {@link RateLimitedError} when there were too many. */
  async consume(name: LimitName, subject: string): Promise<void> {
    const refusal = await this.refusalOf(name, subject)
    if (!refusal) return
    // One that lasts for longer than any is given was written before the clock was set back, and would last until it has caught up.
    const isOfAnotherTime = refusal.msBeforeNext > (this.table[name].seconds + 1) * 1000
    if (isOfAnotherTime) await this.limiter(name).delete(keyOf(name, subject))
    const left = isOfAnotherTime ? await this.refusalOf(name, subject) : refusal
    if (left) throw new RateLimitedError(Math.max(1, Math.ceil(left.msBeforeNext / 1000)))
  }

  private async refusalOf(name: LimitName, subject: string): Promise<RateLimiterRes | null> {
    try {
      await this.limiter(name).consume(keyOf(name, subject))
      return null
    } catch (error) {
      if (error instanceof RateLimiterRes) return error
      throw error
    }
  }

  /** Takes an attempt back that turned out to be no guess. */
  async giveBack(name: LimitName, subject: string): Promise<void> {
    await this.limiter(name).reward(keyOf(name, subject))
  }

  private limiter(name: LimitName): RateLimiterPrisma {
    const known = this.#limiters.get(name)
    if (known) return known
    const { points, seconds } = this.table[name]
    // Old rows go with pruneAccountRecords (server/store), not by a timer of the library's in each process.
    const made = new RateLimiterPrisma({ storeClient: this.db, tableName: 'rateLimit', keyPrefix: '', points, duration: seconds, clearExpiredByTimeout: false })
    this.#limiters.set(name, made)
    return made
  }
}

/** A hash: bounded in length whatever was typed, and no list of persons. */
const keyOf = (name: LimitName, subject: string): string => `${name}:${createHash('sha256').update(subject).digest('base64url')}`
