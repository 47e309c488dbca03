import type { HostFacts } from '@/server/store/load-balancers'

/** A host is Unknown after 15 s of silence, as long as it may answer by itself (drivers/native/external, leaseSeconds); so much more is for clocks and messages under way. */
const graceMs = 5000
/** States that are asked about differ in age by far less: what is older was written by a clock that has been set back since. */
const setBackMs = 60_000

type Silence = { since: number; heard: number }

/**
 * Which hosts may answer for nothing any more: those that have been Unknown for a while by this process's own steady clock, and that said, when they were last heard of, that they may
 * answer for nothing for ever. After a change of the leader, and after each sign of life, a host has its time once more. It may be asked about states of different age.
 */
export class LostHosts {
  private readonly silent = new Map<string, Silence>()
  constructor(
    private readonly steady: () => number = () => performance.now(),
    private readonly ms = graceMs,
  ) {}

  find(hosts: readonly Pick<HostFacts, 'id' | 'phase' | 'toldLease' | 'heard'>[]): ReadonlySet<string> {
    const at = this.steady()
    const unknown = hosts.filter(({ phase }) => phase !== 'Ready')
    const ids = new Set(unknown.map(({ id }) => id))
    for (const id of this.silent.keys()) if (!ids.has(id)) this.silent.delete(id)
    return new Set(unknown.flatMap(({ id, toldLease, heard }) => {
      const { since } = this.silenceOf(id, heard, at)
      return toldLease && at - since >= this.ms ? [id] : []
    }))
  }

  private silenceOf(id: string, heard: number | null, at: number): Silence {
    const known = this.silent.get(id)
    if (known && (heard === null || (heard <= known.heard && known.heard - heard < setBackMs))) return known
    const anew = { since: at, heard: heard ?? 0 }
    this.silent.set(id, anew)
    return anew
  }
}
