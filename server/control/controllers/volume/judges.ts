import { LostHosts } from '../external/lost-hosts'
import type { Judges } from './read-world'

/** So long a keeper without anything to do is kept, for a pod that is created anew where the one before was. */
const idleMs = 60_000
/** So long a host that is heard of may not reach a store before another one is asked to keep its volumes. */
const awayMs = 60_000
/** By so much the database's clock may run ahead of this process's. */
const slackMs = 60_000

/**
 * Judges by this process's own steady clock. A volume is never removed earlier than that clock allows, so that a database whose clock is set forwards ends nobody's time to restore something: what it is ahead
 * by, counted from this process's first look, is waited out. After a change of the leader an idle keeper and a silent host have their time once more.
 */
export class SteadyJudges implements Judges {
  private readonly silent: LostHosts
  private readonly idle = new Map<string, number>()
  private readonly unreached = new Map<string, number>()
  private first: { steady: number; database: number } | null = null

  constructor(private readonly steady: () => number = () => performance.now()) {
    this.silent = new LostHosts(steady)
  }

  /** Of all hosts that are not Ready, for their time runs from the first look. Those that are asked for may be fewer. */
  lookAt(hosts: readonly { id: string; phase: string; heard: number | null }[]): ReadonlySet<string> {
    this.lostNow = this.silent.find(hosts.map((host) => ({ ...host, toldLease: true })))
    return this.lostNow
  }
  private lostNow: ReadonlySet<string> = new Set()
  /** Of those that were lost at the last look and are silent still. */
  lost(hosts: readonly { id: string; phase: string }[]): ReadonlySet<string> {
    return new Set(hosts.flatMap(({ id, phase }) => (phase !== 'Ready' && this.lostNow.has(id) ? [id] : [])))
  }

  isOver(purgeAt: Date | null, now: Date): boolean {
    const [steady, database] = [this.steady(), now.getTime()]
    this.first ??= { steady, database }
    const trusted = Math.min(database, this.first.database + (steady - this.first.steady) + slackMs)
    return purgeAt !== null && purgeAt.getTime() <= trusted
  }

  /** Of one look at a store: each one at which a host reaches it gives that its time once more. */
  away(storeId: string, hosts: readonly { id: string; reaches: boolean }[]): ReadonlySet<string> {
    const now = this.steady()
    return new Set(hosts.flatMap(({ id, reaches }) => {
      const key = `${storeId} ${id}`
      const since = this.unreached.get(key) ?? now
      if (reaches) this.unreached.delete(key)
      else this.unreached.set(key, since)
      return !reaches && now - since >= awayMs ? [id] : []
    }))
  }

  isIdle(uid: string, busy: boolean): boolean {
    if (busy) this.idle.delete(uid)
    else if (!this.idle.has(uid)) this.idle.set(uid, this.steady())
    const since = this.idle.get(uid)
    return since !== undefined && this.steady() - since >= idleMs
  }
  forget(uid: string): void {
    this.idle.delete(uid)
  }
}
