import { Slots } from '../slots'
import { VolumeError } from '../store'

/** `long`: what takes its time by size. */
export type Turn = 'short' | 'long'

/** Each program is a client of the cluster, of some twenty threads and many MiB: so many of this agent run at a time, of all stores. What takes long keeps nothing short from its turn. */
const ofAll = { short: new Slots(8), long: new Slots(4) }
/** Who has waited so long is told that it is no use, and comes again. Milliseconds. */
const patienceMs = 5 * 60_000

/** Of a tenant in a store. */
export const turnsOfTenant = (): Record<Turn, Slots> => ({ short: new Slots(3), long: new Slots(1) })

/** Whose turn it is to run a program of Ceph for a store: a cluster that hangs leaves other stores their turns, and what one tenant has made takes none of the others' for long. */
export class Turns {
  private readonly ofStore = { short: new Slots(4), long: new Slots(2) }

  constructor(
    private readonly store: string,
    private readonly patience = patienceMs,
  ) {}

  /** Settles as the task does; before it has begun also with the signal's reason, or with `Unreachable` where its turn does not come. */
  async take<T>(turn: Turn, ofTenant: Record<Turn, Slots>, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new VolumeError('Unreachable', this.store, `The store ${this.store} has too much under way on this host for more to begin (volumes that are copied, brought back or removed). It is tried again by itself.`)), this.patience)
    const begin = (): Promise<T> => {
      clearTimeout(timer)
      return task()
    }
    try {
      return await inAll([ofTenant[turn], this.ofStore[turn], ofAll[turn]], begin, signal ? AbortSignal.any([signal, late.signal]) : late.signal)
    } finally {
      clearTimeout(timer)
    }
  }
}

const inAll = <T>([first, ...others]: readonly Slots[], task: () => Promise<T>, signal: AbortSignal): Promise<T> => (first ? first.do(() => inAll(others, task, signal), signal) : task())
