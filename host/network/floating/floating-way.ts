import { isDeepStrictEqual } from 'node:util'
import type { ExternalPort } from '@/host/external/bridge-links'
import { EXTERNAL_DEVICE, networkMac } from '@/host/external/names'
import type { HostParts, ReconcileReport } from '../host-parts'
import { routedOf, type FloatingBinding, type NetworkState } from '../network-state'
import { forgetConnections } from '../policies/forget-connections'
import type { TenantNamespace } from '../tenant-namespace'
import { endStrayFlows } from './floating-flows'

/** The network that the way belongs to. `wanted`: the addresses of the outside that lead to pods which are here; `state`: what its namespace is to hold, with {@link FloatingWay.carried}; `undo` never throws. */
export type FloatingNetwork = {
  namespace: string
  number: () => number
  inside: TenantNamespace
  wanted: () => readonly FloatingBinding[]
  state: () => NetworkState
  undo: (step: () => Promise<void>) => Promise<void>
}

/** How addresses of the outside lead to pods of one network on this host: its link into the bridge, and what its namespace holds of them. Its caller runs one method at a time. */
export class FloatingWay {
  private floating: readonly FloatingBinding[] = []
  /** What the bridge is being asked to let through. */
  private underWay: readonly FloatingBinding[] = []
  /** Who said of each address last that it leads here. */
  private readonly uids = new Map<string, string>()

  constructor(private readonly network: FloatingNetwork, private readonly host: Pick<HostParts, 'hostTag' | 'external' | 'log'>) {}

  /** Addresses of the outside that lead to pods here, as far as there is a way for them. */
  get carried(): readonly FloatingBinding[] {
    return this.floating
  }

  /** Addresses of the outside that lead to pods here, by uid of what says so. */
  get leads(): ReadonlySet<string> {
    return new Set(this.floating.map(({ uid }) => uid))
  }

  /** Addresses of the outside that this network keeps from others, also those that are being let through and those that lead to no pod any more and are not free yet, by uid of what said so. */
  get answeredFor(): ReadonlySet<string> {
    return new Set([...[...this.floating, ...this.underWay].map(({ uid }) => uid), ...this.host.external.heldIn(this.network.namespace).flatMap((address) => this.uids.get(address) ?? [])])
  }

  /** Whether {@link carryOut} has something to do. */
  get hasToDo(): boolean {
    return !isDeepStrictEqual(this.floating, this.network.wanted()) || !this.isLetThrough(this.floating)
  }

  /** The namespace goes, and with it all that was carried out. */
  forget(): void {
    this.floating = []
  }

  /**
   * Brings the network to the addresses of the outside that its pods have now. An address that moves between two of its pods does so in one transaction, and its open connections end. Throws
   * an Error for an address of no pool or of another network, ExecError; then nothing is answered for that was not before.
   */
  async carryOut(): Promise<void> {
    const { inside, undo } = this.network
    const before = this.floating
    const wanted = this.network.wanted()
    if (isDeepStrictEqual(before, wanted)) return this.isLetThrough(wanted) ? undefined : this.letThrough(wanted)
    const come = wanted.filter(({ address }) => !before.some((one) => one.address === address))
    // The way is there before what comes by it, and goes after it.
    if (come.length > 0) await this.letThrough([...before, ...come])
    this.floating = wanted
    try {
      const state = this.network.state()
      await inside.change(state)
      await endStrayFlows(inside.kernel, state, this.host.external.subnets)
      await forgetConnections(inside.kernel, lostOf(before, wanted))
      await this.letThrough(wanted)
    } catch (error) {
      this.floating = before
      await undo(async () => {
        await inside.change(this.network.state())
        await this.letThrough(before)
      })
      throw error
    }
    await this.host.external.announce(this.port(wanted), come.map(({ address }) => address))
  }

  /** Brings the namespace to its network's state when pods went, without what led to them; the link lets that through no more either. Throws ExecError. */
  async leavePods(): Promise<void> {
    const before = this.floating
    this.floating = this.network.wanted().filter((one) => before.some(({ uid, target }) => uid === one.uid && target === one.target))
    await this.network.inside.change(this.network.state())
    await forgetConnections(this.network.inside.kernel, lostOf(before, this.floating)).catch((error: unknown) => this.host.log.warn({ err: error, network: this.network.number() }, 'connections of routed addresses whose pod went are still there; they end by themselves'))
    if (!this.isLetThrough(this.floating)) await this.letThrough(this.floating)
  }

  /** The link towards the outside, whose inner end is there or not, and what of the network's addresses there is a way for. What is inside of the namespace follows. */
  async reconcile(innerEnd: boolean, report: ReconcileReport): Promise<void> {
    const { external, log } = this.host
    const { namespace } = this.network
    const wanted = this.network.wanted()
    try {
      if (wanted.length === 0) await external.detach(namespace)
      else if (!innerEnd || !isDeepStrictEqual(external.portOf(namespace), this.port(wanted))) {
        await this.letThrough(wanted)
        if (!innerEnd) report.repairs.push(`link of ${namespace} towards the outside made`)
      }
      for (const { address, uid } of wanted) this.uids.set(address, uid)
      this.floating = wanted
    } catch (error) {
      this.floating = []
      log.error({ err: error, network: this.network.number() }, 'addresses of the outside of a network are not answered for; the next look tries again')
    }
  }

  /** Ends connections that addresses led to or from pods which do not have them now. What cannot be ended is for the log. */
  async endStrays(state: NetworkState): Promise<void> {
    await endStrayFlows(this.network.inside.kernel, state, this.host.external.subnets)
      .catch((error: unknown) => this.host.log.warn({ err: error, network: state.number }, 'connections of addresses of the outside that moved are still there; the next look tries again'))
  }

  private isLetThrough(floating: readonly FloatingBinding[]): boolean {
    return isDeepStrictEqual(new Set(this.host.external.heldIn(this.network.namespace)), new Set(floating.map(({ address }) => address)))
  }

  private async letThrough(floating: readonly FloatingBinding[]): Promise<void> {
    for (const { address, uid } of floating) this.uids.set(address, uid)
    this.underWay = floating
    try {
      await (floating.length === 0 ? this.host.external.detach(this.network.namespace) : this.host.external.connect(this.port(floating)))
    } finally {
      this.underWay = []
    }
  }

  private port(floating: readonly FloatingBinding[]): ExternalPort {
    return externalPortOf(this.host.hostTag, this.network.number(), this.network.namespace, floating)
  }
}

/** Routed addresses that their pods have no more: nothing of their connections says which pod they were led to. */
const lostOf = (before: readonly FloatingBinding[], now: readonly FloatingBinding[]): string[] => routedOf(before).filter(({ address, podUid }) => !now.some((one) => one.address === address && one.podUid === podUid)).map(({ address }) => address)

/** A network's link towards the outside with these addresses. */
export const externalPortOf = (hostTag: string, number: number, namespace: string, floating: readonly Pick<FloatingBinding, 'address'>[]): ExternalPort => ({ namespace, device: EXTERNAL_DEVICE, mac: networkMac(hostTag, number), addresses: floating.map(({ address }) => address) })
