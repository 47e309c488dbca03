import type { CompiledBalancer } from '@/domain/load-balancer/compiled'
import type { ExternalPlan } from '../controllers/external/plan'
import type { World, WorldAddress, WorldBalancer, WorldPod, WorldSource } from '../controllers/external/world'
import type { ModelHost } from './model-host'

export const compiled: CompiledBalancer = { model: { listeners: [{ port: 80, protocol: 'tcp', certificates: [], rules: [], defaultBackend: 'a', redirectToHttps: null, acceptProxy: false }], backends: [], options: { connectSeconds: 5, clientSeconds: 60, serverSeconds: 60, requestSeconds: 10, tunnelSeconds: 3600, drainSeconds: 30, maxConnections: 10, maxBodyBytes: null, ratePerSecond: null, allow: null, logOneOf: null } }, services: [], certificates: [] }
export const networkId = '00000000-0000-4000-8000-000000000001'

/** Rows of one tenant in memory: what people want, and what the controller and the gateways make of it, changed as the store's statements change them. */
export class ModelRows {
  addresses: WorldAddress[] = []
  balancers: WorldBalancer[] = []
  pods: WorldPod[] = []
  sources: WorldSource[] = []
  private made = 0

  constructor(private readonly hosts: readonly ModelHost[]) {
    for (const [i, id] of ['h0', 'h1', 'h2'].entries()) this.pods.push({ uid: `p${i}`, namespace: 'shop', name: `pod${i}`, hostId: id, addresses: [`10.0.0.${i + 2}`] })
    for (const i of [0, 1]) this.sources.push(this.source(`s${i}`))
    for (const i of [0, 1, 2]) this.addresses.push({ uid: `a${i}`, name: `a${i}`, address: `198.18.100.${i + 2}`, family: 4, generation: 1, target: { kind: 'Pod', namespace: 'shop', name: `pod${i}` }, managed: false, deleted: false, podUid: null, balancerUid: null, hostId: null })
  }

  world(): World {
    const hosts = this.hosts.map(({ id, leaseOver, calledLost, capable }) => ({ id, name: id, ready: !leaseOver, capable, cordoned: false, lost: calledLost, balancers: this.balancers.filter(({ hostId }) => hostId === id).length, networks: new Set(this.pods.some(({ hostId }) => hostId === id) ? [networkId] : []) }))
    const reach = new Set(this.pods.slice(0, 1).flatMap(({ hostId }) => hostId ?? []))
    return { sources: this.sources, addresses: this.addresses, balancers: this.balancers.map((row) => ({ ...row, reach })), pods: this.pods, hosts }
  }

  /** As the controller's writes, each only where its row is as it was read, and only from a host that is silent still. They are written in parts: anything may come between two of them. */
  writesOf(plan: ExternalPlan): (() => void)[] {
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

  aim(i: number, at: number): void {
    const row = this.addresses.find(({ uid }) => uid === `a${i}`)
    if (!row) return
    row.target = at >= 3 ? { kind: 'Service', namespace: 'shop', name: `s${(i + at - 3) % 2}` } : (i + at) % 4 === 3 ? null : { kind: 'Pod', namespace: 'shop', name: `pod${at}` }
  }

  /** A pod of the name is deleted, and made anew on another host. */
  movePod(i: number, hostId: string): void {
    const before = this.pods.find(({ name }) => name === `pod${i}`)
    for (const row of this.addresses) if (row.podUid === before?.uid) row.podUid = null
    this.pods = this.pods.filter((pod) => pod !== before)
    this.pods.push({ uid: `p${i}-${this.made += 1}`, namespace: 'shop', name: `pod${i}`, hostId, addresses: [`10.0.0.${i + 2}`] })
  }

  toggleService(i: number): void {
    const before = this.sources.find(({ name }) => name === `s${i}`)
    if (before) this.sources = this.sources.filter((one) => one !== before)
    else this.sources.push(this.source(`s${i}`))
  }

  giveBack(i: number): void {
    const row = this.addresses.find(({ uid }) => uid === `a${i}`)
    if (row) row.deleted = true
  }

  private source(uid: string): WorldSource {
    return { kind: 'Service', uid: `${uid}-${this.made += 1}`, namespace: 'shop', name: uid, generation: 1, networkId, named: null, ips: [], family: null, both: null, compiled: 'a digest', problem: '', warning: '' }
  }
}
