import { createHash } from 'node:crypto'
import { formatCidr, parseCidr, subnetOf, parseIpv4, isIpv4, isCidr, type Cidr } from '@/domain/shared/cidr'
import type { Logger } from '@/platform/logger'
import type { Link, NetworkNamespaceKernel, Route } from './kernel'
import { HOST_END_MAC, NAMESPACE_END_MAC, POD_MTU, UPLINK_IN_NAMESPACE, uplinkName, uplinkPrefix } from './names'
import { allDone, Serial } from './serial'
import { freeTransitBlock, transitAddress, transitBlocks } from './transit-pool'
import { removeUplinkTable, uplinkRules } from './uplink-rules'

type UplinkOptions = { hostTag: string; transitPool: string; denied: readonly string[]; kernel: NetworkNamespaceKernel; log: Logger }

/**
 * The side of outbound traffic that lies in the host's own namespace: a veth pair and one transit address a
 * network, the table that translates and guards them, and a block of transit addresses held for this host tag.
 *
 * The block is held by an `unreachable` route over it, whose metric comes from the host tag: other
 * installations see it and step aside, ours finds it again after a restart, and a transit address that no
 * network has leads nowhere. Everything is there from the first network with outbound traffic to the last.
 */
export class Uplink {
  private readonly transits = new Map<number, string>()
  private readonly connected = new Set<number>()
  private readonly serial = new Serial()
  private block: Cidr | null = null

  constructor(private readonly options: UplinkOptions) {}

  /** The transit address of a network that has outbound traffic now, else null. */
  transit(number: number): string | null {
    return this.transits.get(number) ?? null
  }

  /** Whether a network's link is there, as far as this process knows. */
  isConnected(number: number): boolean {
    return this.connected.has(number)
  }

  /** Gives a network its transit address, without touching its link yet. Several calls give one address. */
  reserve(number: number): Promise<string> {
    return this.serial.do(async () => {
      const block = await this.ready()
      const has = this.transits.get(number) ?? null
      if (has !== null) return has
      const address = transitAddress(block, number, null, new Set(this.transits.values()))
      this.transits.set(number, address)
      return address
    })
  }

  /** Links a network's namespace, which exists, with this one. Repairs what is there. */
  async connect(number: number, namespace: string): Promise<void> {
    const transit = await this.reserve(number)
    const link = uplinkName(this.options.hostTag, number)
    await this.serial.do(async () => {
      // In parallel: until the rules know the link, they drop what comes from it.
      await allDone([this.loadRules(), this.options.kernel.ipBatch([
        `link add name ${link} address ${HOST_END_MAC} mtu ${POD_MTU} type veth peer name ${UPLINK_IN_NAMESPACE} address ${NAMESPACE_END_MAC} mtu ${POD_MTU} netns ${namespace}`,
        ...hostEnd(link, transit),
      ])])
      this.connected.add(number)
    })
  }

  /** Sets a link that exists to what it should be. */
  async repair(number: number): Promise<void> {
    const transit = await this.reserve(number)
    await this.serial.do(() => this.options.kernel.ipBatch(hostEnd(uplinkName(this.options.hostTag, number), transit)))
  }

  /** Removes a network's link and rule; with the last one, all that this class made. Does nothing for an unknown network. */
  async disconnect(number: number): Promise<void> {
    await this.serial.do(async () => {
      this.connected.delete(number)
      if (!this.transits.delete(number)) return
      await this.options.kernel.ipBatchForced([`link delete ${uplinkName(this.options.hostTag, number)}`])
      await (this.transits.size === 0 ? this.removeAll() : this.loadRules())
    })
  }

  /**
   * Finds what an earlier process left or another program changed: gives these networks the transit addresses
   * that they had, removes links of networks that are neither among them nor known, and loads the rules anew.
   */
  async adopt(numbers: ReadonlySet<number>): Promise<void> {
    await this.serial.do(async () => {
      const { hostTag, kernel, log } = this.options
      const [links, routes] = await Promise.all([kernel.links(), kernel.routes()])
      const names = links.map((one) => one.ifname).filter((name) => name.startsWith(uplinkPrefix(hostTag)))
      const kept = new Map([...numbers, ...this.transits.keys()].map((number) => [uplinkName(hostTag, number), number]))
      const surplus = names.filter((name) => !kept.has(name))
      if (surplus.length > 0) log.warn({ links: surplus }, 'removing links that belong to no network')
      await kernel.ipBatchForced(surplus.map((name) => `link delete ${name}`))
      this.connected.clear()
      for (const name of names) {
        const number = kept.get(name)
        if (number !== undefined) this.connected.add(number)
      }
      if (kept.size === 0) return this.removeAll()
      this.block = await this.open(links, routes)
      this.assign(this.block, kept.values(), routes)
      await this.loadRules()
    })
  }

  /** Removes every link, the table and the held block of this host tag. */
  async close(): Promise<void> {
    await this.adopt(new Set())
  }

  /** The block; where there is none yet, opened with rules that let nothing through. */
  private async ready(): Promise<Cidr> {
    if (this.block) return this.block
    try {
      this.block = await this.open()
      await this.loadRules()
      return this.block
    } catch (error) {
      await this.removeAll().catch((undo: unknown) => this.options.log.error({ err: undo }, 'an undo failed; the next reconciliation completes it'))
      throw error
    }
  }

  private assign(block: Cidr, numbers: Iterable<number>, routes: readonly Route[]): void {
    const known = new Map(this.transits)
    const taken = new Set<string>()
    this.transits.clear()
    for (const number of numbers) {
      const name = uplinkName(this.options.hostTag, number)
      const has = known.get(number) ?? routes.find((one) => one.dev === name && isIpv4(one.dst))?.dst ?? null
      const address = transitAddress(block, number, has, taken)
      this.transits.set(number, address)
      taken.add(address)
    }
  }

  /** Holds a block of transit addresses and makes this namespace forward. */
  private async open(links?: readonly Link[], routes?: readonly Route[]): Promise<Cidr> {
    const { kernel, hostTag, log } = this.options
    await this.forward()
    const seen = { links: links ?? await kernel.links(), routes: routes ?? await kernel.routes() }
    const metric = metricOf(hostTag)
    const blocks = transitBlocks(this.options.transitPool, hostTag)
    for (let attempt = 0; attempt < blocks.length; attempt++) {
      const held = seen.routes.find((one) => one.type === 'unreachable' && one.metric === metric && blocks.some((block) => formatCidr(block) === one.dst))
      const block = held ? parseCidr(held.dst) : freeTransitBlock(blocks, inUse(seen, hostTag, metric))
      if (!held) await kernel.ipBatch([`route add unreachable ${formatCidr(block)} metric ${metric}`])
      if (held) return block
      // Two installations may have taken one block at once. Who comes second sees both routes and goes on.
      seen.routes = await kernel.routes()
      const rival = seen.routes.some((one) => one.dst === formatCidr(block) && one.type === 'unreachable' && one.metric !== metric)
      if (!rival) {
        log.info({ block: formatCidr(block) }, 'transit addresses of networks with outbound traffic')
        return block
      }
      await kernel.ipBatchForced([`route delete unreachable ${formatCidr(block)} metric ${metric}`])
      seen.routes = seen.routes.filter((one) => one.metric !== metric)
    }
    throw new Error(`no transit addresses: every block of ${this.options.transitPool} is in use on this host`)
  }

  private async forward(): Promise<void> {
    const { kernel, log } = this.options
    if (await kernel.get('net.ipv4.ip_forward') === '1') return
    await kernel.set({ 'net.ipv4.ip_forward': 1 })
    log.warn('IPv4 forwarding was off on this host; turned it on (net.ipv4.ip_forward=1), since a network has outbound traffic')
  }

  private async loadRules(): Promise<void> {
    const { hostTag, denied, kernel } = this.options
    if (!this.block) throw new Error('rules of the host without a block of transit addresses')
    const block = this.block
    const networks = [...this.transits].map(([number, transit]) => ({ number, transit }))
    await kernel.loadRules(uplinkRules({ hostTag, pool: formatCidr(block), networks, denied }))
  }

  private async removeAll(): Promise<void> {
    const { kernel, hostTag } = this.options
    this.block = null
    const metric = metricOf(hostTag)
    const ours = (await kernel.routes()).filter((one) => one.type === 'unreachable' && one.metric === metric)
    await kernel.loadRules(removeUplinkTable(hostTag))
    await kernel.ipBatchForced(ours.map((one) => `route delete unreachable ${one.dst} metric ${metric}`))
  }
}

function hostEnd(link: string, transit: string): string[] {
  return [
    `link set dev ${link} address ${HOST_END_MAC} mtu ${POD_MTU} addrgenmode none up`,
    `neigh replace ${transit} lladdr ${NAMESPACE_END_MAC} nud permanent dev ${link}`,
    `route replace ${transit}/32 dev ${link} scope link`,
  ]
}

/** A route metric that tells installations apart: 30 bits of the host tag's hash, above what other programs use. */
function metricOf(hostTag: string): number {
  return 2 ** 30 + (createHash('sha256').update(`metric ${hostTag}`).digest().readUInt32BE(0) >>> 2)
}

/** Subnets that this host has or routes, without our own and without the default route. */
function inUse({ links, routes }: { links: readonly Link[]; routes: readonly Route[] }, hostTag: string, metric: number): Cidr[] {
  const addresses = links.flatMap((one) => one.addr_info)
    .filter((one) => one.family === 'inet' && one.local !== undefined)
    .map((one) => subnetOf(parseIpv4(one.local ?? ''), one.prefixlen))
  const destinations = routes
    .filter((one) => one.metric !== metric && !one.dev?.startsWith(uplinkPrefix(hostTag)))
    .flatMap((one) => isCidr(one.dst) ? [parseCidr(one.dst)] : isIpv4(one.dst) ? [subnetOf(parseIpv4(one.dst), 32)] : [])
  return [...addresses, ...destinations].filter((one) => one.prefixLength > 0)
}
