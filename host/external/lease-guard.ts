import type { NetworkNamespaceKernel } from '@/host/network/kernel'
import { Serial } from '@/host/network/serial'
import { guardElements, guardRules, isGuarded, removeGuard, renewal, type Guarded } from './lease-guard-rules'

export type LeaseGuardParts = { hostTag: string; kernel: Pick<NetworkNamespaceKernel, 'loadRules'>; lease: { remainingMs: (until: number) => number } }

const nothing: Guarded = { links: new Map(), addresses: new Map() }

/**
 * Lets what another host may answer for by now speak and hear no more, also while no agent runs to let it go: the kernel drops, on the bridge of the outside, what comes from and goes to
 * a balancer's link and each pod's address once the server was not heard of for its time. Each word of the server gives all of them their time anew, by one step however many they are.
 * What has no such time is not guarded.
 */
export class LeaseGuard {
  private wanted: Guarded = nothing
  /** What the kernel holds; null: what an earlier agent left, or what a failure did. */
  private loaded: Guarded | null = null
  private readonly serial = new Serial()
  private renewing = false
  constructor(private readonly parts: LeaseGuardParts) {}

  /** What is here from an earlier agent, and what has no time any more is free: whatever that one left is replaced. Throws ExecError. */
  async adopt(wanted: Guarded): Promise<void> {
    this.wanted = wanted
    await this.load()
  }

  /** From now on, before a balancer's link (the bridge's end of it) is made or given its addresses. Throws ExecError. */
  async cover(link: string, until: number | null): Promise<void> {
    const links = new Map(this.wanted.links)
    if (until === null) links.delete(link)
    else links.set(link, until)
    this.wanted = { ...this.wanted, links }
    await this.load()
  }

  /** The link is gone. Throws ExecError. */
  uncover(link: string): Promise<void> {
    return this.cover(link, null)
  }

  /** These addresses of pods and no others, before any of them is led to a pod and as long as it is. Throws ExecError. */
  async coverAddresses(addresses: ReadonlyMap<string, number>): Promise<void> {
    this.wanted = { ...this.wanted, addresses }
    await this.load()
  }

  /** Whether a link of the bridge falls silent by itself: all that it has, whoever carries it out. */
  covers(link: { name: string; addresses: readonly string[] }): boolean {
    const { loaded } = this
    return loaded !== null && (loaded.links.has(link.name) || link.addresses.every((one) => loaded.addresses.has(one)))
  }

  /** The server was heard of. One at a time: what is heard meanwhile is in the next. Throws ExecError. */
  async renew(): Promise<void> {
    if (this.renewing || !isGuarded(this.wanted)) return
    this.renewing = true
    try {
      await this.serial.do(() => this.bringTo(this.wanted, true))
    } finally {
      this.renewing = false
    }
  }

  private load(): Promise<void> {
    return this.serial.do(() => this.bringTo(this.wanted, false))
  }

  private async bringTo(wanted: Guarded, renews: boolean): Promise<void> {
    const { hostTag, kernel, lease } = this.parts
    const { loaded } = this
    this.loaded = null
    const changes = loaded && guardElements(hostTag, loaded, wanted)
    const times = () => renewal(hostTag, wanted, (until) => lease.remainingMs(until))
    // Others may have removed the table: then a change of it fails, and the whole is made again.
    const isChanged = changes !== null && ((changes === '' && !renews) || await kernel.loadRules(changes + times()).then(() => true, () => false))
    if (!isChanged) await kernel.loadRules(isGuarded(wanted) ? guardRules(hostTag, wanted) + times() : removeGuard(hostTag))
    this.loaded = wanted
  }
}
