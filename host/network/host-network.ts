import { readdir } from 'node:fs/promises'
import type { NetworkMessage } from '@/contracts/host/v1'
import { parseCidr } from '@/domain/shared/cidr'
import { ExternalBridge } from '@/host/external/bridge'
import { EXTERNAL_DEVICE, networkMac } from '@/host/external/names'
import { logger, type Logger } from '@/platform/logger'
import { run } from '@/platform/exec'
import { checkAttachment, checkNetwork, samePort, type Attachment, type NetworkSpec, type PodPort, type UidRange } from './attachment'
import { balancerAttachment, BALANCER_DEVICE, type BalancerPlace } from './balancer-port'
import { KnownFloating, type FloatingState, type WantedFloating } from './floating/known-floating'
import { NetworkNamespaceKernel, type Run } from './kernel'
import type { DeviceKind } from './kernel-objects'
import { checkHostTag, namespaceName, networkNumberOf, POD_MTU, tapName, uplinkName } from './names'
import { KnownObjects, type TakenObjects } from './known-objects'
import { contradictions } from './network-state'
import { PeerLinks } from './peers/peer-links'
import { NAMESPACES, RunningNetwork, type HostParts, type ReconcileReport } from './running-network'
import { allDone, SerialByKey } from './serial'
import type { ServiceCounters } from './services/service-counters'
import type { Counted } from './table/table'
import { DEFAULT_TRANSIT_POOL } from './transit-pool'
import { Uplink } from './uplink'
import { groupByNetwork, type Failure, type Wanted } from './wanted'
import { fingerprints, type Fingerprint } from './watch/fingerprints'

export type HostNetworkOptions = {
  /** Tells this installation's namespaces, links and tables from those of others on the machine: 1 to 6 of a-z and 0-9, kept with its data. */
  hostTag: string
  /** The users that pods run as. What they send from inside a network namespace, past their tap, is dropped. */
  uidRange: UidRange
  /** The users that the networks' resolvers run as: they may ask the outside, and pods may ask them at their gateways. Without any pods reach no resolver there. */
  resolverUids?: UidRange
  /** A subnet from which this host takes a /20 (or all of it, if smaller) for addresses between networks and itself. Default 100.64.0.0/10. */
  transitPool?: string
  /** Subnets that no pod reaches, besides this host, link-local and multicast: a management network, for example. */
  deniedDestinations?: readonly string[]
  /** The namespace below /run/netns that outbound traffic leaves through; by default the one this process runs in. */
  uplinkNetns?: string
  deviceKind?: DeviceKind
  run?: Run
  log?: Logger
}

/** Where a pod's QEMU runs and which tap it opens. The guest's NIC needs `mtu`. */
export type Port = { netns: string; tap: string; mtu: number }

/**
 * The network of one host: a namespace for each tenant network that has a pod here, a tap for each pod in it, and
 * outbound address translation as a switch of the network. Changes of one network run one after another, those
 * of different networks side by side. After a restart call {@link reconcile} before anything else.
 */
export class HostNetwork {
  private readonly networks = new Map<number, RunningNetwork>()
  private readonly numberOfPod = new Map<string, number>()
  private readonly serial = new SerialByKey<number>()
  private readonly parts: HostParts
  private readonly uplinkNetns: string | null
  /** The namespace in which the bridge of the outside is. */
  readonly externalKernel: NetworkNamespaceKernel
  private readonly known = new KnownObjects()
  private readonly floating = new KnownFloating()
  private floatingChanged: () => void = () => {}
  /** Where addresses of the outside are answered for: those of pods by this class, those of balancers by whoever runs them. */
  readonly external: ExternalBridge
  /** Networks that the last reconciliation could not look at; null before the first. */
  private leftAlone: ReadonlySet<number> | null = null
  /** Pods attached or detached while a reconciliation runs: its desired set is older than they are. */
  private touched: Set<string> | null = null

  constructor(options: HostNetworkOptions) {
    const { hostTag, uidRange: uids, transitPool = DEFAULT_TRANSIT_POOL, deniedDestinations: denied = [], uplinkNetns = null } = options
    checkHostTag(hostTag)
    for (const cidr of [transitPool, ...denied]) parseCidr(cidr)
    const shared = { hostTag, run: options.run ?? run, log: options.log ?? logger('host.network') }
    const kernel = new NetworkNamespaceKernel(uplinkNetns, shared.run)
    this.uplinkNetns = uplinkNetns
    this.externalKernel = kernel
    this.external = new ExternalBridge({ ...shared, denied, kernel })
    this.parts = { ...shared, external: this.external, floatingOf: (id) => this.floating.of(id), uids, resolverUids: options.resolverUids ?? null, deviceKind: options.deviceKind ?? 'tap', objectsOf: (id) => this.known.of(id), isClosed: (id) => this.known.isClosed(id), peers: new PeerLinks(shared), uplink: new Uplink({ ...shared, transitPool, denied, kernel }) }
  }

  /**
   * Gives a pod its place in its network, making the namespace for the first. Repeating it changes nothing; a
   * changed `outbound` applies to the running network. Throws a TypeError for impossible input, an Error when
   * the address, MAC or number is held by another, ExecError from the kernel; then nothing is left of it.
   */
  async attach(attachment: Attachment): Promise<Port> {
    const { port, ready } = await this.beginAttach(attachment)
    await ready
    return port
  }

  /**
   * As {@link attach}, but resolves as soon as the tap is there, so that a VM may be made ready for it; `ready` settles
   * when rules and links are. Nothing of the pod's may run before that.
   */
  async beginAttach(attachment: Attachment): Promise<{ port: Port; ready: Promise<void> }> {
    checkAttachment(attachment, this.parts.uids)
    const { network, pod } = attachment
    const { number } = network
    const elsewhere = this.numberOfPod.get(pod.uid)
    if (elsewhere !== undefined && elsewhere !== number) throw new Error(`pod ${pod.uid} is in network ${elsewhere} already`)
    this.numberOfPod.set(pod.uid, number)
    this.touched?.add(pod.uid)
    const port = { netns: namespaceName(this.parts.hostTag, number), tap: tapName(pod.uid), mtu: this.known.of(network.id)?.network?.mtu ?? network.mtu ?? POD_MTU }
    return new Promise((resolve, reject) => {
      const ready = this.serial.do(number, async () => {
        try {
          await this.place(attachment, () => resolve({ port, ready }))
          // The way from the outside is no part of what a pod needs to start.
          if (this.networks.get(number)?.hasFloatingToDo) void this.carryOutFloating(network.id).then(() => this.floatingChanged(), () => this.floatingChanged())
        } finally {
          this.forgetUnplaced(pod.uid, number)
        }
      })
      ready.then(() => resolve({ port, ready }), reject)
    })
  }

  /** Takes a pod out of its network; the last one takes the namespace along. Does nothing for an unknown pod. */
  async detach(podUid: string): Promise<void> {
    this.touched?.add(podUid)
    const number = this.numberOfPod.get(podUid)
    if (number === undefined) return
    await this.serial.do(number, async () => {
      const network = this.networks.get(number)
      if (!network) return
      // What it could not do is tried again by the next call, and by the next look at all networks.
      const { size } = network.answeredFor
      await network.remove(podUid)
      this.numberOfPod.delete(podUid)
      if (network.pods.size === 0) this.networks.delete(number)
      if (network.answeredFor.size < size) this.floatingChanged()
    })
  }

  /**
   * Gives a balancer its place in its tenant's network, whose namespace is made where it is not there: a link between that and the balancer's own namespace, which
   * exists. There it has its inner address and routes to the network's subnets, in the network it is a port like a pod's. Repeating it changes nothing. Throws as {@link attach} does.
   */
  async attachBalancer(place: BalancerPlace): Promise<{ device: string; netns: string }> {
    const { netns } = await this.attach(balancerAttachment(place))
    return { device: place.device ?? BALANCER_DEVICE, netns }
  }

  /** Takes a balancer out of its network, with the namespace where it was the last there. Does nothing for an unknown one. */
  detachBalancer(uid: string): Promise<void> {
    return this.detach(uid)
  }

  /** Is called whenever what becomes of an address of the outside may have changed. */
  onFloating(changed: () => void): void {
    this.floatingChanged = changed
  }

  /** These addresses of the outside lead to pods of this host: taken for all that is carried out from now on, and nothing is carried out yet. For the start. */
  knowFloating(all: readonly WantedFloating[]): void {
    this.floating.set(all)
  }

  /**
   * These addresses of the outside, and no others, lead to pods of this host. Resolves when that is so as far as it can be; {@link floatingStates} says what became of each. An address that
   * leaves a network has left it before another takes it. One call at a time.
   */
  async setFloating(all: readonly WantedFloating[]): Promise<void> {
    const before = this.floating.wanted
    const left = before.filter((one) => !all.some(({ address, networkId }) => address === one.address && networkId === one.networkId))
    // First what goes: of what stays in its network nothing changes yet.
    this.floating.set(before.filter((one) => !left.includes(one)))
    const networks = [...new Set(left.map(({ networkId }) => networkId))]
    const stuck = new Set<string>()
    await Promise.all(networks.map((networkId) => this.carryOutFloating(networkId).catch(() => left.filter((one) => one.networkId === networkId).forEach(({ address }) => stuck.add(address)))))
    this.floating.set(all)
    if (stuck.size > 0) this.parts.log.error({ addresses: [...stuck] }, 'addresses of the outside are still with pods that lost them; others do not get them before')
    await Promise.all([...new Set([...all, ...before].map(({ networkId }) => networkId))].map((networkId) => this.carryOutFloating(networkId).catch(() => undefined)))
    this.floatingChanged()
  }

  /** What became of each address of the outside that leads to a pod of this host, by uid. */
  floatingStates(): Map<string, FloatingState> {
    const answered = new Set([...this.networks.values()].flatMap((network) => [...network.answeredFor]))
    return new Map(this.floating.wanted.map(({ uid, podUid, target }): [string, FloatingState] => {
      const error = this.floating.errorOf(uid)
      if (error !== undefined) return [uid, { state: 'failed', error }]
      if (answered.has(uid)) return [uid, { state: 'active' }]
      const pod = this.portOf(podUid)
      if (pod && pod.address !== target && pod.ipv6?.address !== target) return [uid, { state: 'failed', error: new Error(`the pod has ${pod.address}, not ${target}`) }]
      return [uid, { state: 'waiting' }]
    }))
  }

  /** Whether an address of the outside leads to a pod here still, by uid of what said so. */
  answersFor(uid: string): boolean {
    return [...this.networks.values()].some(({ answeredFor }) => answeredFor.has(uid))
  }

  /** Brings a network to its addresses of the outside, in its turn. Rejects where that cannot be; the next look tries again. */
  private async carryOutFloating(networkId: string): Promise<void> {
    const number = this.ofId(networkId)?.identity.number
    if (number === undefined) return
    await this.serial.do(number, async () => {
      const network = this.networks.get(number)
      if (network?.identity.id !== networkId) return
      try {
        await network.carryOutFloating()
        this.floating.carriedOut(networkId)
      } catch (error) {
        this.floating.failed(networkId, error)
        this.parts.log.error({ err: error, network: networkId }, 'addresses of the outside of a network could not be carried out; the next look tries again')
        throw error
      }
    })
  }

  /** Applies a network's `outbound` switch at once. Does nothing when no pod of the network is here. */
  async updateNetwork(spec: NetworkSpec): Promise<void> {
    checkNetwork(spec)
    await this.serial.do(spec.number, async () => this.networks.get(spec.number)?.change(spec))
  }

  /**
   * Takes what the server says of a network: kept until {@link forgetObjects}, and in force when this resolves, or from the first pod on where none
   * is here yet. Messages of one network are taken in the order of the calls; each is one transaction, as large as what it changes. Throws an Error
   * as {@link takeObjects} does, ExecError from the kernel.
   */
  async applyObjects(networkId: string, message: NetworkMessage): Promise<void> {
    this.takeObjects(networkId, message)
    await this.carryOut(networkId)
  }

  /**
   * Takes what the server says of a network, for all that is carried out from now on: {@link carryOut} does it for what runs. A subnet that contradicts pods
   * that are here waits until they are gone. Throws an Error for changes of a network of which nothing or not all is known, and for more
   * than is kept of a network: then nothing passes there until a message that says all of it is taken.
   */
  takeObjects(networkId: string, message: NetworkMessage): TakenObjects {
    const { kept, ...taken } = this.known.take(networkId, message)
    const running = this.ofId(networkId)
    const waits = running ? contradictions(running.identity, [...running.pods.values()], kept) : []
    if (waits.length > 0) this.parts.log.warn({ network: networkId, waits }, 'what the server said of a network waits in part until pods of it are gone')
    return taken
  }

  /** Something was said of the network that is not known any more: nothing passes there until all of it is said. {@link carryOut} does it for what runs. */
  closeNetwork(networkId: string): void {
    this.known.close(networkId)
  }

  /** Brings the network to what is known of it, in its turn; `first` is waited for before. */
  async carryOut(networkId: string, first?: Promise<void>): Promise<void> {
    const number = this.ofId(networkId)?.identity.number ?? this.known.of(networkId)?.network?.number
    if (number === undefined) return first
    // A first pod may be on its way meanwhile: its network is there when its turn is over.
    await this.serial.do(number, async () => {
      await first
      const network = this.networks.get(number)
      if (network?.identity.id === networkId) await network.refresh()
    })
  }

  /** A pod's NIC on this host, or null where it is not attached. */
  portOf(podUid: string): PodPort | null {
    const number = this.numberOfPod.get(podUid)
    return number === undefined ? null : this.networks.get(number)?.pods.get(podUid)?.pod ?? null
  }

  /** Forgets what the server said of a network that it no longer speaks of. One that has pods here keeps it. */
  forgetObjects(networkId: string): void {
    if (this.ofId(networkId)) return
    this.known.forget(networkId)
  }

  private ofId(networkId: string): RunningNetwork | undefined {
    return [...this.networks.values()].find(({ identity }) => identity.id === networkId)
  }

  /** Named counters of a network's packet filter, by name; none where no pod of it is here. They begin again at 0 when all is loaded anew. */
  async counters(networkId: string): Promise<Map<string, Counted>> {
    const network = this.ofId(networkId)
    return network ? this.serial.do(network.identity.number, () => network.counters()) : new Map()
  }

  /**
   * What passed through the services of all networks here, by uid; it begins again at 0 where a network's packet filter was loaded as a whole. A network
   * that goes meanwhile is left out.
   */
  async serviceCounters(): Promise<Map<string, ServiceCounters>> {
    const all = new Map<string, ServiceCounters>()
    for (const network of [...this.networks.values()]) {
      const counters = await network.serviceCounters().catch(() => new Map<string, ServiceCounters>())
      for (const [uid, counted] of counters) all.set(uid, counted)
    }
    return all
  }

  /**
   * Makes this host hold exactly these attachments: adopts what an earlier process made, repairs what other
   * programs changed, and removes the leftovers of this host tag. Pods attached or detached meanwhile stay as
   * they are. One at a time. A network that cannot be repaired, or of which attachments contradict each other, keeps the rules that it has, and does not keep the
   * others from it: its error is in the log, and the next look tries again.
   */
  async reconcile(desired: readonly Attachment[]): Promise<ReconcileReport> {
    const { report, failures } = await this.bringTo(desired)
    for (const { number, error } of failures) this.parts.log.error({ err: error, network: number }, 'a network of this host could not be made right; the others are')
    if (report.repairs.length > 0) this.parts.log.warn(report, 'repaired the network of this host')
    return report
  }

  /** Removes everything of this host tag. Call it after the last attach. */
  async close(): Promise<void> {
    const { failures } = await this.bringTo([])
    for (const { error } of failures) throw error
    await this.parts.uplink.close()
    await this.external.close()
  }

  /**
   * One look whether other programs changed what was made here, and the repair of it: cheap where nothing was. A network that cannot be repaired
   * does not keep the others from it; the first error is thrown at the end. Not while a reconciliation runs.
   */
  async mend(): Promise<ReconcileReport> {
    const report: ReconcileReport = { repairs: [], lostTaps: [] }
    const { uplink } = this.parts
    const found = await this.look([this.uplinkNetns, ...[...this.networks.values()].map(({ namespace }) => namespace)])
    const host = found.get(this.uplinkNetns)
    const { numbers, repairs } = host ? await uplink.check(host, async () => (await this.look([this.uplinkNetns])).get(this.uplinkNetns)) : { numbers: [], repairs: [] }
    report.repairs.push(...repairs)
    // What is wrong with the outside costs addresses, and no network its repair.
    let outside: Error | null = null
    if (host) report.repairs.push(...await this.external.mend(host, async () => (await this.look([this.uplinkNetns])).get(this.uplinkNetns)).catch((error: unknown) => {
      outside = error instanceof Error ? error : new Error(String(error))
      return []
    }))
    for (const [, network] of [...this.networks].filter(([, { hasFloatingToDo }]) => hasFloatingToDo)) await this.carryOutFloating(network.identity.id).then(() => this.floatingChanged(), () => undefined)
    const suspects = [...this.networks].filter(([number, network]) => numbers.includes(number) || network.pods.size === 0 || !network.isAsLeft(found.get(network.namespace)))
    await allDone(suspects.map(([number, network]) => this.serial.do(number, async () => {
      // It may have gone since.
      if (this.networks.get(number) !== network) return
      if (network.pods.size === 0) return this.endRemoval(network, report)
      if (numbers.includes(number)) await uplink.repair(number).then(() => report.repairs.push(`link ${uplinkName(this.parts.hostTag, number)} repaired`), () => undefined)
      await network.mend(async (name) => (await this.look([name])).get(name), report)
    })))
    if (suspects.length > 0) report.repairs.push(...await this.parts.peers.reconcile(new Set(suspects.map(([number]) => number))))
    await this.removeOrphans(report)
    if (outside) throw outside as Error
    return report
  }

  /** Removes namespaces of this host tag that no network holds: their removal, or the undo of their making, failed. Before a reconciliation they are those of pods that run. */
  private async removeOrphans(report: ReconcileReport): Promise<void> {
    const { leftAlone } = this
    if (!leftAlone || this.touched) return
    const orphans = (await this.numbersHere()).filter((number) => !this.networks.has(number) && !leftAlone.has(number))
    await allDone(orphans.map((number) => this.serial.do(number, async () => {
      // One whose first pod came meanwhile is none.
      if (!this.networks.has(number)) await this.endRemoval(new RunningNetwork({ id: '', number, outbound: 'none' }, this.parts), report)
    })))
  }

  /** Removes what a network has here; only then it is forgotten. */
  private async endRemoval(network: RunningNetwork, report?: ReconcileReport): Promise<void> {
    await network.destroy()
    this.networks.delete(network.identity.number)
    report?.repairs.push(`namespace ${network.namespace} removed`)
  }

  private async numbersHere(): Promise<number[]> {
    return (await namespaces()).flatMap((name) => networkNumberOf(this.parts.hostTag, name) ?? [])
  }

  private look(names: readonly (string | null)[]): Promise<Map<string | null, Fingerprint>> {
    return fingerprints(this.parts.run, names)
  }

  private async bringTo(desired: readonly Attachment[]): Promise<{ report: ReconcileReport; failures: Failure[] }> {
    if (this.touched) throw new Error('a reconciliation is running already')
    const { wanted, failures } = groupByNetwork(desired, this.parts.uids)
    this.touched = new Set()
    const report: ReconcileReport = { repairs: [], lostTaps: [] }
    try {
      const here = await this.numbersHere()
      const outbound = [...wanted.values()].filter(({ spec }) => (this.known.of(spec.id)?.network?.outbound ?? spec.outbound) === 'nat').map(({ spec }) => spec.number)
      const leftAlone = new Set(failures.map(({ number }) => number))
      await this.parts.uplink.adopt(new Set([...outbound, ...leftAlone]))
      this.external.adopt([...wanted.values()].flatMap(({ spec, pods }) => {
        const addresses = this.floating.of(spec.id).filter(({ podUid }) => pods.has(podUid)).map(({ address }) => address)
        return addresses.length === 0 ? [] : [{ namespace: namespaceName(this.parts.hostTag, spec.number), device: EXTERNAL_DEVICE, mac: networkMac(this.parts.hostTag, spec.number), addresses }]
      }))
      await this.external.reconcile().then((repairs) => report.repairs.push(...repairs), (error: unknown) => this.parts.log.error({ err: error }, 'the bridge of the outside could not be made right; the next look tries again'))
      const numbers = [...new Set([...here, ...wanted.keys(), ...this.networks.keys()])].filter((number) => !leftAlone.has(number))
      await Promise.all(numbers.map((number) => this.serial.do(number, () => this.reconcileNetwork(number, wanted.get(number), report)).catch((error: unknown) => failures.push({ number, error }))))
      report.repairs.push(...await this.parts.peers.reconcile('all'))
      await this.remember()
      this.leftAlone = leftAlone
    } finally {
      this.touched = null
    }
    return { report, failures }
  }

  /** What others change from now on is seen. */
  private async remember(): Promise<void> {
    const all = [...this.networks.values()]
    const found = all.length === 0 ? new Map<string | null, Fingerprint>() : await this.look(all.map(({ namespace }) => namespace))
    for (const network of all) {
      const fingerprint = found.get(network.namespace)
      if (fingerprint) network.isRepaired(fingerprint)
    }
  }

  private async place(attachment: Attachment, onTap: () => void): Promise<void> {
    const { network: spec, pod } = attachment
    // Its removal failed.
    const left = this.networks.get(spec.number)
    if (left?.pods.size === 0) await this.endRemoval(left)
    const network = this.networks.get(spec.number)
    if (!network) {
      const made = new RunningNetwork(spec, this.parts)
      await made.create(attachment, onTap)
      this.networks.set(spec.number, made)
      return
    }
    const known = network.pods.get(pod.uid)
    if (known && !samePort(known.pod, pod)) throw new Error(`pod ${pod.uid} is attached in another way already: detach it first`)
    await network.change(spec, attachment)
    if (!known) await network.add(attachment, onTap)
  }

  private async reconcileNetwork(number: number, wanted: Wanted | undefined, report: ReconcileReport): Promise<void> {
    const known = this.networks.get(number)
    const pods = this.merge(known, wanted)
    const spec = wanted?.spec ?? known?.identity
    for (const uid of known?.pods.keys() ?? []) if (!pods.has(uid)) this.numberOfPod.delete(uid)
    if (!spec || pods.size === 0) {
      return this.endRemoval(known ?? new RunningNetwork(spec ?? { id: '', number, outbound: 'none' }, this.parts), report)
    }
    const network = known ?? new RunningNetwork(spec, this.parts)
    this.networks.set(number, network)
    for (const uid of pods.keys()) this.numberOfPod.set(uid, number)
    if (!known && !this.known.of(spec.id) && !this.known.isClosed(spec.id) && await network.hasPolicies()) {
      this.known.close(spec.id)
      this.parts.log.error({ network: spec.id }, 'a network had policies that are not known any more: its pods reach nothing until the server says them again')
    }
    await network.reconcile(spec, pods, report)
  }

  /** The pods a network should have: as desired, but for those attached or detached since that was written down. */
  private merge(known: RunningNetwork | undefined, wanted: Wanted | undefined): Map<string, Attachment> {
    const touched = (uid: string) => this.touched?.has(uid) ?? false
    return new Map([
      ...[...wanted?.pods ?? []].filter(([uid]) => !touched(uid)),
      ...[...known?.pods ?? []].filter(([uid]) => touched(uid)),
    ])
  }

  private forgetUnplaced(podUid: string, number: number): void {
    if (!this.networks.get(number)?.pods.has(podUid)) this.numberOfPod.delete(podUid)
  }
}

async function namespaces(): Promise<string[]> {
  return readdir(NAMESPACES).catch(() => [])
}
