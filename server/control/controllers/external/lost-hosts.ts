import type { HostFacts } from '@/server/store/load-balancers'

/** A host is Unknown after 15 s of silence, as long as it may answer by itself (drivers/native/external, leaseSeconds); so much more is for clocks and messages under way. */
const graceMs = 5000

/**
 * Which hosts may answer for nothing any more: those that have been Unknown for a while by this process's own steady clock, and that knew, when they were last heard of,
 * that another host could take over. After a change of the leader a host has its time once more.
 */
export class LostHosts {
  private readonly silentSince = new Map<string, number>()
  constructor(
    private readonly steady: () => number = () => performance.now(),
    private readonly ms = graceMs,
  ) {}

  find(hosts: readonly Pick<HostFacts, 'id' | 'phase' | 'toldLease'>[]): ReadonlySet<string> {
    const at = this.steady()
    const silent = hosts.filter(({ phase }) => phase !== 'Ready')
    const ids = new Set(silent.map(({ id }) => id))
    for (const id of this.silentSince.keys()) if (!ids.has(id)) this.silentSince.delete(id)
    return new Set(silent.flatMap(({ id, toldLease }) => {
      const since = this.silentSince.get(id) ?? at
      this.silentSince.set(id, since)
      return toldLease && at - since >= this.ms ? [id] : []
    }))
  }
}
