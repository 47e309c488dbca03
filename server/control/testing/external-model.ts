import { externalObjectKey, type ExternalObject } from '@/contracts/host/v1/external'
import type { CompiledBalancer } from '@/domain/load-balancer/compiled'
import type { Prepared } from '@/server/gateway/told-external'
import { planExternal, type ExternalPlan } from '../controllers/external/plan'
import type { World, WorldAddress, WorldBalancer, WorldPod, WorldSource } from '../controllers/external/world'
import { ModelHost, type Row } from './model-host'

const compiled: CompiledBalancer = { model: { listeners: [{ port: 80, protocol: 'tcp', certificates: [], rules: [], defaultBackend: 'a', redirectToHttps: null, acceptProxy: false }], backends: [], options: { connectSeconds: 5, clientSeconds: 60, serverSeconds: 60, requestSeconds: 10, tunnelSeconds: 3600, drainSeconds: 30, maxConnections: 10, maxBodyBytes: null, ratePerSecond: null, allow: null, logOneOf: null } }, services: [], certificates: [] }
const networkId = '00000000-0000-4000-8000-000000000001'

/**
 * What must never be, for the test to see that it is found out. `free`: the gateway frees what its rows say that it shall not have, whether or not the host has let go. `now`: a host counts as told of its
 * time as soon as another one could take over; `sent`: as soon as it was sent to it; `early`: by each heartbeat, whatever it is of; `once`: for ever after.
 */
export type Careless = 'free' | 'now' | 'sent' | 'early' | 'once' | null
/** Of the hosts, whether each agent knows of the outside from the beginning. */
export type Capable = readonly [boolean, boolean, boolean]

/**
 * The external controller's decisions, what the gateway holds of each connection, and hosts that do what the contract says, over rows in memory that change as the store's
 * statements change them. Between reading and writing anything may happen; messages come in order or are lost with their connection. A host that hears nothing stops after its time, where it was
 * told one; what it was told while nobody else could take over it answers for on and on. Agents come, with another version or for the first time, and connections end.
 */
export class ExternalModel {
  private readonly hosts: readonly ModelHost[]
  private addresses: WorldAddress[] = []
  private balancers: WorldBalancer[] = []
  private pods: WorldPod[] = []
  private sources: WorldSource[] = []
  private writes: (() => void)[] = []
  private made = 0

  constructor(capable: Capable, private readonly careless: Careless = null) {
    this.hosts = capable.map((one, i) => new ModelHost(`h${i}`, one))
    for (const [i, id] of ['h0', 'h1', 'h2'].entries()) this.pods.push({ uid: `p${i}`, namespace: 'shop', name: `pod${i}`, hostId: id, addresses: [`10.0.0.${i + 2}`] })
    for (const i of [0, 1]) this.sources.push(this.source(`s${i}`))
    for (const i of [0, 1, 2]) this.addresses.push({ uid: `a${i}`, name: `a${i}`, address: `198.18.100.${i + 2}`, family: 4, generation: 1, target: { kind: 'Pod', namespace: 'shop', name: `pod${i}` }, managed: false, deleted: false, podUid: null, balancerUid: null, hostId: null })
  }

  readonly steps = {
    // What was planned before and is not written is lost: the process that led has died.
    plan: () => void (this.writes = this.writesOf(planExternal(structuredClone(this.world())))),
    apply: () => this.apply(),
    applyOne: () => this.apply(1),
    read: (h: number) => this.read(this.host(h)),
    /** As much as the gateway has heard of. */
    readSome: (h: number, count: number) => this.read(this.host(h), count),
    send: (h: number) => this.send(this.host(h)),
    release: (h: number) => this.release(this.host(h)),
    take: (h: number) => this.host(h).take(),
    report: (h: number) => this.report(this.host(h)),
    aim: (h: number, at: number) => this.aim(h, at),
    movePod: (h: number, to: number) => this.movePod(h, to),
    toggleService: (h: number) => this.toggleService(h % 2),
    giveBack: (h: number) => this.giveBack(h),
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
      host.heal()
      if (!host.capable) host.changeAgent()
    }
    for (let round = 0; round < 40; round += 1) this.progress(this.hosts.length)
  }

  private progress(but: number): void {
    for (const step of ['plan', 'apply'] as const) this.steps[step]()
    for (const [h] of this.hosts.entries()) {
      for (const step of ['read', 'send', 'release', 'take', 'report', 'take', 'report', 'beat', 'hear'] as const) {
        if (h === but && ['take', 'report', 'beat', 'hear'].includes(step)) continue
        this.steps[step](h)
        this.check(`${step} at h${h}`)
      }
    }
  }

  /** The addresses that are not answered for where they shall be. */
  misplaced(): string[] {
    const at = (address: string) => this.hosts.filter((host) => host.answering.includes(address)).map(({ id }) => id).join()
    return this.addresses.flatMap(({ address, target, podUid, managed, deleted }) => {
      const pod = target?.kind === 'Pod' ? this.pods.find(({ name }) => name === target.name) : undefined
      const first = pod && this.addresses.find((one) => one.podUid === pod.uid)
      const source = target?.kind === 'Service' ? this.sources.find(({ name }) => name === target.name) : undefined
      const found = at(address)
      if (deleted) return [`${address} was given back and is there`]
      // Of two addresses for one pod, one waits.
      if (pod && first?.address !== address) return podUid === null && found === '' ? [] : [`${address} of a second for ${pod.name} is at ${found}`]
      const wanted = pod ? found === pod.hostId : source || managed ? found !== '' : found === ''
      return wanted ? [] : [`${address} is at "${found}", its target is ${JSON.stringify(target)}`]
    })
  }

  private source(uid: string): WorldSource {
    return { kind: 'Service', uid: `${uid}-${this.made += 1}`, namespace: 'shop', name: uid, generation: 1, networkId, named: null, ips: [], family: null, compiled: 'a digest', problem: '', warning: '' }
  }

  private host(h: number): ModelHost {
    const host = this.hosts[h % this.hosts.length]
    if (!host) throw new Error('no host')
    return host
  }

  private world(): World {
    const hosts = this.hosts.map(({ id, leaseOver, calledLost, capable }) => ({ id, name: id, ready: !leaseOver, capable, cordoned: false, lost: calledLost, balancers: this.balancers.filter(({ hostId }) => hostId === id).length, networks: new Set(this.pods.some(({ hostId }) => hostId === id) ? [networkId] : []) }))
    const reach = new Set(this.pods.slice(0, 1).flatMap(({ hostId }) => hostId ?? []))
    return { sources: this.sources, addresses: this.addresses, balancers: this.balancers.map((row) => ({ ...row, reach })), pods: this.pods, hosts }
  }

  /** As the controller's writes, each only where its row is as it was read, and only from a host that is silent still. They are written in parts: anything may come between two of them. */
  private writesOf(plan: ExternalPlan): (() => void)[] {
    const mayLeave = (from: string | null, to: string | null) => from === null || from === to || this.hosts.some(({ id, leaseOver }) => id === from && leaseOver)
    return [
      ...plan.leave.map(({ uid, hostId, leaving }) => () => {
        for (const row of this.balancers) if (row.uid === uid && row.hostId === hostId) row.leaving = leaving
      }),
      ...plan.bind.map(({ uid, from, to }) => () => {
        for (const row of this.balancers) if (row.uid === uid && row.hostId === from && mayLeave(from, to)) Object.assign(row, { hostId: to, leaving: false, report: null })
      }),
      ...[...plan.hold].sort((a, b) => Number(a.to.podUid !== null) - Number(b.to.podUid !== null)).map(({ uid, from, to }) => () => {
        const row = this.addresses.find((one) => one.uid === uid && one.podUid === from.podUid && one.balancerUid === from.balancerUid && one.hostId === from.hostId)
        // Foreign keys and the unique index: the whole transaction would fail, and be planned anew.
        const fits = (to.podUid === null || (this.pods.some((pod) => pod.uid === to.podUid) && !this.addresses.some((one) => one !== row && one.podUid === to.podUid))) && (to.balancerUid === null || this.balancers.some((one) => one.uid === to.balancerUid))
        // To which host: mayLeave is asked of a change of hosts alone; who is detached stays at its host.
        if (row && fits && mayLeave(from.hostId, to.hostId)) Object.assign(row, to)
      }),
      ...plan.removeAddresses.map((gone) => () => {
        this.addresses = this.addresses.filter(({ uid, hostId, deleted, managed }) => !(uid === gone && hostId === null && (deleted || managed)))
      }),
      ...plan.removeBalancers.map((gone) => () => {
        if (!this.balancers.some((row) => row.uid === gone && row.hostId === null)) return
        this.balancers = this.balancers.filter((row) => row.uid !== gone)
        for (const row of this.addresses) if (row.balancerUid === gone) row.balancerUid = null
      }),
      ...plan.take.map(({ balancer }) => () => {
        if (!this.balancers.some(({ uid }) => uid === balancer.uid) || this.addresses.some((one) => one.managed && one.balancerUid === balancer.uid)) return
        const n = (this.made += 1)
        this.addresses.push({ uid: `m${n}`, name: `m${n}`, address: `198.18.101.${n % 250}-${n}`, family: 4, generation: 1, target: null, managed: true, deleted: false, podUid: null, balancerUid: balancer.uid, hostId: null })
      }),
      ...plan.create.map((source) => () => {
        if (this.balancers.some((row) => row.sourceUid === source.uid || row.name === source.name)) return
        this.balancers.push({ uid: `b${this.made += 1}`, kind: 'Service', sourceUid: source.uid, namespace: 'shop', name: source.name, generation: 1, networkId, same: true, inner: ['10.0.0.9'], refusal: '', hostId: null, leaving: false, report: null, reach: new Set() })
      }),
    ]
  }

  private apply(count = Infinity): void {
    for (const write of this.writes.splice(0, count)) write()
  }

  /** As the feed tells a host's gateway: a row of which holder or host changed, on the host that it had and the one that it has; an address with its balancers. */
  private note({ id, connection }: ModelHost): void {
    const rows = new Map<string, Row>([
      ...this.addresses.map(({ uid, hostId, podUid, balancerUid }) => [uid, { hostId, with: balancerUid, text: JSON.stringify([hostId, podUid, balancerUid]) }] as const),
      ...this.balancers.map(({ uid, hostId, leaving }) => [uid, { hostId, with: null, text: JSON.stringify([hostId, leaving]) }] as const),
    ])
    for (const uid of new Set([...(connection.seen?.keys() ?? []), ...rows.keys()])) {
      const both = [connection.seen?.get(uid), rows.get(uid)].flatMap((row) => row ?? [])
      if ((both.length === 2 && both[0]?.text === both[1]?.text) || !both.some(({ hostId }) => hostId === id)) continue
      for (const one of [uid, ...both.flatMap((row) => row.with ?? [])]) connection.changed.add(one)
    }
    connection.seen = rows
  }

  /** What the gateway reads now: everything at first and where its host is to be told otherwise who could take over, else what changed. */
  private scopeOf({ connection }: ModelHost, others: boolean, count: number): ReadonlySet<string> | null {
    const scope = connection.others !== others ? null : new Set([...[...connection.changed].slice(0, count), ...(connection.settled ? connection.held.waiting() : [])])
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
    const scope = this.scopeOf(host, others, count)
    const until = others ? 15 : null
    const leaving = connection.held.leaving()
    const floating = this.addresses.flatMap(({ uid, address, podUid, hostId }): ExternalObject[] => {
      const pod = this.pods.find((one) => one.uid === podUid && one.hostId === hostId)
      return hostId === id && pod ? [{ kind: 'floatingAddress', uid, address, networkId, podUid: pod.uid, podAddress: pod.addresses[0] ?? '', until }] : []
    })
    const bound = this.balancers.filter((row) => row.hostId === id && !row.leaving)
    const balancers = bound.flatMap(({ uid, namespace, name }): ExternalObject[] => {
      const addresses = this.addresses.filter(({ balancerUid, hostId }) => balancerUid === uid && hostId === id).map(({ address }) => address)
      if (addresses.length === 0) return []
      return [{ kind: 'balancer', uid, tenantId: '', namespace, name, number: 1, networkId, network: { number: 1, mtu: 1450, subnets: [], inner: [], mac: '', outbound: 'nat' }, addresses, listeners: [], backends: [], options: compiled.model.options, until }]
    })
    const objects = [...floating, ...balancers].filter((object) => scope === null || scope.has(externalObjectKey(object).split('/')[1] ?? '')).map((object): Prepared => ({ key: externalObjectKey(object), object, text: JSON.stringify(object), length: 1 }))
    const addresses = this.addresses.filter(({ hostId, podUid, balancerUid }) => hostId === id && podUid === null && !bound.some(({ uid }) => uid === balancerUid)).map(({ uid, address }) => ({ uid, address }))
    connection.reading = { scope, others, leaving, objects, unwanted: { addresses, balancers: this.balancers.filter((row) => row.hostId === id && row.leaving).map(({ uid }) => uid) } }
  }

  private send(host: ModelHost): void {
    const { reading, held, lease, told, toHost } = host.connection
    const { connection } = host
    if (!reading) return
    connection.reading = null
    lease.begins(reading.others)
    if (!reading.others && this.careless !== 'once') host.leaseTold = false
    const answering = reading.objects.flatMap(({ object }) => (object.kind === 'floatingAddress' || object.kind === 'balancer' ? [object] : []))
    const only = (key: string) => reading.scope === null || reading.scope.has(key.split('/')[1] ?? '')
    const chosen = held.choose(answering, reading.leaving, reading.unwanted.addresses.length > 0, only)
    for (const message of told.messages(reading.objects.filter(({ key }) => chosen.has(key)), only)) {
      lease.wasSent()
      toHost.push(message)
    }
    if (reading.scope === null) lease.ends(reading.others)
    connection.others = reading.others
    if (this.careless === 'sent' && reading.others) host.leaseTold = true
    connection.free = { addresses: reading.unwanted.addresses.filter((one) => this.careless === 'free' || held.isFree(one)).map(({ uid }) => uid), balancers: reading.unwanted.balancers.filter((uid) => this.careless === 'free' || held.isBalancerFree(uid)) }
  }

  /** As `releaseFromHost`. A connection that was replaced is not here any more. */
  private release({ id, connection }: ModelHost): void {
    const { free } = connection
    connection.free = null
    if (!free) return
    for (const row of this.balancers) if (free.balancers.includes(row.uid) && row.hostId === id && row.leaving) Object.assign(row, { hostId: null, leaving: false, report: null })
    for (const row of this.addresses) {
      const isBound = this.balancers.some(({ uid, hostId, leaving }) => uid === row.balancerUid && hostId === id && !leaving)
      if (free.addresses.includes(row.uid) && row.hostId === id && row.podUid === null && !isBound) row.hostId = null
    }
  }

  private report({ partitioned, connection }: ModelHost): void {
    if (partitioned) return
    const said = connection.toServer.shift()
    if (!said) return
    if (said.complete) connection.held.begin(said.reports)
    for (const one of said.reports) if (connection.held.settle(one)) connection.settled = true
  }

  private aim(i: number, at: number): void {
    const row = this.addresses.find(({ uid }) => uid === `a${i}`)
    if (!row) return
    row.target = at === 3 ? { kind: 'Service', namespace: 'shop', name: `s${i % 2}` } : (i + at) % 4 === 3 ? null : { kind: 'Pod', namespace: 'shop', name: `pod${at}` }
  }

  /** A pod of the name is deleted, and made anew on another host. */
  private movePod(i: number, to: number): void {
    const before = this.pods.find(({ name }) => name === `pod${i}`)
    for (const row of this.addresses) if (row.podUid === before?.uid) row.podUid = null
    this.pods = this.pods.filter((pod) => pod !== before)
    this.pods.push({ uid: `p${i}-${this.made += 1}`, namespace: 'shop', name: `pod${i}`, hostId: this.host(to).id, addresses: [`10.0.0.${i + 2}`] })
  }

  private toggleService(i: number): void {
    const before = this.sources.find(({ name }) => name === `s${i}`)
    if (before) this.sources = this.sources.filter((one) => one !== before)
    else this.sources.push(this.source(`s${i}`))
  }

  private giveBack(i: number): void {
    const row = this.addresses.find(({ uid }) => uid === `a${i}`)
    if (row) row.deleted = true
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
