import { formatCidr, isIpv4, type Cidr } from '@/domain/shared/cidr'
import type { Logger } from '@/platform/logger'
import type { NetworkNamespaceKernel, Observed, Route } from './kernel'
import { HOST_END_MAC, NAMESPACE_END_MAC, POD_MTU, UPLINK_IN_NAMESPACE, uplinkName, uplinkPrefix, uplinkTable } from './names'
import { allDone, Serial } from './serial'
import { holdTransitBlock, releaseTransitBlocks } from './transit-hold'
import { transitAddress } from './transit-pool'
import { Table } from './table/table'
import { removeUplinkTable, uplinkTables } from './uplink-rules'
import type { Fingerprint } from './watch/fingerprints'

type UplinkOptions = { hostTag: string; transitPool: string; denied: readonly string[]; kernel: NetworkNamespaceKernel; log: Logger }

/**
 * The side of outbound traffic that lies in the host's own namespace: a veth pair and one transit address a
 * network, the table that translates and guards them, and a block of transit addresses held for this host tag.
 *
 * Everything is there from the first network with outbound traffic to the last.
 */
export class Uplink {
  private readonly transits = new Map<number, string>()
  private readonly connected = new Set<number>()
  private readonly serial = new Serial()
  private block: Cidr | null = null
  private table: Table
  /** What nftables lists of the table as it was loaded last; null: not read since. */
  private listing: string | null = null
  /** The digest of what `ip` made in the host's namespace when this side was last found right. */
  private rightDigest: string | null = null

  constructor(private readonly options: UplinkOptions) {
    this.table = this.newTable()
  }

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
      // No link is there before any rules; until they know a link, they drop what comes from it, so that those of a later one may come beside it.
      if (this.table.state === null) await this.loadRules()
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
      const transit = this.transits.get(number)
      if (transit === undefined) return
      await this.options.kernel.ipBatchForced([`link delete ${uplinkName(this.options.hostTag, number)}`])
      this.transits.delete(number)
      try {
        await (this.transits.size === 0 ? this.removeAll() : this.loadRules())
      } catch (error) {
        // The next call tries again.
        this.transits.set(number, transit)
        throw error
      }
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
      this.block = await this.open()
      this.assign(this.block, kept.values(), routes)
      // Whatever is there now.
      this.table = this.newTable()
      await this.loadRules()
    })
  }

  /**
   * Looks whether others changed this side since `found`, the fingerprint of the host's namespace, was taken. The table and the held block are made
   * right; `numbers` are the networks whose link is not.
   */
  async check(found: Fingerprint, look: () => Promise<Fingerprint | undefined>): Promise<{ numbers: number[]; repairs: string[] }> {
    return this.serial.do(async () => {
      const repairs: string[] = []
      if (!this.block) return { numbers: [], repairs }
      if (!this.table.isUntouched(found.generation)) await this.checkTable(found, look, repairs)
      else this.listing ??= await this.list()
      if (found.digest === this.rightDigest) return { numbers: [], repairs }
      const { kernel, hostTag, transitPool } = this.options
      const { taken } = await holdTransitBlock(kernel, hostTag, transitPool)
      if (taken) repairs.push('the block of transit addresses held again')
      const observed = await kernel.observe()
      const numbers = [...this.transits].filter(([number, transit]) => this.connected.has(number) && !isWhole(observed, uplinkName(hostTag, number), transit)).map(([number]) => number)
      this.rightDigest = numbers.length === 0 && !taken ? found.digest : null
      return { numbers, repairs }
    })
  }

  /** Others changed rules of this namespace: theirs, or this table. */
  private async checkTable(found: Fingerprint, look: () => Promise<Fingerprint | undefined>, repairs: string[]): Promise<void> {
    if (this.listing !== null && await this.list() === this.listing) return this.table.isAt(found.generation)
    // Without a listing nobody knows whether it was changed.
    if (this.listing !== null) repairs.push('rules of the host, which others changed, loaded anew')
    this.table = this.newTable()
    await this.loadRules()
    this.listing = await this.list()
    const after = await look()
    if (after) this.table.isAt(after.generation)
  }

  /** The table as nftables lists it, without its numbers and without what packets wrote; empty where it is gone. */
  private async list(): Promise<string> {
    const listed = await this.options.kernel.listRules('table', 'inet', uplinkTable(this.options.hostTag)).catch(() => null)
    return JSON.stringify(listed, (key, value: unknown) => (key === 'handle' || key === 'metainfo' || (key === 'elem' && JSON.stringify(value).includes('"ct count"')) ? undefined : value))
  }

  /** Removes every link, the table and the held block of this host tag. */
  async close(): Promise<void> {
    await this.adopt(new Set())
  }

  /** The block; taken where there is none yet. Its rules come with the first link. */
  private async ready(): Promise<Cidr> {
    if (this.block) return this.block
    try {
      this.block = await this.open()
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
  private async open(): Promise<Cidr> {
    const { kernel, hostTag, transitPool, log } = this.options
    await this.forward()
    const { block, taken } = await holdTransitBlock(kernel, hostTag, transitPool)
    if (taken) log.info({ block: formatCidr(block) }, 'transit addresses of networks with outbound traffic')
    return block
  }

  private async forward(): Promise<void> {
    const { kernel, log } = this.options
    if (await kernel.get('net.ipv4.ip_forward') === '1') return
    await kernel.set({ 'net.ipv4.ip_forward': 1 })
    log.warn('IPv4 forwarding was off on this host; turned it on (net.ipv4.ip_forward=1), since a network has outbound traffic')
  }

  private async loadRules(): Promise<void> {
    const { hostTag, denied } = this.options
    if (!this.block) throw new Error('rules of the host without a block of transit addresses')
    const block = this.block
    const networks = [...this.transits].map(([number, transit]) => ({ number, transit }))
    const before = this.table.state
    await this.table.load(uplinkTables({ hostTag, pool: formatCidr(block), networks, denied }))
    if (this.table.state !== before) this.listing = null
  }

  private newTable(): Table {
    return new Table(this.options.kernel, 'tables')
  }

  private async removeAll(): Promise<void> {
    const { kernel, hostTag } = this.options
    this.block = null
    this.table = this.newTable()
    await kernel.loadRules(removeUplinkTable(hostTag))
    await releaseTransitBlocks(kernel, hostTag)
  }
}

/** Whether the host's end of a link is as {@link hostEnd} makes it. */
function isWhole({ links, routes, neighbours }: Observed, name: string, transit: string): boolean {
  const link = links.find(({ ifname }) => ifname === name)
  return link !== undefined && link.address === HOST_END_MAC && link.mtu === POD_MTU && link.flags.includes('UP')
    && routes.some(({ dst, dev }) => dst === transit && dev === name) && neighbours.some(({ dst, dev, lladdr }) => dst === transit && dev === name && lladdr === NAMESPACE_END_MAC)
}

function hostEnd(link: string, transit: string): string[] {
  return [
    `link set dev ${link} address ${HOST_END_MAC} mtu ${POD_MTU} addrgenmode none up`,
    `neigh replace ${transit} lladdr ${NAMESPACE_END_MAC} nud permanent dev ${link}`,
    `route replace ${transit}/32 dev ${link} scope link`,
  ]
}
