import type { CertificatesMessage, ExternalObject, ExternalReport, HostBalancer } from '@/contracts/host/v1/external'
import type { BalancerServerState, BalancerFigures } from '@/contracts/host/v1/figures'
import type { BalancerServer } from '@/domain/load-balancer/model'
import type { BalancerLogLine } from '@/domain/load-balancer/view'
import { Balancer } from './balancer'
import { BalancerMeter } from './balancer-meter'
import { Losses } from './losses'
import type { BalancerParts, Certificate } from './ports'
import type { ServersOf } from './packet-filter'
import type { ServerLease } from './server-lease'
import { StartGate } from '@/host/pods/start-gate'
import { Strays } from './strays'

const checkMs = 1_000
/** Each balancer's HAProxy is asked whom it took out in every fifth look. */
const serversEvery = 5
/** Of very many balancers a look takes so many in turn, and asks so many HAProxies: all of a thousand each second would take the agent's time. The end of a HAProxy is told by itself. */
const [mostLooked, mostAsked] = [200, 40]
/** What could not be removed is tried again in every so many looks. */
const straysEvery = 60
/** For what is under way when the time of an end is over. */
const lastStepMs = 1_000
/** Questions to balancers of this host at a time, each a process or a connection: a thousand at once would take the agent's time. */
const askedAtOnce = 16
/** Reports of balancers that are not here, for a server that was not there. */
const mostApart = 10_000

/** What the server said of a balancer. */
type Told = { balancer: HostBalancer; servers: ServersOf }

/**
 * The balancers of a host. Each is brought to what the server said in the background, and one that cannot be costs nobody else. An agent that ends leaves them to the next
 * one. Those of which the server may give the addresses to another host are let go once it was not heard of for their time, and come again when it says so.
 */
export class Balancers {
  private readonly told = new Map<string, Told>()
  private readonly balancers = new Map<string, Balancer>()
  private readonly certificates = new Map<string, Certificate>()
  /** Reports of what is not here: gone, or let go. */
  private readonly apart = new Map<string, ExternalReport>()
  /** Let go, until the server says them again. */
  private readonly letGo = new Set<string>()
  private mustHear = false
  private readonly meter = new BalancerMeter()
  private readonly asking = new StartGate(askedAtOnce)
  private readonly losses: Losses
  private readonly strays: Strays
  private timer: NodeJS.Timeout | undefined
  private turn = 0
  private isEnding = false
  private onReport: (report: ExternalReport) => void = () => {}
  private constructor(private readonly parts: BalancerParts, private readonly lease: Pick<ServerLease, 'holds'>) {
    this.losses = new Losses(parts.log)
    this.strays = new Strays(parts)
  }

  /** Takes up what an earlier agent left of `known`, and removes what else is here. */
  static async open(parts: BalancerParts, lease: Pick<ServerLease, 'holds'>, known: readonly ExternalObject[]): Promise<Balancers> {
    const all = new Balancers(parts, lease)
    const told = toldOf(known)
    // What may be elsewhere by now is left of nobody.
    await all.strays.first([...told.values()].map(({ balancer }) => balancer).filter(({ until }) => lease.holds(until)))
    for (const [uid, one] of told) all.set(uid, one, false)
    all.timer = setInterval(() => void all.check(), checkMs).unref()
    return all
  }

  /** A connection to the server begins, on which it says all of them. */
  begin(): void {
    this.mustHear = false
  }

  /** Whether something was let go since {@link begin}: whether it may be here is for the server to say, all of it anew. */
  get mustHearAll(): boolean {
    return this.mustHear
  }

  /** Told of each change. */
  listen(onReport: (report: ExternalReport) => void): void {
    this.onReport = onReport
  }

  /** All that the server says of a balancer now; without the balancer itself among them, it shall not be here. */
  take(uid: string, objects: readonly ExternalObject[]): void {
    if (!this.isEnding) this.set(uid, toldOf(objects).get(uid) ?? null, true)
  }

  /** Pods of a network at these addresses have no machine any more. Returns at once. `isBack`: whether one has come to an address since, which is another's to speak with. */
  lost(networkId: string, addresses: readonly string[], isBack: (address: string) => boolean = () => false): void {
    const them = new Set(addresses)
    for (const [uid, { balancer }] of this.told) {
      const loss = balancer.networkId === networkId ? this.balancers.get(uid)?.lost(them, isBack) : null
      if (loss) void this.losses.carryOut(loss)
    }
  }

  takeCertificates({ complete, certificates }: Pick<CertificatesMessage, 'complete' | 'certificates'>): void {
    if (this.isEnding) return
    const now = new Map(certificates.map((one) => [one.id, one]))
    const changed = new Set(certificates.filter(({ id, revision }) => this.certificates.get(id)?.revision !== revision).map(({ id }) => id))
    if (complete) for (const id of this.certificates.keys()) if (!now.has(id)) this.certificates.delete(id)
    for (const [id, one] of now) this.certificates.set(id, one)
    for (const [uid, { balancer }] of this.told) if (certificateIds(balancer).some((id) => changed.has(id))) this.bring(uid)
  }

  reports(): ExternalReport[] {
    return [...this.apart.values(), ...[...this.balancers.values()].map(({ report }) => report)]
  }

  report(uid: string): ExternalReport | null {
    return this.balancers.get(uid)?.report ?? this.apart.get(uid) ?? null
  }

  /** What passed since the last call; `at` is in milliseconds of a clock that only goes forward. A balancer that does not answer is left out. */
  async figures(at: number): Promise<(Omit<BalancerFigures, 'ageMs'> & { at: number })[]> {
    const answers = await Promise.all([...this.balancers].map(async ([uid, balancer]) => [uid, await this.asking.do(() => balancer.counters()).catch(() => null)] as const))
    return this.meter.figures(at, new Map(answers))
  }

  /** A balancer's servers as they are now. Throws where it is not here. */
  async servers(uid: string): Promise<BalancerServerState[]> {
    const balancer = this.balancers.get(uid)
    if (!balancer) throw new Error('The balancer is not on this host any more: look again in a moment.')
    return balancer.servers()
  }

  /** Lines of a balancer's log, the newest `tailLines` first. Throws where it is not here. */
  log(uid: string, options: { tailLines: number; follow: boolean }, signal: AbortSignal): AsyncIterable<BalancerLogLine> {
    const balancer = this.balancers.get(uid)
    if (!balancer) throw new Error('The balancer is not on this host any more: its log begins anew on the host where it runs now.')
    return balancer.log(options, signal)
  }

  /** Waits until all that was asked for is done. For tests. */
  async settled(): Promise<void> {
    await Promise.all([...this.balancers.values()].map((balancer) => balancer.settled()))
  }

  /** Leaves what runs to the next agent, and takes nothing up any more. */
  async leave(): Promise<void> {
    this.endTaking()
    await Promise.all([...this.balancers.values()].map((balancer) => balancer.leave()))
  }

  /** Ends all of them, takes nothing up any more, and what is known of them is for the next agent to begin anew with. Resolves at the latest after `withinMs`; what is not ended by then is said, with its cause. */
  async suspend(withinMs: number): Promise<void> {
    this.endTaking()
    // The next agent takes them up: the server is told nothing, as of pods that are suspended.
    this.onReport = () => {}
    this.told.clear()
    for (const balancer of this.balancers.values()) balancer.want(null)
    const all = [...this.balancers.values()]
    await within(withinMs, this.settled())
    this.tellLeft(withinMs)
    // What waits for others still keeps no agent from its end.
    await within(lastStepMs, Promise.all(all.map((balancer) => balancer.leave())))
  }

  /** Those of one cause in one line: there may be a thousand. */
  private tellLeft(withinMs: number): void {
    const byCause = new Map<string, string[]>()
    for (const { uid, report } of this.balancers.values()) {
      const cause = report.phase === 'Failed' ? report.message : `its end was under way after ${withinMs / 1000} s`
      byCause.set(cause, [...byCause.get(cause) ?? [], uid])
    }
    for (const [cause, uids] of byCause) this.parts.log.error({ count: uids.length, balancers: uids.slice(0, 10), cause }, 'balancers could not be ended in time: they are left as they are for the next agent')
  }

  /** Whatever is said or looked at from now on brings nothing up that would be left behind. */
  private endTaking(): void {
    this.isEnding = true
    clearInterval(this.timer)
  }

  private set(uid: string, told: Told | null, isSaid: boolean): void {
    if (told) this.told.set(uid, told)
    else this.told.delete(uid)
    if (isSaid) this.letGo.delete(uid)
    this.bring(uid)
  }

  private bring(uid: string): void {
    const told = this.told.get(uid)
    const isHeld = told !== undefined && !this.letGo.has(uid) && this.lease.holds(told.balancer.until)
    if (told && !isHeld) this.letGo.add(uid)
    const balancer = this.balancers.get(uid)
    // Its number is another's name for its namespace: it goes first.
    if (balancer && told && balancer.number !== told.balancer.number) return balancer.want(null)
    if (!isHeld) return balancer ? balancer.want(null) : this.isApart(uid)
    this.apart.delete(uid)
    const wanted = balancer ?? this.make(uid, told.balancer.number)
    wanted.want({ ...told, certificates: new Map(certificateIds(told.balancer).flatMap((id) => this.certificates.get(id) ?? []).map((one) => [one.id, one])) })
  }

  private make(uid: string, number: number): Balancer {
    const balancer = new Balancer(uid, number, this.parts, (report) => this.reported(balancer, report))
    this.balancers.set(uid, balancer)
    return balancer
  }

  private reported(balancer: Balancer, report: ExternalReport): void {
    if (report.phase !== 'Gone') return this.onReport(report)
    this.balancers.delete(balancer.uid)
    // It is wanted with another number, or was said again while it went.
    if (this.told.has(balancer.uid) && !this.letGo.has(balancer.uid)) this.bring(balancer.uid)
    else this.isApart(balancer.uid)
  }

  /** The answer to a removal is that it is gone; of what the server says to be here, that it was let go. */
  private isApart(uid: string): void {
    const until = this.told.get(uid)?.balancer.until ?? null
    const report: ExternalReport = until === null
      ? { kind: 'balancer', uid, phase: 'Gone', reason: 'Gone', message: 'The host does not answer for the balancer any more.' }
      : { kind: 'balancer', uid, phase: 'Failed', reason: 'LetGo', message: `The host had not heard of the server for ${until} s and does not answer for the balancer any more, for another host may. It answers again once the server says so.` }
    this.apart.delete(uid)
    this.apart.set(uid, report)
    for (const oldest of this.apart.keys()) {
      if (this.apart.size <= mostApart) break
      this.apart.delete(oldest)
    }
    this.onReport(report)
  }

  private async check(): Promise<void> {
    if (this.isEnding) return
    this.turn += 1
    try {
      for (const [uid, { balancer }] of this.told) if (!this.letGo.has(uid) && !this.lease.holds(balancer.until)) this.release(uid)
      if (this.strays.remain && this.turn % straysEvery === 0) void this.strays.again(() => [...[...this.told.values()].map(({ balancer }) => balancer), ...this.balancers.values()])
      const all = [...this.balancers.values()]
      const inTurn = (every: number) => all.filter((_, at) => at % every === this.turn % every)
      const looked = inTurn(Math.max(1, Math.ceil(all.length / mostLooked)))
      const asked = inTurn(Math.max(serversEvery, Math.ceil(all.length / mostAsked)))
      await Promise.all([...looked.map((balancer) => balancer.check()), ...asked.map((balancer) => this.asking.do(() => balancer.lookAtServers()))])
    } catch (error) {
      this.parts.log.error({ err: error }, 'balancers could not be looked at')
    }
  }

  private release(uid: string): void {
    this.mustHear = true
    this.parts.log.warn({ balancer: uid }, 'the server was not heard of for as long as this host may answer for a balancer: it is let go, for another host may answer for it')
    this.bring(uid)
  }
}

/** Waits for it, or until the time is over. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}

const certificateIds = ({ listeners }: HostBalancer): string[] => [...new Set(listeners.flatMap(({ certificates }) => certificates))]

/** Balancers with their servers; servers of one that is not there are nobody's. */
function toldOf(objects: readonly ExternalObject[]): Map<string, Told> {
  const servers = new Map<string, Map<string, readonly BalancerServer[]>>()
  for (const one of objects) if (one.kind === 'backendServers') servers.set(one.balancerUid, (servers.get(one.balancerUid) ?? new Map()).set(one.backend, one.servers))
  return new Map(objects.flatMap((one) => (one.kind === 'balancer' ? [[one.uid, { balancer: one, servers: servers.get(one.uid) ?? new Map() }]] : [])))
}
