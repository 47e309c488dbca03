import { isDeepStrictEqual } from 'node:util'
import type { ExternalReport, HostBalancer } from '@/contracts/host/v1/external'
import type { BalancerServerState } from '@/contracts/host/v1/figures'
import type { BalancerServer } from '@/domain/load-balancer/model'
import { Pauses } from '@/platform/pauses'
import { endAttempts } from './attempts'
import { BalancerNamespace } from './balancer-namespace'
import { BalancerReport, failedStep } from './balancer-report'
import { lossOf, type Loss } from './losses'
import { INNER_LINK, OUTER_LINK } from './names'
import { letGoLost, outerLinkOf, type OuterLink } from './outer-link'
import type { ServersOf } from './packet-filter'
import type { BalancerParts, Certificate, Haproxy, PartCounters } from './ports'
import { Reached } from './reached'
import { among, both, count, placeOf } from './server-sets'
import { step } from './steps'

/** Changes in so short a time are one. After one that took long the next waits for as long, so that they do not take all of the machine's time; the first after a while does not wait. */
const [gatherMs, longestGatherMs] = [20, 1_000]
/** Where changes go on and on there is one in so long a time, with all that came until then; before, so many come without a wait. Who leaves is given nothing new at once all the same. */
const [paceMs, withoutWait] = [500, 6]
/**
 * Who left is let through the packet filter for so long, in which others leave: one change of it instead of many. What still waits for a pod that died is refused then by its next
 * attempt, which TCP makes a second after the first (RFC 6298).
 */
const lingerMs = 250
const [firstRetryMs, lastRetryMs] = [200, 10_000]
/** A HAProxy that ran so long is started again without a wait when it ends. */
const steadyMs = 10_000

/** What a balancer shall be on this host. */
export type Wanted = { balancer: HostBalancer; servers: ServersOf; certificates: ReadonlyMap<string, Certificate> }

/** Of HAProxy there is none where all is UDP. */
const needsHaproxy = ({ listeners }: HostBalancer): boolean => listeners.some(({ protocol }) => protocol !== 'udp')

/**
 * One balancer of this host: its namespace, links, packet filter and HAProxy are brought to what is wanted, one change after another, in the background; what fails is tried
 * again, and costs this balancer alone. It answers for its addresses once all else stands, and for none of them any more before anything of it goes.
 */
export class Balancer {
  private readonly state: BalancerReport
  private wanted: Wanted | null = null
  private readonly namespace: BalancerNamespace
  private readonly haproxy: Haproxy
  /** What stands; null: not known. `linked`: what the links were made of. */
  private made: { inode: number; inner: HostBalancer['network'] | null; outer: OuterLink | null } | null = null
  /** Whom the packet filter lets it reach: its servers, and those that left a moment ago. */
  private passed: ServersOf = new Map()
  /** To whom HAProxy leads, of those that shall stay. */
  private carried: ServersOf = new Map()
  private readonly reached = new Reached()
  private lingering: NodeJS.Timeout | null = null
  private nextAt = 0
  /** Until when its changes have taken their turns (generic cell rate algorithm: ITU-T I.371, as a virtual schedule). */
  private turnsUntil = 0
  private isLooking = false
  private running: Promise<void> | null = null
  private changed = false
  private left = false
  private retryMs = firstRetryMs
  private startedAt = 0
  private readonly pauses = new Pauses()
  private readonly gathering = new Pauses()
  isActive = false

  constructor(
    readonly uid: string,
    readonly number: number,
    private readonly parts: BalancerParts,
    onReport: (report: ExternalReport) => void,
  ) {
    this.namespace = new BalancerNamespace(parts.hostTag, number, parts.run)
    this.haproxy = parts.haproxy({ uid, number }, this.namespace.path, () => void this.check())
    this.state = new BalancerReport(uid, onReport)
  }

  get report(): ExternalReport {
    return this.state.now
  }

  get isWanted(): boolean {
    return this.wanted !== null
  }

  /** Shall be so from now on; null: nothing of it shall be here. */
  want(wanted: Wanted | null): void {
    if (wanted && this.isActive) this.release(wanted)
    this.wanted = wanted
    this.retryMs = firstRetryMs
    if (!wanted) this.gathering.end()
    this.converge()
  }

  /** Looks whether all of it still runs. */
  async check(): Promise<void> {
    if (!this.wanted || this.running || this.left) return
    const { balancer } = this.wanted
    const [inode, runs] = await Promise.all([this.namespace.inode().catch(() => null), needsHaproxy(balancer) ? this.haproxy.isRunning().catch(() => false) : true])
    if (this.left || this.running || !this.isWanted) return
    if (inode === null || inode !== this.made?.inode) this.made = null
    else if (runs) return
    this.converge()
  }

  /** Asks HAProxy whom it took out, and tells where that changed. */
  async lookAtServers(): Promise<void> {
    if (!this.wanted || !this.isActive || this.running || this.isLooking || !needsHaproxy(this.wanted.balancer)) return
    this.isLooking = true
    const down = await this.haproxy.serversDown().catch(() => null)
    this.isLooking = false
    if (down && this.state.isDown(down.sort().slice(0, 1000)) && this.isActive) this.state.serves()
  }

  /**
   * The pods at these addresses have no machine any more: they get nothing new, and what is under way there ends at once, with HAProxy's own answer or with another pod's. Nobody would ever answer it:
   * who leaves in peace has its time for that, who is dead has not.
   * That is of what it has now, whenever it is carried out. `isBack`: whether a machine has come to an address since.
   */
  lost(addresses: ReadonlySet<string>, isBack: (address: string) => boolean): Loss | null {
    const { wanted, made } = this
    if (!wanted || !made || this.left) return null
    return lossOf(addresses, isBack, { uid: this.uid, servers: needsHaproxy(wanted.balancer) ? wanted.servers : new Map(), led: () => this.wanted?.servers ?? new Map(), reached: this.reached, haproxy: this.haproxy, namespace: this.namespace, isOver: () => this.made !== made || this.left })
  }

  /** What passed through it and its parts, of UDP and of all else. */
  async counters(): Promise<PartCounters[]> {
    if (!this.isActive || !this.wanted) return []
    const { balancer } = this.wanted
    const [udp, rest] = await Promise.all([this.namespace.udpCounters(balancer), needsHaproxy(balancer) ? this.haproxy.counters() : []])
    const whole = rest.find(({ part }) => part === '')
    return [...rest.filter(({ part }) => part !== ''), ...udp.map((one) => (one.part === '' && whole ? { ...whole, connections: whole.connections + one.connections, receivedBytes: whole.receivedBytes + one.receivedBytes, sentBytes: whole.sentBytes + one.sentBytes } : one)), ...(whole && udp.length === 0 ? [whole] : [])]
  }

  /** Its servers of all but UDP, as HAProxy has them now. */
  async servers(): Promise<BalancerServerState[]> {
    return this.wanted && needsHaproxy(this.wanted.balancer) ? this.haproxy.servers() : []
  }

  log(...options: Parameters<Haproxy['log']>): ReturnType<Haproxy['log']> {
    return this.haproxy.log(...options)
  }

  /** Lets it run on for the next agent. */
  async leave(): Promise<void> {
    this.left = true
    this.pauses.end()
    this.gathering.end()
    await this.running
  }

  /** Resolves when all that was asked for is done, or failed and is tried again. */
  async settled(): Promise<void> {
    while (this.running) await this.running
  }

  private converge(): void {
    if (this.left) return
    this.changed = true
    this.pauses.end()
    this.running ??= this.work().finally(() => {
      this.running = null
      if (this.changed && !this.left) this.converge()
    })
  }

  private async work(): Promise<void> {
    while (this.changed && !this.left) {
      await this.gathering.of(this.wanted ? Math.max(gatherMs, this.nextAt - performance.now(), this.turnsUntil - performance.now() - withoutWait * paceMs) : gatherMs)
      if (this.left) return
      this.turnsUntil = Math.max(this.turnsUntil, performance.now()) + paceMs
      this.changed = false
      const { wanted, isActive } = this
      const began = performance.now()
      try {
        await (wanted ? this.bring(wanted) : this.end())
        this.retryMs = firstRetryMs
        const now = performance.now()
        // How long it waited for its first start says nothing of its changes.
        this.nextAt = isActive ? now + Math.min(now - began, longestGatherMs) : 0
      } catch (error) {
        this.failed(error)
        this.changed = true
        await this.pauses.of(this.retryMs)
        this.retryMs = Math.min(this.retryMs * 2, lastRetryMs)
      }
    }
  }

  private async bring({ balancer, servers, certificates }: Wanted): Promise<void> {
    const { outside, network } = this.parts
    const made = await step('its network namespace', () => this.makeNamespace())
    await step('its floating addresses', () => letGoLost(made.outer, balancer, outside, this.namespace.name).then((link) => (made.outer = link)))
    // Who comes may be reached before HAProxy knows of it; who goes, until it does not any more.
    await this.letThrough(balancer, servers)
    if (!isDeepStrictEqual(made.inner, balancer.network)) await step('its link into the tenant\'s network', () => network.attach(balancer, this.namespace.name, INNER_LINK).then(() => (made.inner = balancer.network)))
    await step('its HAProxy', () => this.bringHaproxy({ balancer, servers, certificates }))
    // Who left meanwhile was told to get nothing new.
    this.carried = among(servers, this.wanted?.servers ?? servers)
    await this.endAttempts({ balancer, servers })
    const outer = outerLinkOf(balancer)
    if (!isDeepStrictEqual(made.outer, outer)) await step('its floating addresses', () => outside.attach(balancer, this.namespace.name, OUTER_LINK).then(() => (made.outer = outer)))
    this.isActive = true
    this.state.serves()
  }

  /** Who leaves gets nothing new, ahead of all else that changes: as long as HAProxy has others that stay. Where it has none, all of the change does not wait. */
  private release({ servers }: Wanted): void {
    const stay = among(this.carried, servers)
    const left = new Map<string, readonly BalancerServer[]>()
    for (const [backend, before] of this.carried) {
      const staying = stay.get(backend) ?? []
      if (staying.length === before.length) continue
      if (staying.length === 0) this.turnsUntil = 0
      else left.set(backend, before.filter((server) => !staying.includes(server)))
    }
    if (this.turnsUntil === 0) this.gathering.end()
    if (left.size === 0) return
    this.carried = new Map([...this.carried, ...[...left.keys()].map((backend) => [backend, stay.get(backend) ?? []] as const)])
    // What could not be told is carried out with the rest.
    void this.haproxy.release(left).catch(() => undefined)
  }

  /** Its servers, and for a moment those that left. */
  private async letThrough(balancer: HostBalancer, servers: ServersOf): Promise<void> {
    const passed = both(this.passed, servers)
    await step('its packet filter', () => this.namespace.filter(balancer, passed))
    this.passed = passed
    this.reached.add(servers)
    this.linger(servers)
  }

  /** Who left is let through no more in a moment, whatever HAProxy does: by then it may be another pod's address. */
  private linger(servers: ServersOf): void {
    if (this.lingering || count(this.passed) === count(servers)) return
    this.lingering = setTimeout(() => {
      this.lingering = null
      this.passed = new Map()
      if (this.wanted) this.converge()
    }, lingerMs).unref()
  }

  private async endAttempts({ balancer, servers }: Pick<Wanted, 'balancer' | 'servers'>): Promise<void> {
    if (!needsHaproxy(balancer)) return
    const stay = new Set([...servers.values()].flat().map(placeOf))
    const left = [...this.passed.values()].flat().filter((server) => !stay.has(placeOf(server)))
    await endAttempts(left, this.haproxy, this.namespace).catch((error: unknown) => this.parts.log.warn({ err: error, balancer: this.uid }, 'connections that wait for pods which left were not ended: they wait until their time is over'))
  }

  private async makeNamespace(): Promise<NonNullable<Balancer['made']>> {
    const inode = await this.namespace.inode()
    if (this.made && inode === this.made.inode) return this.made
    this.made = null
    this.namespace.forget()
    // What runs without its namespace's name is reached by nobody, and its links lead nowhere.
    if (inode === null) await this.takeAway()
    await this.namespace.make()
    const now = await this.namespace.inode()
    if (now === null) throw new Error(`the namespace ${this.namespace.name} was removed by another program`)
    this.made = { inode: now, inner: null, outer: null }
    return this.made
  }

  private async bringHaproxy(wanted: Wanted): Promise<void> {
    if (!needsHaproxy(wanted.balancer)) {
      this.state.problem = null
      return this.haproxy.stop()
    }
    const ran = await this.haproxy.isRunning()
    // One that ends again and again does not take the machine's time.
    if (!ran && performance.now() - this.startedAt < steadyMs) await this.pauses.of(Math.min(1_000, this.retryMs))
    this.state.problem = await this.haproxy.bring(wanted)
    if (!ran) this.startedAt = performance.now()
  }

  /** Answers for nothing at first; then all of it goes, as far as it can, and what could not is tried again. */
  private async end(): Promise<void> {
    this.isActive = false
    await this.takeAway()
    await step('its network namespace', () => this.namespace.remove())
    this.made = null
    this.passed = new Map()
    this.carried = new Map()
    this.state.gone()
  }

  private async takeAway(): Promise<void> {
    const { outside, network } = this.parts
    await step('its floating addresses', () => outside.detach({ number: this.number }, this.namespace.name, OUTER_LINK))
    await step('its HAProxy', () => this.haproxy.stop())
    await step('its link into the tenant\'s network', () => network.detach({ uid: this.uid, number: this.number }))
  }

  private failed(error: unknown): void {
    this.parts.log.warn({ err: error, balancer: this.uid, retryMs: this.retryMs }, `of a balancer, ${failedStep(error)} is not as it should be; it is tried again`)
    this.state.failed(error, this)
  }
}
