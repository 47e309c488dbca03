import type { NetworkNamespaceKernel } from '@/host/network/kernel'
import { Serial } from '@/host/network/serial'

/** The table (family bridge) of one host tag in the agent's own namespace. */
const tableOf = (hostTag: string): string => `bridge hypernetes_lease_${hostTag}`

type Guarded = { until: number | null }

/**
 * Lets what another host may answer for by now speak no more, also while no agent runs to let it go: the kernel drops what comes from a balancer's link
 * into the bridge of the outside once the server was not heard of for its time. Each word of the server gives all of them their time anew. Balancers that have no such time are not guarded.
 */
export class LeaseGuard {
  private readonly links = new Map<string, number>()
  private readonly serial = new Serial()
  private renewing = false
  constructor(private readonly hostTag: string, private readonly kernel: Pick<NetworkNamespaceKernel, 'loadRules'>, private readonly lease: { remainingMs: (until: number) => number }) {}

  /** From now on, before a balancer's link (the bridge's end of it) is made or given its addresses. Throws ExecError. */
  async cover(link: string, { until }: Guarded): Promise<void> {
    if ((this.links.get(link) ?? null) === until) return
    if (until === null) return this.uncover(link)
    this.links.set(link, until)
    await this.load()
  }

  /** The link is gone. Throws ExecError. */
  async uncover(link: string): Promise<void> {
    if (this.links.delete(link)) await this.load()
  }

  /** The server was heard of. One at a time: what is heard meanwhile is in the next. Throws ExecError. */
  async renew(): Promise<void> {
    if (this.renewing || this.links.size === 0) return
    this.renewing = true
    try {
      await this.load()
    } finally {
      this.renewing = false
    }
  }

  /** Removes what an earlier agent left, where nothing is guarded. Throws ExecError. */
  clear(): Promise<void> {
    return this.load()
  }

  private load(): Promise<void> {
    return this.serial.do(() => this.kernel.loadRules(guardRules(this.hostTag, new Map([...this.links].map(([link, until]) => [link, this.lease.remainingMs(until)])))))
  }
}

/** Input for `nft -f`: all of the table in one transaction; without any links it is gone. Times are milliseconds. */
export function guardRules(hostTag: string, links: ReadonlyMap<string, number>): string {
  const table = tableOf(hostTag)
  const remove = `table ${table}\ndelete table ${table}\n`
  if (links.size === 0) return remove
  const all = [...links.keys()].map((link) => `"${link}"`)
  const leased = [...links].filter(([, ms]) => ms >= 1).map(([link, ms]) => `"${link}" timeout ${Math.floor(ms / 1000)}s${Math.floor(ms % 1000)}ms`)
  const set = (name: string, flags: string, elements: readonly string[]) => `  set ${name} { type ifname; ${flags}${elements.length === 0 ? '' : `elements = { ${elements.join(', ')} }; `}}\n`
  return `${remove}table ${table} {\n${set('guarded', '', all)}${set('leased', 'flags timeout; ', leased)}  chain arrival {\n    type filter hook prerouting priority -310; policy accept;\n    iifname @guarded iifname != @leased drop\n  }\n}\n`
}
