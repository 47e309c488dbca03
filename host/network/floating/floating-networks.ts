import type { ExternalBridge } from '@/host/external/bridge'
import type { Logger } from '@/platform/logger'
import { addressesOf } from '../attachment'
import { routedOf, type FloatingBinding } from '../network-state'
import type { RunningNetworks } from '../running-networks'
import { KnownFloating, type FloatingState, type WantedFloating } from './known-floating'
import type { RoutedAddresses } from './routed-addresses'

/**
 * Addresses of the outside that lead to pods of this host, in all of its networks. Each network is carried out in a turn of its own, and none waits for another's; but an address that another
 * holder on this host has not let go yet, which is carried out once that one has.
 */
export class FloatingNetworks {
  private readonly known = new KnownFloating()
  private changed: () => void = () => {}
  /** Networks whose turn is asked for, and has not begun. */
  private readonly asked = new Set<string>()
  private readonly running = new Set<Promise<void>>()

  constructor(private readonly networks: RunningNetworks, private readonly external: Pick<ExternalBridge, 'holderOf' | 'onLetGo'>, private readonly log: Pick<Logger, 'error'>) {
    external.onLetGo((addresses) => this.askFor(this.known.wanted.filter(({ address }) => addresses.includes(address))))
  }

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
   * These addresses, and no others, lead to pods of this host from now on. Resolves when that is so as far as it can be; {@link states} says what became of each, also before. What is said later
   * need not wait for that.
   */
  async set(all: readonly WantedFloating[]): Promise<void> {
    const before = this.known.wanted
    this.known.set(all)
    this.askFor([...before, ...all])
    await this.settled()
  }

  /** Resolves when nothing is being carried out. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running)
  }

  /** What became of each address, by uid. */
  states(): Map<string, FloatingState> {
    const led = new Set(this.networks.all().flatMap(({ identity, floating }) => floating.carried.map((one) => wayOf(identity.id, one))))
    return new Map(this.known.wanted.map((one): [string, FloatingState] => {
      const { uid, networkId, podUid, target } = one
      // One that leads to its pod does so whatever else of its network failed, and none leads to a pod that is not here.
      if (led.has(wayOf(networkId, one))) return [uid, { state: 'active' }]
      const pod = this.networks.portOf(podUid)
      if (!pod) return [uid, { state: 'waiting' }]
      const error = this.known.errorOf(uid)
      if (error !== undefined) return [uid, { state: 'failed', error }]
      return [uid, addressesOf(pod).includes(target) ? { state: 'coming' } : { state: 'failed', error: new Error(`the pod has ${pod.address}, not ${target}`) }]
    }))
  }

  /** What the guests of the pods that are here are to be told of addresses that are routed to them, by the pods' uid; also while the way to one is being made. */
  routed(): Map<string, RoutedAddresses> {
    const networks = new Set(routedOf(this.known.wanted).map(({ networkId }) => networkId))
    return new Map([...networks].flatMap((id) => [...this.networks.ofId(id)?.routedAddresses() ?? []]))
  }

  /** Whether an address is answered for here still, or is not free for others yet, by uid of what said so. */
  answersFor(uid: string): boolean {
    return this.networks.all().some(({ floating }) => floating.answeredFor.has(uid))
  }

  /** Brings the networks that are not as they were told to be to their addresses, as one that could not be before. Says of what is held elsewhere still that it is. Rejects never. */
  async carryOutAll(): Promise<void> {
    // Also those of which nothing is wanted any more: they may have been brought to what was wanted before.
    this.askFor(this.networks.all().map(({ identity }) => ({ networkId: identity.id })))
    await this.settled()
    for (const { uid, address, podUid, networkId } of this.known.wanted) {
      const holder = this.external.holderOf(address)
      if (holder !== undefined && this.networks.portOf(podUid) && holder !== this.networks.ofId(networkId)?.namespace) this.known.failed([uid], new Error(`${address} is answered for in ${holder} still, and has to go there first`))
    }
    this.changed()
  }

  /** A pod was placed in the network just now. Returns at once. */
  follow(networkId: string): void {
    this.askFor([{ networkId }])
  }

  /** Asks for a turn of each of these networks that is not as it was told to be. */
  private askFor(all: readonly Pick<WantedFloating, 'networkId'>[]): void {
    for (const networkId of new Set(all.map((one) => one.networkId))) {
      const network = this.networks.ofId(networkId)
      if (!network || this.asked.has(networkId)) continue
      if (!network.floating.hasToDo) {
        // As a repair of its namespace may have left it after a turn that failed.
        this.known.carriedOut(network.floating.leads)
        continue
      }
      this.asked.add(networkId)
      const turn = this.networks.inTurn(network.identity.number, () => this.carryOut(networkId, network.identity.number)).catch(() => undefined).finally(() => this.running.delete(turn))
      this.running.add(turn)
    }
  }

  /** Brings a network to its addresses. What cannot be is told, and the next look tries again. */
  private async carryOut(networkId: string, number: number): Promise<void> {
    this.asked.delete(networkId)
    const network = this.networks.byNumber.get(number)
    if (network?.identity.id !== networkId) return
    try {
      await network.floating.carryOut()
      // What is not carried out now fails no more, but waits for its pod or for who has it.
      this.known.carriedOut(this.known.of(networkId).map(({ uid }) => uid))
      // What was said while the bridge was waited for was nothing to do then.
      this.askFor([{ networkId }])
    } catch (error) {
      this.known.failed(this.known.of(networkId).map(({ uid }) => uid), error)
      this.log.error({ err: error, network: networkId }, 'addresses of the outside of a network could not be carried out; the next look tries again')
    }
    this.changed()
  }
}

/** An address's way to its pod, in a network. */
const wayOf = (networkId: string, { uid, target }: Pick<FloatingBinding, 'uid' | 'target'>): string => `${networkId} ${uid} ${target}`
