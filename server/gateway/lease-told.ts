import { forgetLease } from '@/server/store/hosts'
import type { Database } from '@/server/store/database'

/**
 * Whether the host of one connection knows that it may answer for nothing on the outside for ever, which its row says (`leaseToldAt`): only then another may have what is there once the host
 * is silent. The row says so after the host said that it took all that was sent with such times, and says it no more before anything is sent without.
 */
export class LeaseTold {
  private sent = 0
  /** So many messages have to be taken for all to have a time; null: not all of what was sent has one. */
  private after: number | null = null
  private mayBeKnown = true
  private last: Promise<unknown> = Promise.resolve()

  /** Before what is so now is sent. `bounded`: all of it has a time. */
  async begins(db: Database, hostId: string, bounded: boolean): Promise<void> {
    if (bounded) return
    this.after = null
    if (!this.mayBeKnown) return
    await this.inTurn(() => forgetLease(db, hostId))
    this.mayBeKnown = false
  }

  wasSent(): void {
    this.sent += 1
  }

  /** All that is so now was sent. */
  ends(bounded: boolean): void {
    if (bounded) this.after ??= this.sent
  }

  /** Records a heartbeat; `leased` is what it says of {@link wasSent} messages. */
  heartbeat<T>(leased: number | undefined, record: (isKnown: boolean) => Promise<T>): Promise<T> {
    return this.inTurn(() => {
      const isKnown = leased !== undefined && this.after !== null && leased >= this.after
      this.mayBeKnown ||= isKnown
      return record(isKnown)
    })
  }

  /** What is written to the row is written in the order in which it became so. */
  private inTurn<T>(write: () => Promise<T>): Promise<T> {
    const done = this.last.then(write)
    this.last = done.catch(() => undefined)
    return done
  }
}
