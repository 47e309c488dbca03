import { isDeepStrictEqual } from 'node:util'
import type { NetworkNamespaceKernel, Run } from '@/host/network/kernel'
import { Serial } from '@/host/network/serial'
import type { Fingerprint } from '@/host/network/watch/fingerprints'
import type { Logger } from '@/platform/logger'
import { announce } from './announce'
import { familiesOf, forgetNeighbour, gatewayOf, isBridgeRight, letForward, makeBridge, neighbour, type Pool } from './bridge-device'
import { makeLink, rightLinks, settleInside, type ExternalPort } from './bridge-links'
import type { BridgePort } from './bridge-rules'
import { BridgeTables } from './bridge-tables'
import { KnownPools } from './known-pools'
import { bridgeMac, bridgeName, portName, portPrefix } from './names'

export type ExternalBridgeOptions = { hostTag: string; kernel: NetworkNamespaceKernel; denied: readonly string[]; run: Run; log: Logger }

/**
 * The bridge of the outside on this host (`hypx-TAG`, in the agent's namespace): where addresses of the outside are answered for. It is there from the first link into it to
 * the last; one that an operator made or put an interface into stays. Each namespace that has such addresses has one link into it. Nothing is learned
 * from these links: whose MAC and which addresses are behind each is told to the kernel, and its packet filter holds them to it.
 */
export class ExternalBridge {
  private readonly pools: KnownPools
  private readonly ports = new Map<string, ExternalPort>()
  private readonly serial = new Serial()
  private readonly tables: BridgeTables
  private isOpen = false
  /** Gateways that this process gave the bridge; an operator's own addresses there are not ours to remove. */
  private gateways: ReadonlySet<string> = new Set()
  /** The digest of the namespace when all was found right; null: not read since. */
  private rightDigest: string | null = null
  /** Whether every link was made by the last look. */
  private isComplete = true

  constructor(private readonly options: ExternalBridgeOptions) {
    const { kernel, hostTag, denied, log } = options
    this.pools = new KnownPools(kernel, bridgeName(hostTag), log)
    this.tables = new BridgeTables(kernel, { hostTag, denied })
  }

  /** The bridge's MAC address. */
  get mac(): string {
    return bridgeMac(this.options.hostTag)
  }

  get name(): string {
    return bridgeName(this.options.hostTag)
  }

  /** These are all pools. In force at once where the bridge is there; one that is in use elsewhere on this host is left out ({@link problemOf}). Throws ExecError. */
  async setPools(pools: readonly Pool[]): Promise<void> {
    await this.serial.do(async () => {
      const before = this.pools.all
      await this.pools.set(pools)
      if (this.isOpen && !isDeepStrictEqual(before, this.pools.all)) await this.openBridge()
    })
  }

  /** Why an address cannot be answered for on this host, or null. */
  problemOf(address: string): string | null {
    return this.pools.problemOf(address)
  }

  /** The subnets of all pools. */
  get subnets(): readonly string[] {
    return this.pools.all.map(({ cidr }) => cidr)
  }

  /** Whether a namespace has a link into the bridge, as far as this process knows. */
  portOf(namespace: string): ExternalPort | undefined {
    return this.ports.get(portName(this.options.hostTag, namespace))
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
      this.check(name, port)
      const before = this.ports.get(name)
      this.ports.set(name, port)
      try {
        if (!this.isOpen) await this.openBridge()
        await this.tables.load(this.bridgePorts())
        await this.makeLink(name, port, before?.addresses ?? [])
      } catch (error) {
        if (before) this.ports.set(name, before)
        else this.ports.delete(name)
        await this.settleFailure(name, before)
        throw error
      }
    })
  }

  /** Says on the wire that addresses are behind a link now. What cannot be said is for the log: neighbours find out by themselves. */
  async announce({ namespace, device, mac }: ExternalPort, addresses: readonly string[]): Promise<void> {
    await announce(this.options.run, namespace, device, mac, addresses).catch((error: unknown) => this.options.log.warn({ err: error, addresses }, 'that addresses of the outside are here now was not told to the wire; neighbours find out when what they know runs out'))
  }

  /** Takes a namespace's link away, and with the last one the bridge. Does nothing where there is none. */
  async detach(namespace: string): Promise<void> {
    const name = portName(this.options.hostTag, namespace)
    await this.serial.do(async () => {
      const port = this.ports.get(name)
      if (!port) return
      this.rightDigest = null
      await this.options.kernel.ipBatchForced([`link delete ${name}`, ...port.addresses.map((one) => forgetNeighbour(one, this.name))])
      this.ports.delete(name)
      try {
        await (this.ports.size === 0 ? this.removeAll() : this.tables.load(this.bridgePorts()))
      } catch (error) {
        // The next call tries again.
        this.ports.set(name, port)
        throw error
      }
    })
  }

  /**
   * These links were there before this process, and stay: to be told before {@link reconcile}, which removes all others. Changes nothing in the kernel.
   * Those that contradict the pools are left out.
   */
  adopt(kept: readonly ExternalPort[]): void {
    for (const port of kept) {
      const name = portName(this.options.hostTag, port.namespace)
      try {
        this.check(name, port)
        this.ports.set(name, port)
      } catch (error) {
        this.options.log.error({ err: error, namespace: port.namespace }, 'addresses of the outside that were kept are not taken up')
      }
    }
  }

  /** Brings the kernel to the links that are known, whatever is there: for the start, and after foreign changes. Says what it changed. A link whose namespace is not there waits for its {@link connect}. */
  async reconcile(): Promise<string[]> {
    return this.serial.do(() => this.repairAll())
  }

  /** Looks whether others changed the bridge since `found`, the fingerprint of the agent's namespace, was taken, and makes it right. Says what it changed. */
  async mend(found: Fingerprint, look: () => Promise<Fingerprint | undefined>): Promise<string[]> {
    return this.serial.do(async () => {
      if (!this.isOpen) return []
      const isUntouched = await this.tables.isUntouched(found)
      if (isUntouched && found.digest === this.rightDigest) return []
      const { repairs, loaded } = isUntouched ? { repairs: [], loaded: false } : await this.tables.check(found, this.bridgePorts())
      if (found.digest !== this.rightDigest) repairs.push(...await this.repairLinks())
      const after = await look()
      if (after && loaded) this.tables.isAt(after.generation)
      this.rightDigest = this.isComplete ? after?.digest ?? null : null
      return repairs
    })
  }

  /** Removes every link, the bridge unless an operator's interface is in it, and the tables. */
  async close(): Promise<void> {
    await this.serial.do(async () => {
      this.ports.clear()
      await this.repairAll()
    })
  }

  private check(name: string, { device, mac, addresses }: ExternalPort): void {
    if (!/^[a-z0-9]{1,15}$/.test(device) || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) throw new TypeError(`"${device}" with "${mac}" is no device with a MAC address`)
    for (const address of addresses) {
      const pool = this.pools.poolOf(address)
      if (!pool) throw new Error(this.pools.problemOf(address) ?? `${address} is of no address pool`)
      if (address === pool.gateway) throw new Error(`${address} is the gateway of the pool ${pool.name}`)
      for (const [other, port] of this.ports) if (other !== name && port.addresses.includes(address)) throw new Error(`${address} is answered for in ${port.namespace}: it has to go there first`)
      for (const [other, port] of this.ports) if (other !== name && port.mac === mac) throw new Error(`MAC address ${mac} is held in ${port.namespace}`)
    }
  }

  private async repairAll(): Promise<string[]> {
    const { kernel, hostTag } = this.options
    const there = (await kernel.links()).map(({ ifname }) => ifname)
    const surplus = there.filter((name) => name.startsWith(portPrefix(hostTag)) && !this.ports.has(name))
    await kernel.ipBatchForced(surplus.map((name) => `link delete ${name}`))
    const repairs = surplus.map((name) => `link ${name} removed`)
    this.tables.forget()
    if (this.ports.size === 0) {
      if (surplus.length > 0 || there.includes(this.name) || this.isOpen) await this.removeAll()
      return repairs
    }
    await this.openBridge()
    await this.tables.load(this.bridgePorts())
    return [...repairs, ...await this.repairLinks()]
  }

  private async repairLinks(): Promise<string[]> {
    const { kernel, hostTag, log } = this.options
    const found = await kernel.observe()
    const wasRight = isBridgeRight(found.links, this, this.pools.all)
    if (!wasRight) await this.openBridge()
    const repairs = wasRight ? [] : [`bridge ${this.name} made right`]
    const isRight = await rightLinks(kernel, this.name, found)
    this.isComplete = true
    for (const [name, port] of this.ports) {
      if (wasRight && isRight(name, port)) continue
      try {
        await this.makeLink(name, port, [])
        // What is inside of a network's namespace is put right there.
        if (name.startsWith(`${portPrefix(hostTag)}b`)) await settleInside(port, this.mac, this.options.run)
        repairs.push(`link ${name} made`)
      } catch (error) {
        this.isComplete = false
        log.warn({ err: error, namespace: port.namespace }, 'a link into the bridge of the outside was not made; the next look tries again')
      }
    }
    const wanted = new Set([...this.ports.values()].flatMap(({ addresses }) => addresses))
    const stray = found.neighbours.filter(({ dst, dev }) => dev === this.name && !wanted.has(dst) && this.pools.poolOf(dst))
    await kernel.ipBatchForced(stray.map(({ dst }) => forgetNeighbour(dst, this.name)))
    return [...repairs, ...stray.map(({ dst }) => `neighbour ${dst} of the bridge removed`)]
  }

  /** Makes the bridge right, and this namespace forward. Throws ExecError. */
  private async openBridge(): Promise<void> {
    const { kernel, log } = this.options
    this.rightDigest = null
    const wanted = this.pools.all.map(gatewayOf)
    const forgot = await makeBridge(kernel, this, this.pools.all, [...this.gateways].filter((one) => !wanted.includes(one)))
    this.gateways = new Set(wanted)
    if (forgot) await kernel.ipBatch([...this.ports.values()].flatMap(({ addresses, mac }) => addresses.map((one) => neighbour(one, mac, this.name))))
    await letForward(kernel, this.name, familiesOf(wanted), log)
    this.isOpen = true
  }

  private async makeLink(name: string, port: ExternalPort, before: readonly string[]): Promise<void> {
    this.rightDigest = null
    await makeLink(this.options.kernel, this.name, name, port, before)
  }

  /** After a failure the rules are those of before; a link that was new is gone. */
  private async settleFailure(name: string, before: ExternalPort | undefined): Promise<void> {
    const { kernel, log } = this.options
    try {
      if (!before) await kernel.ipBatchForced([`link delete ${name}`])
      await (this.ports.size === 0 ? this.removeAll() : this.tables.load(this.bridgePorts()))
    } catch (error) {
      log.error({ err: error }, 'an undo failed; the next look completes it')
    }
  }

  private bridgePorts(): BridgePort[] {
    return [...this.ports].map(([name, { mac, addresses }]) => ({ name, mac, addresses }))
  }

  /** The bridge stays where an operator's interface is in it, without what was made here. */
  private async removeAll(): Promise<void> {
    const { kernel, hostTag } = this.options
    this.isOpen = false
    this.rightDigest = null
    const links = await kernel.links()
    const bridge = links.find(({ ifname }) => ifname === this.name)
    const others = links.filter(({ ifname, master }) => master === this.name && !ifname.startsWith(portPrefix(hostTag)))
    if (bridge && others.length === 0) await kernel.ipBatchForced([`link delete ${this.name}`])
    else if (bridge) await kernel.ipBatchForced(this.pools.all.map((pool) => `address delete ${gatewayOf(pool)} dev ${this.name}`))
    await this.tables.remove()
    this.gateways = new Set()
  }
}
