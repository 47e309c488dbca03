import { externalObjectKey, type ExternalObject } from '@/contracts/host/v1/external'
import { asChosen } from '@/server/gateway/held-external'
import type { Prepared } from '@/server/gateway/told-external'
import { planExternal } from '../controllers/external/plan'
import { ModelHost, reportOf, type Row } from './model-host'
import { compiled, ModelRows, networkId } from './model-rows'

/**
 * What must never be, for the test to see that it is found out. `free`: the gateway frees what its rows say that it shall not have, whether or not the host has let go. `now`: a host counts as told of its
 * time as soon as another one could take over; `sent`: as soon as it was sent to it; `early`: by each heartbeat, whatever it is of; `once`: for ever after. `single`: a single address of a balancer counts as let
 * go of once that was told; `stale`: by each word of which addresses a balancer holds, whatever it is of. `forgets`: what an earlier connection told a balancer counts as let go of once
 * this one told that balancer anything.
 */
export type Careless = 'free' | 'now' | 'sent' | 'early' | 'once' | 'single' | 'stale' | 'forgets' | null
/** Of the hosts, whether each agent knows of the outside from the beginning. */
export type Capable = readonly [boolean, boolean, boolean]

/**
 * The external controller's decisions, what the gateway holds of each connection, and hosts that do what the contract says, over rows in memory that change as the store's
 * statements change them. Between reading and writing anything may happen; messages come in order or are lost with their connection. A host that hears nothing stops after its time, where it was
 * told one; what it was told while nobody else could take over it answers for on and on. What a balancer has in its kernel comes after what its host was told. Agents come, with another version
 * or for the first time, and connections end.
 */
export class ExternalModel {
  private readonly hosts: readonly ModelHost[]
  private readonly rows: ModelRows
  private writes: (() => void)[] = []

  constructor(capable: Capable, private readonly careless: Careless = null) {
    // The agent of the last host is of before: it says of no balancer which addresses it holds.
    this.hosts = capable.map((one, i) => new ModelHost(`h${i}`, one, i < 2))
    this.rows = new ModelRows(this.hosts)
  }

  readonly steps = {
    // What was planned before and is not written is lost: the process that led has died.
    plan: () => void (this.writes = this.rows.writesOf(planExternal(structuredClone(this.rows.world())))),
    apply: () => this.apply(),
    applyOne: () => this.apply(1),
    read: (h: number) => this.read(this.host(h)),
    /** As much as the gateway has heard of. */
    readSome: (h: number, count: number) => this.read(this.host(h), count),
    send: (h: number) => this.send(this.host(h)),
    release: (h: number) => this.release(this.host(h)),
    take: (h: number) => this.host(h).take(),
    work: (h: number) => this.host(h).work(),
    report: (h: number) => this.report(this.host(h)),
    aim: (h: number, at: number) => this.rows.aim(h, at),
    movePod: (h: number, to: number) => this.rows.movePod(h, this.host(to).id),
    toggleService: (h: number) => this.rows.toggleService(h % 2),
    giveBack: (h: number) => this.rows.giveBack(h),
    holdPods: (h: number) => void (this.host(h).slowPods = !this.host(h).slowPods),
    disconnect: (h: number) => this.host(h).disconnect(),
    partition: (h: number) => void (this.host(h).partitioned = true),
    leaseOver: (h: number) => void (this.host(h).leaseOver ||= this.host(h).partitioned),
    callLost: (h: number) => void (this.host(h).calledLost ||= this.host(h).leaseOver && this.isToldLease(this.host(h))),
    heal: (h: number) => this.host(h).heal(),
    beat: (h: number) => this.host(h).beat(),
    hear: (h: number) => this.hear(this.host(h)),
    /** Its agent is replaced by one that knows of the outside, or by one that does not. */
    changeAgent: (h: number) => this.host(h).changeAgent(),
    /** All that is due, but that one host is slow. */
    progress: (h: number) => this.progress(h),
  }

  /** Throws where two hosts answer for one address, or one host for it as two things. */
  check(after: string): void {
    const all = this.hosts.flatMap((host) => host.answering.map((address) => [address, host.id] as const))
    for (const [address, id] of all) if (all.filter((one) => one[0] === address).length > 1) throw new Error(`after ${after}, ${address} has two owners, one of them ${id}`)
  }

  /** All are there again, and everything is done until nothing changes. */
  settle(): void {
    for (const host of this.hosts) {
      host.slowPods = false
      host.heal()
      if (!host.capable) host.changeAgent()
    }
    for (let round = 0; round < 40; round += 1) this.progress(this.hosts.length)
  }

  private progress(but: number): void {
    for (const step of ['plan', 'apply'] as const) this.steps[step]()
    for (const [h] of this.hosts.entries()) {
      for (const step of ['read', 'send', 'release', 'take', 'work', 'report', 'take', 'work', 'report', 'report', 'beat', 'hear'] as const) {
        if (h === but && ['take', 'work', 'report', 'beat', 'hear'].includes(step)) continue
        this.steps[step](h)
        this.check(`${step} at h${h}`)
      }
    }
  }

  /** The addresses that are not answered for where they shall be. */
  misplaced(): string[] {
    const at = (address: string) => this.hosts.filter((host) => host.answering.includes(address)).map(({ id }) => id).join()
    return this.rows.addresses.flatMap(({ address, target, podUid, managed, deleted }) => {
      const pod = target?.kind === 'Pod' ? this.rows.pods.find(({ name }) => name === target.name) : undefined
      const first = pod && this.rows.addresses.find((one) => one.podUid === pod.uid)
      const source = target?.kind === 'Service' ? this.rows.sources.find(({ name }) => name === target.name) : undefined
      const found = at(address)
      if (deleted) return [`${address} was given back and is there`]
      // Of two addresses for one pod, one waits.
      if (pod && first?.address !== address) return podUid === null && found === '' ? [] : [`${address} of a second for ${pod.name} is at ${found}`]
      const balancer = source && this.rows.balancers.find(({ sourceUid }) => sourceUid === source.uid)
      const wanted = pod ? found === pod.hostId : source ? found !== '' && found === balancer?.hostId : managed ? found !== '' : found === ''
      return wanted ? [] : [`${address} is at "${found}", its target is ${JSON.stringify(target)}`]
    })
  }

  private host(h: number): ModelHost {
    const host = this.hosts[h % this.hosts.length]
    if (!host) throw new Error('no host')
    return host
  }

  private apply(count = Infinity): void {
    for (const write of this.writes.splice(0, count)) write()
  }

  /** As the feed tells a host's gateway: a row of which holder or host changed, on the host that it had and the one that it has; an address with its balancers. */
  private note({ id, connection }: ModelHost): void {
    const rows = new Map<string, Row>([
      ...this.rows.addresses.map(({ uid, hostId, podUid, balancerUid }) => [uid, { hostId, with: balancerUid, text: JSON.stringify([hostId, podUid, balancerUid]) }] as const),
      ...this.rows.balancers.map(({ uid, hostId, leaving }) => [uid, { hostId, with: null, text: JSON.stringify([hostId, leaving]) }] as const),
    ])
    for (const uid of new Set([...(connection.seen?.keys() ?? []), ...rows.keys()])) {
      const both = [connection.seen?.get(uid), rows.get(uid)].flatMap((row) => row ?? [])
      if ((both.length === 2 && both[0]?.text === both[1]?.text) || !both.some(({ hostId }) => hostId === id)) continue
      for (const one of [uid, ...both.flatMap((row) => row.with ?? [])]) connection.changed.add(one)
    }
    connection.seen = rows
  }

  /** What the gateway reads now: everything at first and where its host is to be told otherwise who could take over, or what it holds is not known, else what changed. */
  private scopeOf({ connection }: ModelHost, isWhole: boolean, count: number): ReadonlySet<string> | null {
    const scope = isWhole ? null : new Set([...[...connection.changed].slice(0, count), ...(connection.settled ? connection.held.waiting() : []), ...connection.awaited])
    connection.settled = false
    for (const uid of scope ?? connection.changed) connection.changed.delete(uid)
    return scope
  }

  /** As `readHostExternal`: what the gateway decides from later. */
  private read(host: ModelHost, count = Infinity): void {
    const { id, connection } = host
    if (!connection.held.isReady || connection.reading || connection.free) return
    const others = this.hosts.some((one) => one.id !== id && one.capable)
    this.note(host)
    const bound = this.rows.balancers.filter((row) => row.hostId === id && !row.leaving)
    const addresses = this.rows.addresses.filter(({ hostId, podUid, balancerUid }) => hostId === id && podUid === null && !bound.some(({ uid }) => uid === balancerUid)).map(({ uid, address }) => ({ uid, address }))
    const scope = this.scopeOf(host, connection.others !== others || connection.held.needsWhole(addresses.length > 0), count)
    if (!host.slowPods) for (const pod of this.rows.pods) if (pod.hostId === id) connection.pods.add(pod.uid)
    const until = others ? 15 : null
    const leaving = connection.held.leaving()
    const floatingAndWaiting = this.rows.addresses.flatMap(({ uid, address, podUid, hostId }): ExternalObject[] => {
      const pod = this.rows.pods.find((one) => one.uid === podUid && one.hostId === hostId)
      return hostId === id && pod ? [{ kind: 'floatingAddress', uid, address, networkId, podUid: pod.uid, podAddress: pod.addresses[0] ?? '', until }] : []
    })
    const floating = floatingAndWaiting.filter((one) => one.kind === 'floatingAddress' && connection.pods.has(one.podUid))
    connection.awaited = new Set(floatingAndWaiting.flatMap((one) => (one.kind === 'floatingAddress' && !connection.pods.has(one.podUid) ? [one.uid] : [])))
    const balancers = bound.flatMap(({ uid, namespace, name }): ExternalObject[] => {
      const addresses = this.rows.addresses.filter(({ balancerUid, hostId }) => balancerUid === uid && hostId === id).map(({ address }) => address)
      if (addresses.length === 0) return []
      return [{ kind: 'balancer', uid, tenantId: '', namespace, name, number: 1, networkId, network: { number: 1, mtu: 1450, subnets: [], inner: [], mac: '', outbound: 'nat' }, addresses, listeners: [], backends: [], options: compiled.model.options, until }]
    })
    const objects = [...floating, ...balancers].filter((object) => scope === null || scope.has(externalObjectKey(object).split('/')[1] ?? ''))
    connection.reading = { scope, others, leaving, objects, unwanted: { addresses, balancers: this.rows.balancers.filter((row) => row.hostId === id && row.leaving).map(({ uid }) => uid) } }
  }

  private send(host: ModelHost): void {
    const { reading, held, lease, told, toHost } = host.connection
    const { connection } = host
    if (!reading) return
    connection.reading = null
    lease.begins(reading.others)
    if (!reading.others && this.careless !== 'once') host.leaseTold = false
    const answering = reading.objects.flatMap((object) => (object.kind === 'floatingAddress' || object.kind === 'balancer' ? [object] : []))
    const only = (key: string) => reading.scope === null || reading.scope.has(key.split('/')[1] ?? '')
    const chosen = held.choose(answering, reading.leaving, reading.unwanted.addresses.length > 0, only)
    for (const message of told.messages(reading.objects.flatMap((object) => prepare(asChosen(object, chosen))), only)) {
      lease.wasSent()
      held.wasSent()
      connection.sent += 1
      toHost.push(message)
    }
    for (const address of [...chosen.values()].flat()) connection.everTold.add(address)
    const isFree = (one: { uid: string; address: string }) => this.careless === 'free' || held.isFree(one) || (this.careless === 'forgets' && connection.everTold.size > 0 && !connection.everTold.has(one.address))
    if (this.careless === 'single') for (const [key, addresses] of chosen) held.hear(reportOf(key, 'Active', { addresses: [...addresses], taken: connection.sent }))
    if (reading.scope === null) lease.ends(reading.others)
    connection.others = reading.others
    if (this.careless === 'sent' && reading.others) host.leaseTold = true
    connection.free = { addresses: reading.unwanted.addresses.filter(isFree).map(({ uid }) => uid), balancers: reading.unwanted.balancers.filter((uid) => this.careless === 'free' || held.isBalancerFree(uid)) }
  }

  /** As `releaseFromHost`. A connection that was replaced is not here any more. */
  private release({ id, connection }: ModelHost): void {
    const { free } = connection
    connection.free = null
    if (!free) return
    for (const row of this.rows.balancers) if (free.balancers.includes(row.uid) && row.hostId === id && row.leaving) Object.assign(row, { hostId: null, leaving: false, report: null })
    for (const row of this.rows.addresses) {
      const isBound = this.rows.balancers.some(({ uid, hostId, leaving }) => uid === row.balancerUid && hostId === id && !leaving)
      if (free.addresses.includes(row.uid) && row.hostId === id && row.podUid === null && !isBound) row.hostId = null
    }
  }

  private report({ partitioned, connection }: ModelHost): void {
    if (partitioned) return
    const said = connection.toServer.shift()
    if (!said) return
    if (said.complete) connection.held.begin(said.reports)
    for (const one of said.reports) if (connection.held.settle(one) || connection.held.hear(this.careless === 'stale' ? { ...one, taken: connection.sent } : one)) connection.settled = true
  }

  private isToldLease({ id, leaseTold }: ModelHost): boolean {
    return this.careless === 'now' ? this.hosts.some((one) => one.id !== id && one.capable) : leaseTold
  }

  /** One that comes late may be of before its host took what was sent since. */
  private hear(host: ModelHost): void {
    const { beats, lease } = host.connection
    if (host.leaseOver || beats.length === 0) return
    const leased = beats.shift()
    if (lease.isKnown(leased) || this.careless === 'early') host.leaseTold = true
    else if (leased === undefined && this.careless !== 'once') host.leaseTold = false
  }
}

const prepare = (object: ExternalObject | null): Prepared[] => (object ? [{ key: externalObjectKey(object), object, text: JSON.stringify(object), length: 1 }] : [])
