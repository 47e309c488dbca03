import { forgetLease } from '@/server/store/hosts'
import type { Database } from '@/server/store/database'

/** What was sent on one connection of the outside, and whether the host knows of all of it for how long it may answer for it. Pure. */
export class LeaseSent {
  private sent = 0
  /** So many messages have to be taken for all to have a time; null: not all of what was sent has one. */
  private after: number | null = null

  /** Before what is so now is sent. `bounded`: all of it has a time. */
  begins(bounded: boolean): void {
    if (!bounded) this.after = null
  }

  wasSent(): void {
    this.sent += 1
  }

  /** All that is so now was sent. */
  ends(bounded: boolean): void {
    if (bounded) this.after ??= this.sent
  }

  /** `leased`: what the host says of how many messages it took, where nothing that it has is without a time. */
  isKnown(leased: number | undefined): boolean {
    return leased !== undefined && this.after !== null && leased >= this.after
  }
}

/**
 * Whether the host of one connection knows that it may answer for nothing on the outside for ever, which its row says (`leaseToldAt`): only then another may have what is there once the host
 * is silent. The row says so after the host said that it took all that was sent with such times, and says it no more before anything is sent without.
 */
export class LeaseTold {
  private readonly messages = new LeaseSent()
  private mayBeKnown = true
  private last: Promise<unknown> = Promise.resolve()

  /** See {@link LeaseSent.begins}. Resolves once the row says it where the host may answer for ever. */
  async begins(db: Database, hostId: string, bounded: boolean): Promise<void> {
    this.messages.begins(bounded)
    if (bounded || !this.mayBeKnown) return
    await this.inTurn(() => forgetLease(db, hostId))
    this.mayBeKnown = false
  }

  wasSent(): void {
    this.messages.wasSent()
  }

  ends(bounded: boolean): void {
    this.messages.ends(bounded)
  }

  /**
   * Records a heartbeat with what it says ({@link LeaseSent.isKnown}); `isKnown` null: it says nothing new. A host that says nothing of it may answer for ever, whatever was known of it
   * before: its agent may be another one.
   */
  heartbeat<T>(leased: number | undefined, record: (isKnown: boolean | null) => Promise<T>): Promise<T> {
    return this.inTurn(() => {
      const isKnown = this.messages.isKnown(leased)
      this.mayBeKnown ||= isKnown
      return record(isKnown ? true : leased === undefined ? false : null)
    })
  }

  /** What is written to the row is written in the order in which it became so. */
  private inTurn<T>(write: () => Promise<T>): Promise<T> {
    const done = this.last.then(write)
    this.last = done.catch(() => undefined)
    return done
  }
}
