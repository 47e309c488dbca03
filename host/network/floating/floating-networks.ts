import type { Logger } from '@/platform/logger'
import type { FloatingBinding } from '../network-state'
import type { RunningNetworks } from '../running-networks'
import { KnownFloating, type FloatingState, type WantedFloating } from './known-floating'

/** Addresses of the outside that lead to pods of this host, in all of its networks. */
export class FloatingNetworks {
  private readonly known = new KnownFloating()
  private changed: () => void = () => {}

  constructor(private readonly networks: RunningNetworks, private readonly log: Pick<Logger, 'error'>) {}

  /** What leads to pods of a network, in one order. */
  of(networkId: string): readonly FloatingBinding[] {
    return this.known.of(networkId)
  }

  /** Is called whenever what becomes of an address may have changed. */
  onChange(changed: () => void): void {
    this.changed = changed
  }

  tell(): void {
    this.changed()
  }

  /** These addresses lead to pods of this host: taken for all that is carried out from now on, and nothing is carried out yet. For the start. */
  know(all: readonly WantedFloating[]): void {
    this.known.set(all)
  }

  /**
   * These addresses, and no others, lead to pods of this host. Resolves when that is so as far as it can be; {@link states} says what became of each. An address that
   * leaves a network has left it before another takes it. One call at a time.
   */
  async set(all: readonly WantedFloating[]): Promise<void> {
    const before = this.known.wanted
    const left = before.filter((one) => !all.some(({ address, networkId }) => address === one.address && networkId === one.networkId))
    // First what goes: of what stays in its network nothing changes yet.
    this.known.set(before.filter((one) => !left.includes(one)))
    const networks = [...new Set(left.map(({ networkId }) => networkId))]
    const stuck = new Set<string>()
    await Promise.all(networks.map((networkId) => this.carryOut(networkId).catch(() => left.filter((one) => one.networkId === networkId).forEach(({ address }) => stuck.add(address)))))
    this.known.set(all)
    if (stuck.size > 0) this.log.error({ addresses: [...stuck] }, 'addresses of the outside are still with pods that lost them; others do not get them before')
    await Promise.all([...new Set([...all, ...before].map(({ networkId }) => networkId))].map((networkId) => this.carryOut(networkId).catch(() => undefined)))
    this.changed()
  }

  /** What became of each address, by uid. */
  states(): Map<string, FloatingState> {
    const answered = new Set(this.networks.all().flatMap(({ floating }) => [...floating.answeredFor]))
    return new Map(this.known.wanted.map(({ uid, podUid, target }): [string, FloatingState] => {
      const error = this.known.errorOf(uid)
      if (error !== undefined) return [uid, { state: 'failed', error }]
      if (answered.has(uid)) return [uid, { state: 'active' }]
      const pod = this.networks.portOf(podUid)
      if (pod && pod.address !== target && pod.ipv6?.address !== target) return [uid, { state: 'failed', error: new Error(`the pod has ${pod.address}, not ${target}`) }]
      return [uid, { state: 'waiting' }]
    }))
  }

  /** Whether an address leads to a pod here still, by uid of what said so. */
  answersFor(uid: string): boolean {
    return this.networks.all().some(({ floating }) => floating.answeredFor.has(uid))
  }

  /** Brings the networks that are not as they were told to be to their addresses, as a pod came or one could not be before. Rejects never. */
  async carryOutAll(): Promise<void> {
    for (const network of this.networks.all().filter(({ floating }) => floating.hasToDo)) await this.carryOut(network.identity.id).then(() => this.changed(), () => undefined)
  }

  /** As {@link carryOutAll}, of a network in which a pod was placed just now. Returns at once. */
  follow(number: number): void {
    const network = this.networks.byNumber.get(number)
    if (network?.floating.hasToDo) void this.carryOut(network.identity.id).then(() => this.changed(), () => this.changed())
  }

  /** Brings a network to its addresses, in its turn. Rejects where that cannot be; the next look tries again. */
  private async carryOut(networkId: string): Promise<void> {
    const number = this.networks.ofId(networkId)?.identity.number
    if (number === undefined) return
    await this.networks.inTurn(number, async () => {
      const network = this.networks.byNumber.get(number)
      if (network?.identity.id !== networkId) return
      try {
        await network.floating.carryOut()
        this.known.carriedOut(networkId)
      } catch (error) {
        this.known.failed(networkId, error)
        this.log.error({ err: error, network: networkId }, 'addresses of the outside of a network could not be carried out; the next look tries again')
        throw error
      }
    })
  }
}
