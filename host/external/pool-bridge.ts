import type { Link, NetworkNamespaceKernel } from '@/host/network/kernel'
import type { Logger } from '@/platform/logger'
import { familiesOf, isBridgeRight, letForward, makeBridge, neighbour, ownAddresses } from './bridge-device'
import type { ExternalPort } from './bridge-links'
import type { KnownPools } from './known-pools'
import { bridgeMac, bridgeName, portPrefix } from './names'
import { PoolRoutes } from './pool-routes'

/** The bridge itself with the gateways of the pools, and what is for the pools' other addresses. Its caller runs one method at a time. */
export class PoolBridge {
  readonly name: string
  readonly mac: string
  /** Whether it was made. */
  isOpen = false
  /** Whether this host keeps what is for its pools, also while it answers for none of their addresses. */
  keepsPools = false
  /** Addresses that this process gave the bridge; an operator's own addresses there are not ours to remove. */
  private gateways: ReadonlySet<string> = new Set()
  private readonly routes: PoolRoutes

  constructor(private readonly options: { hostTag: string; kernel: NetworkNamespaceKernel; log: Logger }, private readonly pools: KnownPools) {
    const { hostTag, kernel } = options
    this.name = bridgeName(hostTag)
    this.mac = bridgeMac(hostTag)
    this.routes = new PoolRoutes(kernel, hostTag)
  }

  isRight(links: readonly Link[]): boolean {
    return isBridgeRight(links, this, this.pools.all)
  }

  /** Makes the bridge right, and this namespace forward; `ports`: what it shall know again where it was another. Throws ExecError. */
  async open(ports: Iterable<ExternalPort>): Promise<void> {
    const { kernel, log } = this.options
    const wanted = ownAddresses(this, this.pools.all)
    const forgot = await makeBridge(kernel, this, this.pools.all, [...this.gateways].filter((one) => !wanted.includes(one)))
    this.gateways = new Set(wanted)
    if (forgot) await kernel.ipBatch([...ports].flatMap(({ addresses, mac }) => addresses.map((one) => neighbour(one, mac, this.name))))
    await letForward(kernel, this.name, familiesOf(wanted), log)
    this.isOpen = true
  }

  /** Removes the bridge; it stays where an operator's interface is in it, without what was made here. Throws ExecError. */
  async remove(): Promise<void> {
    const { kernel } = this.options
    this.isOpen = false
    const links = await kernel.links()
    const isThere = links.some(({ ifname }) => ifname === this.name)
    if (isThere) await kernel.ipBatchForced(this.wiresOf(links).length === 0 ? [`link delete ${this.name}`] : ownAddresses(this, this.pools.all).map((one) => `address delete ${one} dev ${this.name}`))
    this.gateways = new Set()
    if (!this.keepsPools) await this.keepPools(false)
  }

  /**
   * What is for a pool's address that nobody here answers for ends at this host from now on; `keeps` false: only as long as the bridge is open. Where an operator's interface is in the bridge another machine
   * may answer, and it is the machine's own matter. Says what it changed. Throws ExecError.
   */
  async keepPools(keeps: boolean): Promise<string[]> {
    this.keepsPools = keeps
    const isOurs = this.pools.all.length > 0 && (keeps || this.isOpen) && this.wiresOf(await this.options.kernel.links()).length === 0
    return this.routes.bringTo(isOurs ? this.pools.all.map(({ cidr }) => cidr) : [])
  }

  /** Interfaces in the bridge that an operator put there. */
  private wiresOf(links: readonly Link[]): Link[] {
    return links.filter(({ ifname, master }) => master === this.name && !ifname.startsWith(portPrefix(this.options.hostTag)))
  }
}
