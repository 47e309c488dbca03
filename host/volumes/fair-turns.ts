import { Slots } from './slots'

/** One task at a time; of those that wait, each tenant's first in turn, so that nobody waits longer because another one asks for much. */
export class FairTurns {
  /** One of each tenant is in the line of all. */
  private readonly ofAll = new Slots(1)
  private readonly ofTenant = new Map<string, { slots: Slots; users: number }>()
  private users = 0

  /** Settles as the task does, or rejects with the signal's reason where that comes before its turn. `onWait`: it does not begin at once (true), and begins, or never will (false). */
  async do<T>(tenantId: string, task: () => Promise<T>, signal: AbortSignal, onWait: (waits: boolean) => void): Promise<T> {
    const mine = this.ofTenant.get(tenantId) ?? { slots: new Slots(1), users: 0 }
    this.ofTenant.set(tenantId, mine)
    const waits = this.users > 0
    this.users += 1
    mine.users += 1
    if (waits) onWait(true)
    const told = { isWaiting: waits }
    const goOn = (): void => {
      if (told.isWaiting) onWait(false)
      told.isWaiting = false
    }
    try {
      return await mine.slots.do(() => this.ofAll.do(() => {
        goOn()
        return task()
      }, signal), signal)
    } finally {
      goOn()
      this.users -= 1
      mine.users -= 1
      if (mine.users === 0) this.ofTenant.delete(tenantId)
    }
  }
}
