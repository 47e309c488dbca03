import type { ExternalPort } from './bridge-links'
import type { BridgePort } from './bridge-rules'
import type { KnownPools } from './known-pools'
import type { LeftAddresses } from './left-addresses'
import { portName } from './names'

/** The links into the bridge of the outside, by their names there, and which address is whose. */
export class KnownPorts {
  private readonly ports = new Map<string, ExternalPort>()
  /** The namespace of each address: there may be thousands, which are asked of in each look. */
  private readonly holders = new Map<string, string>()

  constructor(private readonly hostTag: string, private readonly pools: KnownPools, private readonly left: LeftAddresses) {}

  get isEmpty(): boolean {
    return this.ports.size === 0
  }

  get byName(): ReadonlyMap<string, ExternalPort> {
    return this.ports
  }

  of(namespace: string): ExternalPort | undefined {
    return this.ports.get(portName(this.hostTag, namespace))
  }

  /** The link is so from now on; undefined: it is none. */
  set(name: string, port: ExternalPort | undefined): void {
    const before = this.ports.get(name)
    for (const address of before?.addresses ?? []) if (this.holders.get(address) === before?.namespace) this.holders.delete(address)
    for (const address of port?.addresses ?? []) this.holders.set(address, port?.namespace ?? '')
    if (port) this.ports.set(name, port)
    else this.ports.delete(name)
  }

  clear(): void {
    this.ports.clear()
    this.holders.clear()
  }

  addresses(): Set<string> {
    return new Set(this.holders.keys())
  }

  /** As the packet filter takes them. */
  forRules(): BridgePort[] {
    return [...this.ports].map(([name, { mac, addresses, connections }]) => ({ name, mac, addresses, ...(connections !== undefined && { connections }) }))
  }

  /** The namespace that an address is answered for in, or was and is not free of yet. */
  holderOf(address: string): string | undefined {
    return this.holders.get(address) ?? this.left.holderOf(address)
  }

  /** Throws an Error for an address of no pool or of another namespace, and a TypeError for what must reach no command. */
  check({ namespace, device, mac, addresses }: ExternalPort): void {
    if (!/^[a-z0-9]{1,15}$/.test(device) || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) throw new TypeError(`"${device}" with "${mac}" is no device with a MAC address`)
    const own = portName(this.hostTag, namespace)
    for (const [name, port] of this.ports) if (name !== own && port.mac === mac) throw new Error(`MAC address ${mac} is held in ${port.namespace}`)
    for (const address of addresses) {
      const pool = this.pools.poolOf(address)
      if (!pool) throw new Error(this.pools.problemOf(address) ?? `${address} is of no address pool`)
      if (address === pool.gateway) throw new Error(`${address} is the gateway of the pool ${pool.name}`)
      const holder = this.holderOf(address)
      if (holder !== undefined && holder !== namespace) throw new Error(`${address} is answered for in ${holder}: it has to go there first`)
    }
  }
}
