import { z } from 'zod'
import { inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import type { Logger } from '@/platform/logger'
import { NetworkNamespaceKernel, type Run } from '../kernel'
import { namespaceName } from '../names'
import type { NetworkState } from '../network-state'
import { forgetConnections } from '../policies/forget-connections'
import { allDone, Serial } from '../serial'
import { endCommands, PEER_LINK_PREFIX, peerLinkName, peerLinkMac } from './peer-link'
import { peerSubnets, type PeerSubnets } from './peer-subnets'

export type PeeredNetwork = Pick<NetworkState, 'number' | 'subnets' | 'routes' | 'serviceCidrs' | 'peers' | 'mtu'>
type Known = { mtu: number; peers: readonly PeerSubnets[] }
/** One link: of the network with the smaller number to the other. */
type Pair = { low: number; high: number }

const routes = z.array(z.object({ dst: z.string(), dev: z.string().optional() }))

/**
 * The links between peered networks of this host: a veth pair between their namespaces, where both are here and each names the other. What is refused
 * on them is the business of each side's packet filter (peer-section.ts). A link that cannot be made now costs nobody a start:
 * it is told to the log, and made by the next {@link reconcile}.
 */
export class PeerLinks {
  private readonly networks = new Map<number, Known>()
  /** What each link was made for, by its pair. */
  private readonly made = new Map<string, string>()
  private readonly serial = new Serial()

  constructor(private readonly parts: { hostTag: string; run: Run; log: Logger }) {}

  /** A network whose namespace is here has these peers, from now on. */
  async apply(network: PeeredNetwork): Promise<void> {
    const { number, mtu } = network
    const before = this.networks.get(number)?.peers ?? []
    const peers = peerSubnets(network)
    this.networks.set(number, { mtu, peers })
    if (peers.length + before.length > 0) await this.serial.do(() => this.settle(pairsOf(number, [...before, ...peers])))
  }

  /** A network's namespace goes, its links before it. Call it before the namespace is removed. */
  async remove(number: number): Promise<void> {
    const { peers } = this.networks.get(number) ?? { peers: [] }
    this.networks.delete(number)
    if (peers.length > 0) await this.serial.do(() => this.settle(pairsOf(number, peers)))
  }

  /** Makes the namespaces of a network's peers forget the connections of addresses of it that no pod has any more. Throws ExecError. */
  async forget(number: number, addresses: readonly string[]): Promise<void> {
    const linked = [...this.networks].filter(([other]) => other !== number && this.made.has(keyOf(pairOf(number, other))))
    await allDone(linked.map(([other]) => {
      const subnets = (this.peerOf(other, number)?.subnets ?? []).map(parseSubnet)
      return forgetConnections(this.kernel(other), addresses.filter((address) => subnets.some((subnet) => inSubnet(subnet, parseIp(address)))))
    }))
  }

  /**
   * Brings the kernel to what it should have, once all networks were applied: makes what is missing, removes links and routes of nobody. Says what it changed.
   * Of networks that have no peers it looks at those of `suspects` alone.
   */
  async reconcile(suspects: ReadonlySet<number> | 'all'): Promise<string[]> {
    return this.serial.do(async () => {
      const repairs: string[] = []
      const present = new Map<number, ReadonlySet<string>>()
      const looked = [...this.networks].filter(([number, { peers }]) => peers.length > 0 || suspects === 'all' || suspects.has(number))
      for (const [number] of looked) present.set(number, await this.tidy(number, repairs).catch(() => new Set<string>()))
      const pairs = new Map([...this.networks].flatMap(([number, { peers }]) => pairsOf(number, peers)).map((pair) => [keyOf(pair), pair]))
      for (const [key, pair] of pairs) {
        const there = present.get(pair.low)?.has(peerLinkName(pair.high)) && present.get(pair.high)?.has(peerLinkName(pair.low))
        if (there || !this.wants(pair)) continue
        if (this.made.delete(key)) repairs.push(`link between networks ${pair.low} and ${pair.high} made`)
      }
      await this.settle([...pairs.values()])
      return repairs
    })
  }

  private peerOf(number: number, peer: number): PeerSubnets | undefined {
    return this.networks.get(number)?.peers.find((one) => one.number === peer)
  }

  private wants({ low, high }: Pair): boolean {
    return this.peerOf(low, high) !== undefined && this.peerOf(high, low) !== undefined
  }

  private async settle(pairs: readonly Pair[]): Promise<void> {
    for (const pair of pairs) {
      const key = keyOf(pair)
      const wanted = this.wants(pair) ? JSON.stringify([this.peerOf(pair.low, pair.high), this.peerOf(pair.high, pair.low), this.mtuOf(pair)]) : undefined
      if (this.made.get(key) === wanted) continue
      try {
        if (this.made.has(key) || wanted === undefined) await this.unmake(pair)
        this.made.delete(key)
        if (wanted === undefined) continue
        await this.make(pair)
        this.made.set(key, wanted)
      } catch (error) {
        this.parts.log.error({ err: error, networks: [pair.low, pair.high] }, 'the link between two peered networks was not made; the next reconciliation tries again')
      }
    }
  }

  private mtuOf({ low, high }: Pair): number {
    return Math.min(...[low, high].flatMap((number) => this.networks.get(number)?.mtu ?? []))
  }

  /** Makes a link, or takes over the one that an earlier process made. */
  private async make(pair: Pair): Promise<void> {
    const { low, high } = pair
    const mtu = this.mtuOf(pair)
    const [name, far] = [peerLinkName(high), peerLinkName(low)]
    const has = async (number: number, link: string) => (await this.kernel(number).links()).some(({ ifname, linkinfo }) => ifname === link && linkinfo?.info_kind === 'veth')
    const [here, there] = await Promise.all([has(low, name), has(high, far)])
    if (!here || !there) {
      await this.unmake(pair)
      await this.kernel(low).ipBatch([`link add name ${name} address ${peerLinkMac(low)} type veth peer name ${far} address ${peerLinkMac(high)} netns ${this.namespace(high)}`])
    }
    for (const [number, peer] of [[low, high], [high, low]] as const) {
      const subnets = this.peerOf(number, peer)
      if (!subnets) continue
      await this.kernel(number).ipBatch(endCommands(number, subnets, mtu))
    }
  }

  /** With either end the other goes. */
  private async unmake({ low, high }: Pair): Promise<void> {
    await this.kernel(low).ipBatchForced([`link delete ${peerLinkName(high)}`])
    await this.kernel(high).ipBatchForced([`link delete ${peerLinkName(low)}`])
  }

  /** Removes links and routes to peers that a network should not have, puts back routes that are gone, and says which links are up. */
  private async tidy(number: number, repairs: string[]): Promise<Set<string>> {
    const kernel = this.kernel(number)
    const namespace = this.namespace(number)
    const links = (await kernel.links()).filter(({ ifname }) => ifname.startsWith(PEER_LINK_PREFIX))
    const present = links.filter(({ flags }) => flags.includes('UP')).map(({ ifname }) => ifname)
    const wanted = new Map((this.networks.get(number)?.peers ?? []).filter(({ number: peer }) => this.wants(pairOf(number, peer))).map((peer) => [peerLinkName(peer.number), peer]))
    const surplus = links.map(({ ifname }) => ifname).filter((link) => !wanted.has(link))
    await kernel.ipBatchForced(surplus.map((link) => `link delete ${link}`))
    repairs.push(...surplus.map((link) => `${namespace}: link delete ${link}`))
    if (wanted.size === 0) return new Set()
    const has = (await Promise.all(['-4', '-6'].map((family) => kernel.command('ip', ['-json', family, 'route', 'show'])))).flatMap((text) => routes.parse(JSON.parse(text || '[]'))).filter(({ dev }) => dev !== undefined && wanted.has(dev))
    const strange = has.filter(({ dst, dev }) => !wanted.get(dev ?? '')?.subnets.includes(dst))
    await kernel.ipBatchForced(strange.map(({ dst, dev }) => `route delete ${dst} dev ${dev}`))
    repairs.push(...strange.map(({ dst, dev }) => `${namespace}: route delete ${dst} dev ${dev}`))
    const missing = [...wanted].filter(([link]) => present.includes(link)).flatMap(([link, { subnets }]) => subnets.filter((subnet) => !has.some(({ dst, dev }) => dst === subnet && dev === link)).map((subnet) => ({ link, subnet })))
    repairs.push(...missing.map(({ link, subnet }) => `${namespace}: route ${subnet} dev ${link} added`))
    for (const [link, peer] of wanted) if (present.includes(link)) await kernel.ipBatch(endCommands(number, peer, this.mtuOf(pairOf(number, peer.number))))
    return new Set(present)
  }

  private namespace(number: number): string {
    return namespaceName(this.parts.hostTag, number)
  }

  private kernel(number: number): NetworkNamespaceKernel {
    return new NetworkNamespaceKernel(this.namespace(number), this.parts.run)
  }
}

const pairOf = (a: number, b: number): Pair => ({ low: Math.min(a, b), high: Math.max(a, b) })
const pairsOf = (number: number, peers: readonly PeerSubnets[]): Pair[] => peers.map((peer) => pairOf(number, peer.number))
const keyOf = ({ low, high }: Pair): string => `${low} ${high}`
