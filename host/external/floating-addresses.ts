import { setImmediate } from 'node:timers/promises'
import type { ExternalReport, HostAddressPool, HostFloatingAddress } from '@/contracts/host/v1/external'
import { familyOf, inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import type { FloatingState } from '@/host/network/floating/known-floating'
import type { RoutedGuestState } from '@/host/network/floating/routed-addresses'
import type { HostNetwork } from '@/host/network/host-network'
import type { Logger } from '@/platform/logger'
import type { LeaseGuard } from './lease-guard'

type Parts = {
  network: Pick<HostNetwork, 'external'> & { floating: Pick<HostNetwork['floating'], 'set' | 'states' | 'answersFor' | 'onChange'> }
  log: Pick<Logger, 'error'>
  /** Keeps in the kernel which of them are answered for only while the server is heard of; without it none is kept from anything. */
  guard?: Pick<LeaseGuard, 'coverAddresses'>
  /** Tells guests of the addresses that are routed to their pods; without it they are taken for told. */
  guests?: { listen(changed: () => void): void; refresh(): void; stateOf(podUid: string): RoutedGuestState } | undefined
  /** What this host makes of an address changed: {@link FloatingAddresses.report} says what it is now. */
  onReport: (uid: string) => void
}

const retryMs = 4_000

/** Addresses that went are remembered for so many reports. */
const MOST_GONE = 10_000

const COMING = 'Coming'

/** The addresses that a host cannot carry out, and why, for their tenants. */
export type Refused = { reason: string; message: string }

/**
 * Floating addresses of pods on this host: what the server says of them, on its way to the bridge and into the pods' networks, and what became of each. A call of
 * {@link apply} says all; the last one wins, and none waits for another's work. What fails is tried again by each look at the host's networks.
 */
export class FloatingAddresses {
  private wanted: { pools: readonly HostAddressPool[]; addresses: readonly HostFloatingAddress[] } | null = null
  private running: Promise<void> | null = null
  private readonly carrying = new Set<Promise<void>>()
  private refused: ReadonlyMap<string, Refused> = new Map()
  /** Those that were said, so that they were carried out or may be, since they were last known to be gone. */
  private readonly held = new Map<string, HostFloatingAddress>()
  private readonly gone = new Set<string>()
  private known: ReadonlyMap<string, HostFloatingAddress> = new Map()
  private told = new Map<string, string>()
  private retry: NodeJS.Timeout | null = null
  private isEnding = false
  private telling: Promise<void> | null = null

  constructor(private readonly parts: Parts) {
    parts.network.floating.onChange(() => this.tellSoon())
    parts.guests?.listen(() => this.tellSoon())
  }

  /** These are all pools and addresses of this host. Returns at once. */
  apply(pools: readonly HostAddressPool[], addresses: readonly HostFloatingAddress[]): void {
    clearTimeout(this.retry ?? undefined)
    this.retry = null
    this.wanted = { pools, addresses }
    for (const one of addresses) {
      this.gone.delete(one.uid)
      this.held.set(one.uid, one)
    }
    this.running ??= this.work().finally(() => (this.running = null))
  }

  /** The agent ends: nothing is tried again. */
  end(): void {
    this.isEnding = true
    clearTimeout(this.retry ?? undefined)
    this.retry = null
  }

  /** Resolves when all that was applied is carried out as far as it can be, and told. */
  async settled(): Promise<void> {
    while (this.running || this.telling || this.carrying.size > 0) await Promise.all([this.running, this.telling, ...this.carrying])
  }

  /** The server takes away an address that was never here: it is told that it is gone. */
  answer(uid: string): void {
    // What was here is told of when it is gone.
    if (this.known.has(uid) || this.held.has(uid) || this.parts.network.floating.answersFor(uid)) return
    this.goes(uid)
    this.parts.onReport(uid)
  }

  /** What became of all addresses, of those that are being let go, and of those that went. */
  reports(): ExternalReport[] {
    this.parts.guests?.refresh()
    return this.reportsOf(this.parts.network.floating.states())
  }

  /** What became of an address; null for one that was never here. */
  report(uid: string): ExternalReport | null {
    return this.reportOf(uid, this.parts.network.floating.states())
  }

  private reportsOf(states: ReadonlyMap<string, FloatingState>): ExternalReport[] {
    return [...new Set([...this.known.keys(), ...this.held.keys(), ...this.gone])].flatMap((uid) => this.reportOf(uid, states) ?? [])
  }

  private reportOf(uid: string, states: ReadonlyMap<string, FloatingState>): ExternalReport | null {
    const of = (phase: ExternalReport['phase'], reason: string, message: string): ExternalReport => ({ kind: 'floatingAddress', uid, phase, reason, message: message.slice(0, 1024) })
    const address = this.known.get(uid) ?? this.saidNext(uid)
    if (!address && this.held.has(uid)) return of('Failed', 'Leaving', 'this host was told to let it go and has not done so yet')
    if (!address) return this.gone.has(uid) ? of('Gone', 'Released', 'this host does not answer for it any more') : null
    const refused = this.refused.get(uid)
    if (refused) return of('Failed', refused.reason, refused.message)
    // One that is on its way to the networks is named too: this host is about to answer for it.
    return of(...this.said(states.get(uid) ?? { state: 'coming' }, address))
  }

  /** An address of the word that is carried out after the one which is now. */
  private saidNext(uid: string): HostFloatingAddress | undefined {
    return this.held.has(uid) ? this.wanted?.addresses.find((one) => one.uid === uid) : undefined
  }

  private said(state: FloatingState, address: HostFloatingAddress): Said {
    const guest = state.state === 'active' && familyOf(address.address) === 6 ? this.parts.guests?.stateOf(address.podUid) : undefined
    return guest ? saidOfRouted(guest, address) : said(state, address)
  }

  private async work(): Promise<void> {
    while (this.wanted) {
      const { pools, addresses } = this.wanted
      this.wanted = null
      this.known = new Map(addresses.map((one) => [one.uid, one]))
      const { network, log } = this.parts
      await network.external.setPools(pools).catch((error: unknown) => log.error({ err: error }, 'the address pools of this host could not be made right; the next look tries again'))
      this.refused = refusals(pools, addresses, (address) => network.external.problemOf(address))
      await this.guard().catch((error: unknown) => this.isUnguarded(error, pools, addresses))
      // One network's work is nobody else's to wait for.
      const carrying = network.floating.set(bindings(addresses.filter(({ uid }) => !this.refused.has(uid)))).catch((error: unknown) => log.error({ err: error }, 'the floating addresses of this host could not be carried out; the next look tries again')).then(() => this.tell()).finally(() => this.carrying.delete(carrying))
      this.carrying.add(carrying)
    }
  }

  /** Many networks and guests that change at once are told of at once: each telling looks at all addresses. */
  private tellSoon(): void {
    this.telling ??= setImmediate().then(() => {
      this.telling = null
      this.tell()
    }).catch((error: unknown) => this.parts.log.error({ err: error }, 'what became of this host\'s floating addresses was not told; the next change tells it'))
  }

  /** Tells of what is other than it was told last. */
  private tell(): void {
    this.parts.guests?.refresh()
    const states = this.parts.network.floating.states()
    // One that the networks have not been told to let go yet may be answered for a moment later.
    for (const uid of [...this.held.keys()]) if (!this.known.has(uid) && !states.has(uid) && !this.saidNext(uid) && !this.parts.network.floating.answersFor(uid)) this.goes(uid)
    // What is on its way is told of when it is there, or cannot be.
    const now = new Map(this.reportsOf(states).filter(({ reason }) => reason !== COMING).map((report) => [report.uid, JSON.stringify(report)]))
    const changed = [...now].filter(([uid, text]) => this.told.get(uid) !== text)
    this.told = now
    for (const [uid] of changed) this.parts.onReport(uid)
    // What went is free of it only now.
    this.guard().catch((error: unknown) => this.parts.log.error({ err: error }, 'addresses that went are kept silent still, should a pod have them again; the next change tries again'))
  }

  /** Of an address that is being let go and said anew for another pod, the shorter time counts. */
  private async guard(): Promise<void> {
    const times = new Map<string, number>()
    for (const { address, until } of this.held.values()) if (typeof until === 'number') times.set(address, Math.min(until, times.get(address) ?? until))
    await this.parts.guard?.coverAddresses(times)
  }

  /** None is led to a pod unguarded that was not before; it is tried again. */
  private isUnguarded(error: unknown, pools: readonly HostAddressPool[], addresses: readonly HostFloatingAddress[]): void {
    this.parts.log.error({ err: error }, 'floating addresses of pods could not be kept from outliving the server\'s word in the kernel: none of them is led to a pod anew before that; it is tried again')
    const message = `the kernel could not be told for how long this host may answer for it: ${error instanceof Error ? error.message : String(error)}. The host tries again every few seconds`
    const refused = addresses.filter(({ uid, until }) => typeof until === 'number' && !this.refused.has(uid) && !this.parts.network.floating.answersFor(uid))
    this.refused = new Map([...this.refused, ...refused.map(({ uid, address }) => [uid, { reason: 'NotGuarded', message: `${address} does not lead to its pod: ${message}` }] as const)])
    if (this.isEnding) return
    this.retry ??= setTimeout(() => {
      this.retry = null
      if (this.wanted === null) this.apply(pools, addresses)
    }, retryMs).unref()
  }

  private goes(uid: string): void {
    this.held.delete(uid)
    this.gone.add(uid)
    for (const oldest of this.gone) {
      if (this.gone.size <= MOST_GONE) break
      this.gone.delete(oldest)
    }
  }
}

/** As the host's network takes them. */
export const bindings = (addresses: readonly HostFloatingAddress[]) => addresses.map(({ uid, address, networkId, podUid, podAddress }) => ({ uid, address, networkId, podUid, target: podAddress }))

type Said = [phase: ExternalReport['phase'], reason: string, message: string]

function said(state: FloatingState, { address, podAddress }: HostFloatingAddress): Said {
  if (state.state === 'active') return ['Active', 'Answering', `${address} leads to ${podAddress}`]
  if (state.state === 'coming') return ['Degraded', COMING, `${address} is being led to ${podAddress}`]
  if (state.state === 'waiting') return ['Degraded', 'PodNotThere', `${address} waits for its pod, which has no network device on this host yet`]
  return ['Failed', 'NotCarriedOut', `${address} does not lead to its pod: ${state.error instanceof Error ? state.error.message : String(state.error)}. The host tries again every few seconds`]
}

/** Of an address that is routed to its pod, which its machine has to have as its own. */
function saidOfRouted(guest: RoutedGuestState, { address }: HostFloatingAddress): Said {
  if (guest.state === 'done') return ['Active', 'Answering', `${address} is routed to its pod, which has it as its own`]
  if (guest.state === 'waiting') return ['Degraded', 'GuestNotTold', `${address} is routed to its pod, whose machine does not have it as its own yet: it gets it when it has started`]
  if (guest.isOld) return ['Degraded', 'GuestTooOld', `${address} is routed to its pod, but the agent in the pod's machine is of a version that knows no such addresses: restart the pod, which gives it the agent of now`]
  return ['Degraded', 'GuestFailed', `${address} is routed to its pod, but the pod's machine did not take it as its own (${guest.error instanceof Error ? guest.error.message : String(guest.error)}). The host tries again every few seconds; if it goes on, restart the pod`]
}

/** What of it no host can carry out, before anything is tried: one address must not keep the others of its network from it. */
export function refusals(pools: readonly HostAddressPool[], addresses: readonly HostFloatingAddress[], problemOf: (address: string) => string | null = () => null): Map<string, Refused> {
  const refused = new Map<string, Refused>()
  const taken = new Map<string, string>()
  for (const { uid, address, podAddress } of addresses) {
    const pool = pools.find(({ cidr }) => inSubnet(parseSubnet(cidr), parseIp(address)))
    const other = taken.get(address)
    const problem = problemOf(address)
    if (!pool) refused.set(uid, { reason: 'NoPool', message: `${address} is of no address pool that this host was told of` })
    else if (pool.gateway === address) refused.set(uid, { reason: 'Gateway', message: `${address} is the gateway of the pool ${pool.name}: it is the hosts' own` })
    else if (problem !== null) refused.set(uid, { reason: 'PoolInUse', message: problem })
    else if (other !== undefined) refused.set(uid, { reason: 'TwoOwners', message: `${address} is another floating address's too (${other}): release one of them` })
    else if (familyOf(address) === 4 && familyOf(podAddress) !== 4) refused.set(uid, { reason: 'NoSuchFamily', message: `${address} is an IPv4 address, and its pod has ${podAddress} alone` })
    if (!refused.has(uid)) taken.set(address, uid)
  }
  return refused
}
