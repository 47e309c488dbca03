import { formatIp, parseIp } from '@/domain/shared/ip'
import { addressesOf } from './attachment'
import type { HostParts } from './host-parts'
import type { NetworkNamespaceKernel } from './kernel'
import type { NetworkState } from './network-state'
import { forgetConnections, strayAddresses } from './policies/forget-connections'
import { allDone } from './serial'
import { livingPods } from './services/stale-flows'

/** Addresses of a network's pods that are gone, whose connections may be there yet, in its namespace and in peers'. */
export class ForgottenAddresses {
  private readonly left = new Set<string>()

  constructor(private readonly network: { kernel: NetworkNamespaceKernel; number: () => number }, private readonly host: Pick<HostParts, 'peers' | 'log'>) {}

  get isEmpty(): boolean {
    return this.left.size === 0
  }

  has(address: string): boolean {
    return this.left.has(address)
  }

  add(addresses: readonly string[]): void {
    for (const address of addresses) this.left.add(address)
  }

  /** Forgets their connections; `isHere`: the namespace stays. Throws ExecError. */
  async forget(isHere: boolean): Promise<void> {
    const addresses = [...this.left]
    if (addresses.length === 0) return
    await allDone([isHere ? forgetConnections(this.network.kernel, addresses) : null, this.host.peers.forget(this.network.number(), addresses)])
    for (const address of addresses) this.left.delete(address)
  }

  /** As {@link forget}; what cannot be forgotten is for the log and the next look. */
  async tryToForget(isHere: boolean): Promise<void> {
    await this.forget(isHere).catch((error: unknown) => this.warn(error))
  }

  /** As {@link tryToForget}, also of pods that went while nobody looked. `anew`: pods whose device was made now: what is there of their addresses is of who had them before. */
  async forgetStray(state: NetworkState, anew: ReadonlySet<string>): Promise<void> {
    const pods = livingPods(state).filter(({ uid }) => !anew.has(uid)).flatMap(({ addresses }) => addresses)
    const ports = state.ports.filter(({ uid }) => !anew.has(uid)).flatMap(addressesOf)
    const held = new Set([...state.subnets.map(({ gateway }) => gateway), ...ports, ...pods].map((address) => formatIp(parseIp(address))))
    try {
      this.add(await strayAddresses(this.network.kernel, state.subnets.map(({ cidr }) => cidr), (one) => held.has(one)))
      await this.forget(state.ports.length > 0)
    } catch (error) {
      this.warn(error)
    }
  }

  private warn(error: unknown): void {
    this.host.log.warn({ err: error, network: this.network.number() }, 'connections of pods that are gone are still there; the next look tries again')
  }
}
