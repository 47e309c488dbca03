import type { NetworkMessage } from '@/contracts/host/v1/networks'
import { parseCidr } from '@/domain/shared/cidr'
import { ExternalBridge } from '@/host/external/bridge'
import { logger, type Logger } from '@/platform/logger'
import { run } from '@/platform/exec'
import { checkAttachment, checkNetwork, samePort, type Attachment, type NetworkSpec, type PodPort, type UidRange } from './attachment'
import { balancerAttachment, BALANCER_DEVICE, type BalancerPlace } from './balancer-port'
import { FloatingNetworks } from './floating/floating-networks'
import { HostReconciliation } from './host-reconciliation'
import type { HostParts, ReconcileReport } from './host-parts'
import { NetworkNamespaceKernel, type Run } from './kernel'
import type { DeviceKind } from './kernel-objects'
import { checkHostTag, namespaceName, POD_MTU, tapName } from './names'
import { KnownObjects, type TakenObjects } from './known-objects'
import { contradictions, routedOf } from './network-state'
import { PeerLinks } from './peers/peer-links'
import { RunningNetwork } from './running-network'
import { RunningNetworks } from './running-networks'
import type { ServiceCounters } from './services/service-counters'
import type { Counted } from './table/table'
import { DEFAULT_TRANSIT_POOL } from './transit-pool'
import { Uplink } from './uplink'

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
  private readonly networks = new RunningNetworks()
  private readonly parts: HostParts
  private readonly reconciliation: HostReconciliation
  private readonly known = new KnownObjects()
  /** The namespace in which the bridge of the outside is. */
  readonly externalKernel: NetworkNamespaceKernel
  /** Where addresses of the outside are answered for: those of pods by this class, those of balancers by whoever runs them. */
  readonly external: ExternalBridge
  /** Addresses of the outside that lead to pods of this host. */
  readonly floating: FloatingNetworks

  constructor(options: HostNetworkOptions) {
    const { hostTag, uidRange: uids, transitPool = DEFAULT_TRANSIT_POOL, deniedDestinations: denied = [], uplinkNetns = null } = options
    checkHostTag(hostTag)
    for (const cidr of [transitPool, ...denied]) parseCidr(cidr)
    const shared = { hostTag, run: options.run ?? run, log: options.log ?? logger('host.network') }
    const kernel = new NetworkNamespaceKernel(uplinkNetns, shared.run)
    this.externalKernel = kernel
    this.external = new ExternalBridge({ ...shared, denied, kernel })
    this.floating = new FloatingNetworks(this.networks, this.external, shared.log)
    this.parts = { ...shared, external: this.external, floatingOf: (id) => this.floating.of(id), uids, resolverUids: options.resolverUids ?? null, deviceKind: options.deviceKind ?? 'tap', objectsOf: (id) => this.known.of(id), isClosed: (id) => this.known.isClosed(id), peers: new PeerLinks(shared), uplink: new Uplink({ ...shared, transitPool, denied, kernel }) }
    this.reconciliation = new HostReconciliation(this.networks, this.parts, this.floating, this.known, uplinkNetns)
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
    const elsewhere = this.networks.numberOfPod.get(pod.uid)
    if (elsewhere !== undefined && elsewhere !== number) throw new Error(`pod ${pod.uid} is in network ${elsewhere} already`)
    this.networks.numberOfPod.set(pod.uid, number)
    this.networks.touched?.add(pod.uid)
    const port = { netns: namespaceName(this.parts.hostTag, number), tap: tapName(pod.uid), mtu: this.known.of(network.id)?.network?.mtu ?? network.mtu ?? POD_MTU }
    return new Promise((resolve, reject) => {
      const ready = this.networks.inTurn(number, async () => {
        try {
          await this.place(attachment, () => resolve({ port, ready }))
          // The way from the outside is no part of what a pod needs to start.
          this.floating.follow(network.id)
        } finally {
          this.forgetUnplaced(pod.uid, number)
        }
      })
      ready.then(() => resolve({ port, ready }), reject)
    })
  }

  /** Takes a pod out of its network; the last one takes the namespace along. Does nothing for an unknown pod. */
  async detach(podUid: string): Promise<void> {
    this.networks.touched?.add(podUid)
    const number = this.networks.numberOfPod.get(podUid)
    if (number === undefined) return
    await this.networks.inTurn(number, async () => {
      const network = this.networks.byNumber.get(number)
      if (!network) return
      // What it could not do is tried again by the next call, and by the next look at all networks.
      const { size } = network.floating.answeredFor
      await this.takeOut(network, podUid)
      this.networks.numberOfPod.delete(podUid)
      if (network.floating.answeredFor.size < size) this.floating.tell()
    })
  }

  /**
   * Gives a balancer its place in its tenant's network, whose namespace is made where it is not there: a link between that and the balancer's own namespace, which
   * exists. There it has its inner address and routes to the network's subnets, in the network it is a port like a pod's. Repeating it changes nothing; another inner address, MAC or network is in force when it resolves. Throws as {@link attach} does.
   */
  async attachBalancer(place: BalancerPlace): Promise<{ device: string; netns: string }> {
    const attachment = balancerAttachment(place)
    const number = this.networks.numberOfPod.get(place.balancer.uid)
    if (number !== undefined && number !== attachment.network.number) await this.detach(place.balancer.uid)
    const { netns } = await this.attach(attachment)
    return { device: place.device ?? BALANCER_DEVICE, netns }
  }

  /** Takes a balancer out of its network, with the namespace where it was the last there. Does nothing for an unknown one. */
  detachBalancer(uid: string): Promise<void> {
    return this.detach(uid)
  }

  /** Applies a network's `outbound` switch at once. Does nothing when no pod of the network is here. */
  async updateNetwork(spec: NetworkSpec): Promise<void> {
    checkNetwork(spec)
    await this.networks.inTurn(spec.number, async () => this.networks.byNumber.get(spec.number)?.change(spec))
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
    const running = this.networks.ofId(networkId)
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
    const number = this.networks.ofId(networkId)?.identity.number ?? this.known.of(networkId)?.network?.number
    if (number === undefined) return first
    // A first pod may be on its way meanwhile: its network is there when its turn is over.
    await this.networks.inTurn(number, async () => {
      await first
      const network = this.networks.byNumber.get(number)
      if (network?.identity.id === networkId) await network.refresh()
    })
    // What is inside of it may have changed for guests with routed addresses.
    if (routedOf(this.floating.of(networkId)).length > 0) this.floating.tell()
  }

  /** A pod's NIC on this host, or null where it is not attached. */
  portOf(podUid: string): PodPort | null {
    return this.networks.portOf(podUid)
  }

  /** Forgets what the server said of a network that it no longer speaks of. One that has pods here keeps it. */
  forgetObjects(networkId: string): void {
    if (this.networks.ofId(networkId)) return
    this.known.forget(networkId)
  }

  /** Named counters of a network's packet filter, by name; none where no pod of it is here. They begin again at 0 when all is loaded anew. */
  async counters(networkId: string): Promise<Map<string, Counted>> {
    const network = this.networks.ofId(networkId)
    return network ? this.networks.inTurn(network.identity.number, () => network.counters()) : new Map()
  }

  /**
   * What passed through the services of all networks here, by uid; it begins again at 0 where a network's packet filter was loaded as a whole. A network
   * that goes meanwhile is left out.
   */
  async serviceCounters(): Promise<Map<string, ServiceCounters>> {
    const all = new Map<string, ServiceCounters>()
    for (const network of this.networks.all()) {
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
    const { report, failures } = await this.reconciliation.bringTo(desired)
    for (const { number, error } of failures) this.parts.log.error({ err: error, network: number }, 'a network of this host could not be made right; the others are')
    if (report.repairs.length > 0) this.parts.log.warn(report, 'repaired the network of this host')
    return report
  }

  /** Removes everything of this host tag. Call it after the last attach. */
  async close(): Promise<void> {
    const { failures } = await this.reconciliation.bringTo([])
    for (const { error } of failures) throw error
    await this.parts.uplink.close()
    await this.external.close()
  }

  /**
   * One look whether other programs changed what was made here, and the repair of it: cheap where nothing was. A network that cannot be repaired
   * does not keep the others from it; the first error is thrown at the end. Not while a reconciliation runs.
   */
  mend(): Promise<ReconcileReport> {
    return this.reconciliation.mend()
  }

  private async place(attachment: Attachment, onTap: () => void): Promise<void> {
    const { network: spec, pod } = attachment
    // Its removal failed.
    const left = this.networks.byNumber.get(spec.number)
    if (left?.pods.size === 0) await this.networks.end(left)
    const network = this.networks.byNumber.get(spec.number)
    if (!network) {
      const made = new RunningNetwork(spec, this.parts)
      await made.create(attachment, onTap)
      this.networks.byNumber.set(spec.number, made)
      return
    }
    const known = network.pods.get(pod.uid)
    if (known && !samePort(known.pod, pod)) {
      if (!pod.balancer) throw new Error(`pod ${pod.uid} is attached in another way already: detach it first`)
      // No guest has to know of it.
      await this.takeOut(network, pod.uid)
      return this.place(attachment, onTap)
    }
    await network.change(spec, attachment)
    if (!known) await network.add(attachment, onTap)
  }

  private async takeOut(network: RunningNetwork, podUid: string): Promise<void> {
    await network.remove(podUid)
    if (network.pods.size === 0) this.networks.byNumber.delete(network.identity.number)
  }

  private forgetUnplaced(podUid: string, number: number): void {
    if (!this.networks.byNumber.get(number)?.pods.has(podUid)) this.networks.numberOfPod.delete(podUid)
  }
}
