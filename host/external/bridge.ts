import { isDeepStrictEqual } from 'node:util'
import type { NetworkNamespaceKernel, Run } from '@/host/network/kernel'
import { Serial } from '@/host/network/serial'
import type { Fingerprint } from '@/host/network/watch/fingerprints'
import type { Logger } from '@/platform/logger'
import { announce } from './announce'
import { forgetNeighbour, type Pool } from './bridge-device'
import { makeLink, settleInside, type ExternalPort } from './bridge-links'
import { BridgeTables } from './bridge-tables'
import { KnownPools } from './known-pools'
import { KnownPorts } from './known-ports'
import { LeftAddresses } from './left-addresses'
import { LinkRepair } from './link-repair'
import { bridgeName, portName } from './names'
import { PoolBridge } from './pool-bridge'

export type ExternalBridgeOptions = { hostTag: string; kernel: NetworkNamespaceKernel; denied: readonly string[]; run: Run; log: Logger }

/**
 * The bridge of the outside on this host (`hypx-TAG`, in the agent's namespace): where addresses of the outside are answered for. It is there from the first link into it to
 * the last; one that an operator made or put an interface into stays. Each namespace that has such addresses has one link into it. Nothing is learned
 * from these links: whose MAC and which addresses are behind each is told to the kernel, and its packet filter holds them to it.
 */
export class ExternalBridge {
  private readonly pools: KnownPools
  private readonly ports: KnownPorts
  private readonly serial = new Serial()
  private readonly tables: BridgeTables
  private readonly left: LeftAddresses
  private readonly device: PoolBridge
  private letGo: (addresses: readonly string[]) => void = () => {}
  /** The digest of the namespace when all was found right; null: not read since. */
  private rightDigest: string | null = null
  /** What an earlier process left was to be removed, and was not. */
  private mustReconcile = false
  private readonly repair: LinkRepair

  constructor(private readonly options: ExternalBridgeOptions) {
    const { kernel, hostTag, denied, log } = options
    this.pools = new KnownPools(kernel, bridgeName(hostTag), log)
    this.device = new PoolBridge(options, this.pools)
    this.tables = new BridgeTables(kernel, { hostTag, denied, log })
    this.left = new LeftAddresses(kernel)
    this.ports = new KnownPorts(hostTag, this.pools, this.left)
    this.repair = new LinkRepair(options, this.device, this.ports, this.pools, () => this.openBridge())
  }

  /** The bridge's MAC address. */
  get mac(): string {
    return this.device.mac
  }

  /** These are all pools. In force at once where the bridge is there; one that is in use elsewhere on this host is left out ({@link problemOf}). Throws ExecError. */
  async setPools(pools: readonly Pool[]): Promise<void> {
    await this.serial.do(async () => {
      const before = this.pools.all
      await this.pools.set(pools)
      const isOther = !isDeepStrictEqual(before, this.pools.all)
      if (this.device.isOpen && isOther) await this.openBridge()
      if (isOther || !this.device.keepsPools) await this.keepPools(true)
    })
  }

  /** The agent ends, and all that it answered for: what is for the pools is the machine's own matter again, once the last link is gone. Throws ExecError. */
  async leavePools(): Promise<void> {
    await this.serial.do(() => this.keepPools(false))
  }

  private async keepPools(keeps: boolean): Promise<string[]> {
    this.rightDigest = null
    return this.device.keepPools(keeps)
  }

  /** Is called with addresses that a namespace had and that another may have now. */
  onLetGo(listener: (addresses: readonly string[]) => void): void {
    this.letGo = listener
  }

  /** The namespace that an address is answered for in, or was and is not free of yet. */
  holderOf(address: string): string | undefined {
    return this.ports.holderOf(address)
  }

  /** The addresses that a namespace keeps from others: it has them, or had them and they are not free yet. */
  heldIn(namespace: string): string[] {
    return [...this.portOf(namespace)?.addresses ?? [], ...this.left.of(namespace)]
  }

  /** Why an address cannot be answered for on this host, or null. */
  problemOf(address: string): string | null {
    return this.pools.problemOf(address)
  }

  /** The subnets of all pools. */
  get subnets(): readonly string[] {
    return this.pools.all.map(({ cidr }) => cidr)
  }

  /** Whether the kernel lets through what is known here and nothing else, as far as the last {@link reconcile} could bring it there. */
  get isAsKnown(): boolean {
    return !this.mustReconcile
  }

  /** Whether a namespace has a link into the bridge, as far as this process knows. */
  portOf(namespace: string): ExternalPort | undefined {
    return this.ports.of(namespace)
  }

  /** All links, by their names on the bridge, as far as this process knows. */
  get links(): readonly { name: string; addresses: readonly string[] }[] {
    return this.ports.forRules()
  }

  /**
   * Gives a namespace, which exists, its link into the bridge, with these addresses alone, and its default route there; tells the wire of addresses that are new.
   * Repeating it repairs what is there. Throws an Error for an address of no pool or of another namespace, ExecError from the kernel; then the link is as before.
   */
  async attach(port: ExternalPort): Promise<void> {
    const known = this.portOf(port.namespace)
    await this.connect(port)
    await settleInside(port, this.mac, this.options.run)
    await this.announce(port, port.addresses.filter((one) => !known?.addresses.includes(one)))
  }

  /**
   * The bridge's side of {@link attach} alone: makes the link where it is not there, and lets these addresses through. What is inside of the namespace is its caller's.
   */
  async connect(port: ExternalPort): Promise<void> {
    await this.serial.do(async () => {
      const name = portName(this.options.hostTag, port.namespace)
      this.ports.check(port)
      const before = this.ports.of(port.namespace)
      this.ports.set(name, port)
      try {
        if (!this.device.isOpen) await this.openBridge()
        await this.tables.load(this.ports.forRules())
        await this.makeLink(name, port, before?.addresses ?? [])
        this.left.takeBack(port.addresses)
        this.left.add(port.namespace, before?.addresses.filter((one) => !port.addresses.includes(one)) ?? [])
      } catch (error) {
        this.ports.set(name, before)
        await this.settleFailure(name, before)
        throw error
      }
    })
    await this.endLeft(port.namespace)
  }

  /** What a namespace lost is others' to have once no connection of it is left. Throws ExecError; then it is not. */
  private async endLeft(namespace?: string): Promise<void> {
    const free = await this.left.end(namespace)
    if (free.length > 0) this.letGo(free)
  }

  /** Says on the wire that addresses are behind a link now. What cannot be said is for the log: neighbours find out by themselves. */
  async announce({ namespace, device, mac }: ExternalPort, addresses: readonly string[]): Promise<void> {
    await announce(this.options.run, namespace, device, mac, addresses).catch((error: unknown) => this.options.log.warn({ err: error, addresses }, 'that addresses of the outside are here now was not told to the wire; neighbours find out when what they know runs out'))
  }

  /** Takes a namespace's link away, and with the last one the bridge. Does nothing where there is none. */
  async detach(namespace: string): Promise<void> {
    const name = portName(this.options.hostTag, namespace)
    await this.serial.do(async () => {
      const port = this.ports.of(namespace)
      if (!port) return
      this.rightDigest = null
      await this.options.kernel.ipBatchForced([`link delete ${name}`, ...port.addresses.map((one) => forgetNeighbour(one, this.device.name))])
      this.ports.set(name, undefined)
      try {
        await (this.ports.isEmpty ? this.removeAll() : this.tables.load(this.ports.forRules()))
      } catch (error) {
        // The next call tries again.
        this.ports.set(name, port)
        throw error
      }
      this.left.add(namespace, port.addresses)
    })
    await this.endLeft(namespace)
  }

  /**
   * These links were there before this process, and stay: to be told before {@link reconcile}, which removes all others. Changes nothing in the kernel.
   * Those that contradict the pools are left out.
   */
  adopt(kept: readonly ExternalPort[]): void {
    for (const port of kept) {
      const name = portName(this.options.hostTag, port.namespace)
      try {
        this.ports.check(port)
        this.ports.set(name, port)
      } catch (error) {
        this.options.log.error({ err: error, namespace: port.namespace }, 'addresses of the outside that were kept are not taken up')
      }
    }
  }

  /** Brings the kernel to the links that are known, whatever is there: for the start, and after foreign changes. Says what it changed. A link whose namespace is not there waits for its {@link connect}. */
  async reconcile(): Promise<string[]> {
    this.mustReconcile = true
    const repairs = await this.serial.do(() => this.repairAll())
    await this.left.find(this.subnets, (address) => this.holderOf(address) !== undefined)
    this.mustReconcile = false
    await this.endLeft()
    return repairs
  }

  /** Looks whether others changed the bridge since `found`, the fingerprint of the agent's namespace, was taken, and makes it right; after a {@link reconcile} that failed, by another one. Says what it changed. */
  async mend(found: Fingerprint, look: () => Promise<Fingerprint | undefined>): Promise<string[]> {
    if (this.mustReconcile) return this.reconcile()
    const repairs = await this.serial.do(async () => {
      if (!this.device.isOpen) return this.mendRoutes(found, look)
      const isUntouched = await this.tables.isUntouched(found)
      if (isUntouched && found.digest === this.rightDigest) return []
      const { repairs, loaded } = isUntouched ? { repairs: [], loaded: false } : await this.tables.check(found, this.ports.forRules())
      if (found.digest !== this.rightDigest && await this.pools.judge()) await this.openBridge()
      if (found.digest !== this.rightDigest) repairs.push(...await this.repairLinks(), ...await this.keepPools(this.device.keepsPools))
      const after = await look()
      if (after && loaded) this.tables.isAt(after.generation)
      this.rightDigest = this.repair.isComplete ? after?.digest ?? null : null
      return repairs
    })
    await this.endLeft()
    return repairs
  }

  private async mendRoutes(found: Fingerprint, look: () => Promise<Fingerprint | undefined>): Promise<string[]> {
    if (!this.device.keepsPools || found.digest === this.rightDigest) return []
    await this.pools.judge()
    const repairs = await this.keepPools(true)
    this.rightDigest = (await look())?.digest ?? null
    return repairs
  }

  /** Removes every link, the bridge unless an operator's interface is in it, and the tables. */
  async close(): Promise<void> {
    await this.serial.do(async () => {
      this.ports.clear()
      await this.repairAll()
      await this.keepPools(false)
    })
  }

  private async repairAll(): Promise<string[]> {
    const there = (await this.options.kernel.links()).map(({ ifname }) => ifname)
    const repairs = await this.repair.removeSurplus(there)
    this.tables.forget()
    if (this.ports.isEmpty) {
      if (repairs.length > 0 || there.includes(this.device.name) || this.device.isOpen) await this.removeAll()
      return repairs
    }
    await this.openBridge()
    await this.tables.load(this.ports.forRules())
    return [...repairs, ...await this.repairLinks()]
  }

  private repairLinks(): Promise<string[]> {
    this.rightDigest = null
    return this.repair.bringRight()
  }

  /** Throws ExecError. */
  private async openBridge(): Promise<void> {
    this.rightDigest = null
    await this.device.open(this.ports.byName.values())
  }

  private async makeLink(name: string, port: ExternalPort, before: readonly string[]): Promise<void> {
    this.rightDigest = null
    await makeLink(this.options.kernel, this.device.name, name, port, before)
  }

  /** After a failure the rules are those of before; a link that was new is gone. */
  private async settleFailure(name: string, before: ExternalPort | undefined): Promise<void> {
    const { kernel, log } = this.options
    try {
      if (!before) await kernel.ipBatchForced([`link delete ${name}`])
      await (this.ports.isEmpty ? this.removeAll() : this.tables.load(this.ports.forRules()))
    } catch (error) {
      log.error({ err: error }, 'an undo failed; the next look completes it')
    }
  }

  private async removeAll(): Promise<void> {
    this.rightDigest = null
    await this.device.remove()
    await this.tables.remove()
  }
}
