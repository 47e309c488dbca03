import { externalObjectKey, type ExternalMessage, type ExternalObject, type ExternalReport } from '@/contracts/host/v1/external'
import type { CompiledBalancer } from '@/domain/load-balancer/compiled'
import { HeldExternal } from '@/server/gateway/held-external'
import { ToldExternal, type Prepared } from '@/server/gateway/told-external'
import { planExternal, type ExternalPlan } from '../controllers/external/plan'
import type { World, WorldAddress, WorldBalancer, WorldPod, WorldSource } from '../controllers/external/world'

/**
 * The external controller's decisions, what the gateway holds of each connection, and hosts that do what the contract says, over rows in memory that change as the store's
 * statements change them. Between reading and writing anything may happen; messages come in order or are lost with their connection. A host that hears nothing stops after its time.
 */
const compiled: CompiledBalancer = { model: { listeners: [{ port: 80, protocol: 'tcp', certificates: [], rules: [], defaultBackend: 'a', redirectToHttps: null, acceptProxy: false }], backends: [], options: { connectSeconds: 5, clientSeconds: 60, serverSeconds: 60, requestSeconds: 10, tunnelSeconds: 3600, drainSeconds: 30, maxConnections: 10, maxBodyBytes: null, ratePerSecond: null, allow: null, logOneOf: null } }, services: [], certificates: [] }
const networkId = '00000000-0000-4000-8000-000000000001'

type Unwanted = { addresses: { uid: string; address: string }[]; balancers: string[] }
type Reading = { leaving: ReadonlySet<string>; objects: Prepared[]; unwanted: Unwanted }
class Connection {
  readonly held = new HeldExternal()
  readonly told = new ToldExternal()
  readonly toHost: ExternalMessage[] = []
  readonly toServer: { complete: boolean; reports: ExternalReport[] }[] = []
  reading: Reading | null = null
  free: { addresses: string[]; balancers: string[] } | null = null
}
class ModelHost {
  connection = new Connection()
  readonly has = new Map<string, string[]>()
  partitioned = false
  leaseOver = false
  calledLost = false
  constructor(readonly id: string) {
    this.name()
  }

  /** The first report of a connection. */
  name(): void {
    const reports = [...this.has.keys()].map((key) => reportOf(key, 'Active'))
    this.connection.toServer.push({ complete: true, reports })
  }

  get answering(): string[] {
    return this.leaseOver ? [] : [...this.has.values()].flat()
  }
}

function reportOf(key: string, phase: 'Active' | 'Gone'): ExternalReport {
  const [kind, uid = ''] = key.split('/')
  return { kind: kind === 'balancer' ? 'balancer' : 'floatingAddress', uid, phase, reason: '', message: '' }
}
const isAnswering = (key: string) => key.startsWith('balancer/') || key.startsWith('floatingAddress/')

export class ExternalModel {
  private readonly hosts = ['h0', 'h1', 'h2'].map((id) => new ModelHost(id))
  private addresses: WorldAddress[] = []
  private balancers: WorldBalancer[] = []
  private pods: WorldPod[] = []
  private sources: WorldSource[] = []
  private planned: ExternalPlan | null = null
  private made = 0

  /** @param careless the gateway frees what its rows say that it shall not have, whether or not the host has let go: what must never be */
  constructor(private readonly careless = false) {
    for (const [i, id] of ['h0', 'h1', 'h2'].entries()) this.pods.push({ uid: `p${i}`, namespace: 'shop', name: `pod${i}`, hostId: id, addresses: [`10.0.0.${i + 2}`] })
    for (const i of [0, 1]) this.sources.push(this.source(`s${i}`))
    for (const i of [0, 1, 2]) this.addresses.push({ uid: `a${i}`, name: `a${i}`, address: `198.18.100.${i + 2}`, family: 4, generation: 1, target: { kind: 'Pod', namespace: 'shop', name: `pod${i}` }, managed: false, deleted: false, podUid: null, balancerUid: null, hostId: null })
  }

  readonly steps = {
    plan: () => void (this.planned = planExternal(structuredClone(this.world()))),
    apply: () => this.apply(),
    read: (h: number) => this.read(this.host(h)),
    send: (h: number) => this.send(this.host(h)),
    release: (h: number) => this.release(this.host(h)),
    take: (h: number) => this.take(this.host(h)),
    report: (h: number) => this.report(this.host(h)),
    aim: (h: number, at: number) => this.aim(h, at),
    movePod: (h: number, to: number) => this.movePod(h, to),
    toggleService: (h: number) => this.toggleService(h % 2),
    giveBack: (h: number) => this.giveBack(h),
    disconnect: (h: number) => this.disconnect(this.host(h)),
    partition: (h: number) => void (this.host(h).partitioned = true),
    leaseOver: (h: number) => void (this.host(h).leaseOver ||= this.host(h).partitioned),
    callLost: (h: number) => void (this.host(h).calledLost ||= this.host(h).leaseOver),
    heal: (h: number) => this.heal(this.host(h)),
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
    for (const host of this.hosts) this.heal(host)
    for (let round = 0; round < 40; round += 1) this.progress(this.hosts.length)
  }

  private progress(but: number): void {
    for (const step of ['plan', 'apply'] as const) this.steps[step]()
    for (const [h] of this.hosts.entries()) {
      for (const step of ['read', 'send', 'release', 'take', 'report', 'take', 'report'] as const) {
        if (h === but && (step === 'take' || step === 'report')) continue
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
    return { kind: 'Service', uid: `${uid}-${this.made += 1}`, namespace: 'shop', name: uid, generation: 1, networkId, named: null, ips: [], compiled: 'a digest', problem: '', warning: '' }
  }

  private host(h: number): ModelHost {
    const host = this.hosts[h % this.hosts.length]
    if (!host) throw new Error('no host')
    return host
  }

  private world(): World {
    const hosts = this.hosts.map(({ id, leaseOver, calledLost }) => ({ id, name: id, ready: !leaseOver, capable: true, cordoned: false, lost: calledLost, balancers: this.balancers.filter(({ hostId }) => hostId === id).length, networks: new Set<string>() }))
    return { sources: this.sources, addresses: this.addresses, balancers: this.balancers, pods: this.pods, hosts }
  }

  /** As the controller's transaction: each row only where it is as it was read, and only from a host that is silent still. */
  private apply(): void {
    const plan = this.planned
    this.planned = null
    if (!plan) return
    const mayLeave = (from: string | null, to: string | null) => from === null || from === to || this.hosts.some(({ id, leaseOver }) => id === from && leaseOver)
    for (const { uid, from, to } of plan.bind) for (const row of this.balancers) if (row.uid === uid && row.hostId === from && mayLeave(from, to)) Object.assign(row, { hostId: to, leaving: false, report: null })
    for (const { uid, hostId, leaving } of plan.leave) for (const row of this.balancers) if (row.uid === uid && row.hostId === hostId) row.leaving = leaving
    for (const { uid, from, to } of [...plan.hold].sort((a, b) => Number(a.to.podUid !== null) - Number(b.to.podUid !== null))) {
      const row = this.addresses.find((one) => one.uid === uid && one.podUid === from.podUid && one.balancerUid === from.balancerUid && one.hostId === from.hostId)
      // Foreign keys and the unique index: the whole transaction would fail, and be planned anew.
      const fits = (to.podUid === null || (this.pods.some((pod) => pod.uid === to.podUid) && !this.addresses.some((one) => one !== row && one.podUid === to.podUid))) && (to.balancerUid === null || this.balancers.some((one) => one.uid === to.balancerUid))
      // To which host: mayLeave is asked of a change of hosts alone; who is detached stays at its host.
      if (row && fits && mayLeave(from.hostId, to.hostId)) Object.assign(row, to)
    }
    this.addresses = this.addresses.filter(({ uid, hostId, deleted, managed }) => !(plan.removeAddresses.includes(uid) && hostId === null && (deleted || managed)))
    for (const uid of plan.removeBalancers) {
      if (!this.balancers.some((row) => row.uid === uid && row.hostId === null)) continue
      this.balancers = this.balancers.filter((row) => row.uid !== uid)
      for (const row of this.addresses) if (row.balancerUid === uid) row.balancerUid = null
    }
    for (const source of plan.create) {
      if (this.balancers.some((row) => row.sourceUid === source.uid || row.name === source.name)) continue
      this.balancers.push({ uid: `b${this.made += 1}`, kind: 'Service', sourceUid: source.uid, namespace: 'shop', name: source.name, generation: 1, networkId, same: true, inner: ['10.0.0.9'], refusal: '', hostId: null, leaving: false, report: null })
    }
    for (const { balancer } of plan.take) {
      if (!this.balancers.some(({ uid }) => uid === balancer.uid) || this.addresses.some((one) => one.managed && one.balancerUid === balancer.uid)) continue
      const n = (this.made += 1)
      this.addresses.push({ uid: `m${n}`, name: `m${n}`, address: `198.18.101.${n % 250}-${n}`, family: 4, generation: 1, target: null, managed: true, deleted: false, podUid: null, balancerUid: balancer.uid, hostId: null })
    }
  }

  /** As `readHostExternal`: what the gateway decides from later. */
  private read({ id, connection }: ModelHost): void {
    if (!connection.held.isReady || connection.reading || connection.free) return
    const leaving = connection.held.leaving()
    const floating = this.addresses.flatMap(({ uid, address, podUid, hostId }): ExternalObject[] => {
      const pod = this.pods.find((one) => one.uid === podUid && one.hostId === hostId)
      return hostId === id && pod ? [{ kind: 'floatingAddress', uid, address, networkId, podUid: pod.uid, podAddress: pod.addresses[0] ?? '' }] : []
    })
    const bound = this.balancers.filter((row) => row.hostId === id && !row.leaving)
    const balancers = bound.flatMap(({ uid, namespace, name }): ExternalObject[] => {
      const addresses = this.addresses.filter(({ balancerUid, hostId }) => balancerUid === uid && hostId === id).map(({ address }) => address)
      if (addresses.length === 0) return []
      return [{ kind: 'balancer', uid, tenantId: '', namespace, name, number: 1, networkId, network: { number: 1, mtu: 1450, subnets: [], inner: [], mac: '', outbound: 'nat' }, addresses, listeners: [], backends: [], options: compiled.model.options, until: 15 }]
    })
    const objects = [...floating, ...balancers].map((object): Prepared => ({ key: externalObjectKey(object), object, text: JSON.stringify(object), length: 1 }))
    const addresses = this.addresses.filter(({ hostId, podUid, balancerUid }) => hostId === id && podUid === null && !bound.some(({ uid }) => uid === balancerUid)).map(({ uid, address }) => ({ uid, address }))
    connection.reading = { leaving, objects, unwanted: { addresses, balancers: this.balancers.filter((row) => row.hostId === id && row.leaving).map(({ uid }) => uid) } }
  }

  private send({ connection }: ModelHost): void {
    const { reading, held } = connection
    if (!reading) return
    connection.reading = null
    const answering = reading.objects.flatMap(({ object }) => (object.kind === 'floatingAddress' || object.kind === 'balancer' ? [object] : []))
    const chosen = held.choose(answering, reading.leaving, reading.unwanted.addresses.length > 0)
    connection.toHost.push(...connection.told.messages(reading.objects.filter(({ key }) => chosen.has(key))))
    connection.free = { addresses: reading.unwanted.addresses.filter((one) => this.careless || held.isFree(one)).map(({ uid }) => uid), balancers: reading.unwanted.balancers.filter((uid) => this.careless || held.isBalancerFree(uid)) }
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

  private take(host: ModelHost): void {
    if (host.partitioned) return
    const message = host.connection.toHost.shift()
    if (!message) return
    const set = new Map(message.set.map((object) => [externalObjectKey(object), object]))
    const gone = (message.complete ? [...host.has.keys()].filter((key) => !set.has(key)) : message.remove).filter(isAnswering)
    for (const key of gone) host.has.delete(key)
    for (const [key, object] of set) if (isAnswering(key)) host.has.set(key, object.kind === 'balancer' ? object.addresses : object.kind === 'floatingAddress' ? [object.address] : [])
    const reports = [...gone.map((key) => reportOf(key, 'Gone')), ...[...set.keys()].filter(isAnswering).map((key) => reportOf(key, 'Active'))]
    if (reports.length > 0) host.connection.toServer.push({ complete: false, reports })
  }

  private report({ partitioned, connection }: ModelHost): void {
    if (partitioned) return
    const said = connection.toServer.shift()
    if (!said) return
    if (said.complete) connection.held.begin(said.reports)
    for (const one of said.reports) connection.held.settle(one)
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

  private disconnect(host: ModelHost): void {
    if (host.partitioned) return
    host.connection = new Connection()
    host.name()
  }

  /** After its time is over it hangs up, and has only what it is told on a new connection. */
  private heal(host: ModelHost): void {
    host.partitioned = false
    host.calledLost = false
    if (!host.leaseOver) return
    host.leaseOver = false
    host.has.clear()
    this.disconnect(host)
  }
}
