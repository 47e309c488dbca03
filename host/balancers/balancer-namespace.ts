import { stat } from 'node:fs/promises'
import { z } from 'zod'
import type { HostBalancer } from '@/contracts/host/v1/external'
import type { BalancerServer } from '@/domain/load-balancer/model'
import { NetworkNamespaceKernel, type Run } from '@/host/network/kernel'
import { NAMESPACES, whatIs } from '@/host/network/network-namespace'
import { Table } from '@/host/network/table/table'
import { ExecError } from '@/platform/exec'
import { codeOf } from '@/platform/error-code'
import { balancerNamespace, INNER_LINK, OUTER_LINK } from './names'
import { BALANCER_TABLE, balancerTables, closedTables, counterNames, type ServersOf, udpTargets } from './packet-filter'
import { nothing, type PartCounters } from './ports'
import type { UdpShares } from './udp-shares'

const listedCounters = z.object({ nftables: z.array(z.object({ counter: z.object({ name: z.string(), packets: z.number(), bytes: z.number() }).optional() })) })

// Every link made later takes these on. HAProxy binds any port without a capability, also of an address that comes a moment later.
const SETTINGS = {
  'net.ipv4.ip_unprivileged_port_start': 0,
  'net.ipv4.ip_nonlocal_bind': 1,
  'net.ipv6.ip_nonlocal_bind': 1,
  // Nobody sends echo requests (sockets of ICMP that need no capability).
  'net.ipv4.ping_group_range': '1 0',
  // UDP passes through, led by the packet filter.
  'net.ipv4.ip_forward': 1,
  'net.ipv6.conf.all.forwarding': 1,
  'net.ipv4.conf.all.rp_filter': 1,
  'net.ipv4.conf.default.rp_filter': 1,
  // Addresses of one link are not told on the other.
  'net.ipv4.conf.all.arp_ignore': 1,
  'net.ipv4.conf.default.arp_ignore': 1,
  'net.ipv4.conf.all.arp_announce': 2,
  'net.ipv4.conf.default.arp_announce': 2,
  'net.ipv4.conf.all.accept_source_route': 0,
  'net.ipv4.conf.default.accept_source_route': 0,
  'net.ipv4.conf.all.accept_redirects': 0,
  'net.ipv4.conf.default.accept_redirects': 0,
  'net.ipv4.conf.all.send_redirects': 0,
  'net.ipv4.conf.default.send_redirects': 0,
  'net.ipv6.conf.default.accept_ra': 0,
  'net.ipv6.conf.all.accept_redirects': 0,
  'net.ipv6.conf.default.accept_redirects': 0,
  'net.ipv6.conf.default.autoconf': 0,
  'net.ipv6.conf.default.dad_transmits': 0,
  // A port towards a pod is free again at once, or a busy one would be out of them.
  'net.ipv4.tcp_tw_reuse': 1,
  'net.core.somaxconn': 4096,
} as const

type Known = { balancer: HostBalancer; servers: ServersOf }
/** An address as `ss` reads one: of IPv6 without brackets the last part is a port. */
const inSs = (address: string): string => (address.includes(':') ? `[${address}]` : address)
/** So many are named to one command. */
const mostAtOnce = 100

/** The network namespace of one balancer: its settings and packet filter. Its links are made by whom they lead to. */
export class BalancerNamespace {
  readonly name: string
  private readonly kernel: NetworkNamespaceKernel
  private table: Table
  private known: Known | null = null
  private reserved = ''
  private shares: UdpShares = new Map()
  constructor(hostTag: string, number: number, private readonly run: Run) {
    this.name = balancerNamespace(hostTag, number)
    this.kernel = new NetworkNamespaceKernel(this.name, run)
    this.table = new Table(this.kernel)
  }

  get path(): string {
    return `${NAMESPACES}/${this.name}`
  }

  /** What names it for ever; null where it is not there, or its name leads to none. */
  async inode(): Promise<number | null> {
    if (await whatIs(this.name) !== 'namespace') return null
    return stat(this.path).then(({ ino }) => ino, (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null
      throw error
    })
  }

  /** Makes it where it is not there, closed. One that an earlier agent made keeps its packet filter until {@link filter}. Says whether it is new. Throws ExecError. */
  async make(): Promise<boolean> {
    // The making of it was cut short, or its mount was taken away.
    if (await whatIs(this.name) === 'dead name') await this.run('ip', ['netns', 'delete', this.name])
    const isNew = await this.run('ip', ['netns', 'add', this.name]).then(() => true, async (error: unknown) => {
      if ((await this.inode()) === null) throw error
      return false
    })
    await this.kernel.set(SETTINGS)
    if (isNew) {
      this.forget()
      await this.table.load(closedTables)
    }
    await this.kernel.ipBatch(['link set dev lo up'])
    return isNew
  }

  /** Nothing is known of what it holds. */
  forget(): void {
    this.table = new Table(this.kernel)
    this.known = null
    this.reserved = ''
    this.shares = new Map()
  }

  /** Loads what lets a balancer's traffic through, by what differs, in one transaction. What is not let through any more of UDP ends at once. Throws ExecError. */
  async filter(balancer: HostBalancer, servers: ServersOf): Promise<void> {
    const before = this.known
    this.known = null
    const ports = balancer.listeners.map(({ port }) => port).sort((a, b) => a - b).join(',')
    // No connection towards a pod takes a port that is to be listened on.
    if (ports !== this.reserved) await this.kernel.set({ 'net.ipv4.ip_local_reserved_ports': ports })
    this.reserved = ports
    const { tables, shares } = balancerTables(balancer, servers, this.shares)
    await this.table.load(tables)
    this.shares = shares
    await this.endFlows(before, { balancer, servers })
    this.known = { balancer, servers }
  }

  /** UDP has no end of its own: a client that goes on sending would stay with who has left. */
  private async endFlows(before: Known | null, now: Known): Promise<void> {
    const led = udpTargets(now.balancer, now.servers)
    if (!before) return this.endUnknownFlows(led)
    for (const [port, targets] of udpTargets(before.balancer, before.servers)) {
      for (const target of targets) if (!led.get(port)?.has(target)) await this.endFlow(port, target)
    }
  }

  private async endFlow(port: number, target: string): Promise<void> {
    const [address = '', to = ''] = target.split(' . ')
    await this.deleteFlows(['-f', address.includes(':') ? 'ipv6' : 'ipv4', '--orig-port-dst', String(port), '--reply-src', address, '--reply-port-src', to])
  }

  /** Of an earlier agent nobody knows where it led, also where it leads no UDP now: when it does again, a client that went on would be led where it was before. */
  private async endUnknownFlows(led: ReadonlyMap<number, ReadonlySet<string>>): Promise<void> {
    const found = new Set<string>()
    await this.kernel.stream('conntrack', ['-L', '-p', 'udp'], (line) => {
      const [, port, from, fromPort] = /\bdport=(\d+) .*?\bsrc=(\S+) dst=\S+ sport=(\d+) dport=\d+/.exec(line) ?? []
      if (port !== undefined && found.size < 10_000) found.add(`${port} ${from} . ${fromPort}`)
    })
    for (const one of found) {
      const [port = '', ...rest] = one.split(' ')
      if (!led.get(Number(port))?.has(rest.join(' '))) await this.endFlow(Number(port), rest.join(' '))
    }
  }

  private async deleteFlows(which: readonly string[]): Promise<void> {
    await this.kernel.stream('conntrack', ['-D', '-p', 'udp', ...which]).catch((error: unknown) => {
      // There was none.
      if (!(error instanceof ExecError && error.code === 1 && error.stderr.includes(' 0 flow entries'))) throw error
    })
  }

  /**
   * What waits for these to take a connection has failed from now on: else it would wait for its time to be over, which for a pod that died it always is. A kernel that cannot
   * do so (CONFIG_INET_DIAG_DESTROY) lets it wait. Throws ExecError.
   */
  async endAttempts(targets: readonly Pick<BalancerServer, 'address' | 'port'>[]): Promise<void> {
    await this.endSockets('syn-sent', targets.map(({ address, port }) => `${inSs(address)}:${port}`))
  }

  /** All connections with these addresses have failed from now on, whatever is under way in them. As {@link endAttempts}. */
  async endConnections(addresses: readonly string[]): Promise<void> {
    await this.endSockets('connected', addresses.map(inSs))
  }

  private async endSockets(state: 'syn-sent' | 'connected', targets: readonly string[]): Promise<void> {
    for (let at = 0; at < targets.length; at += mostAtOnce) {
      const them = targets.slice(at, at + mostAtOnce).flatMap((target, i) => [...(i === 0 ? [] : ['or']), 'dst', target])
      await this.kernel.stream('ss', ['-K', '-H', '-t', '-n', 'state', state, '(', ...them, ')'])
    }
  }

  /** What passed of UDP since it was counted: the whole, and each backend. It begins again at 0 where the packet filter was loaded anew. Throws ExecError. */
  async udpCounters({ listeners }: Pick<HostBalancer, 'listeners'>): Promise<PartCounters[]> {
    const udp = listeners.filter(({ protocol }) => protocol === 'udp')
    if (udp.length === 0) return []
    const { nftables } = listedCounters.parse(await this.kernel.listRules('counters', 'table', ...BALANCER_TABLE.split(' ')))
    const counted = new Map(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter] as const] : [])))
    return ['', ...new Set(udp.map(({ defaultBackend }) => defaultBackend ?? ''))].map((name, at) => {
      const ports = at === 0 ? udp : udp.filter(({ defaultBackend }) => defaultBackend === name)
      const sum = (which: keyof ReturnType<typeof counterNames>, of: 'packets' | 'bytes') => ports.reduce((total, { port }) => total + (counted.get(counterNames(port)[which])?.[of] ?? 0), 0)
      return { ...nothing, part: at === 0 ? '' : `backend/${name}`, connections: sum('connections', 'packets'), receivedBytes: sum('received', 'bytes'), sentBytes: sum('sent', 'bytes') }
    })
  }

  /** Which of its links are there, and up. */
  async links(): Promise<{ outer: boolean; inner: boolean }> {
    const links = await this.kernel.links()
    const isUp = (name: string) => links.some(({ ifname, flags }) => ifname === name && flags.includes('UP'))
    return { outer: isUp(OUTER_LINK), inner: isUp(INNER_LINK) }
  }

  /** Closes it for all, before anything of it is taken away. */
  async close(): Promise<void> {
    this.forget()
    if ((await this.inode()) !== null) await this.table.load(closedTables)
  }

  /** Removes it and all links in it, also while a process still runs there. Throws ExecError. */
  async remove(): Promise<void> {
    this.forget()
    const there = await whatIs(this.name)
    if (there === 'nothing') return
    const links = there === 'dead name' ? [] : await this.kernel.links().catch(() => [])
    await this.kernel.ipBatchForced(links.filter(({ ifname }) => ifname !== 'lo').map(({ ifname }) => `link delete ${ifname}`))
    await this.run('ip', ['netns', 'delete', this.name])
  }
}
