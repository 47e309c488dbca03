import { access, readdir } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { logger, type Logger } from '@/platform/logger'
import { run as runCommand } from '@/platform/exec'
import { checkAttachment, checkNetwork, samePort, type Attachment, type NetworkSpec, type PodPort, type UidRange } from './attachment'
import { NetworkNamespaceKernel, type Run } from './kernel'
import { checkHostTag, namespaceName, networkNumberOf, POD_MTU, tapName, UPLINK_IN_NAMESPACE, uplinkName } from './names'
import { allDone, SerialByKey } from './serial'
import { outboundCommands, TenantNamespace, type Desired, type DeviceKind } from './tenant-namespace'
import { DEFAULT_TRANSIT_POOL } from './transit-pool'
import { Uplink } from './uplink'

const NAMESPACES = '/run/netns'

export type HostNetworkOptions = {
  /** Tells this installation's namespaces, links and tables from those of others on the machine: 1 to 6 of a-z and 0-9, kept with its data. */
  hostTag: string
  /** The users that pods run as. What they send from inside a network namespace, past their tap, is dropped. */
  uidRange: UidRange
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

/** What a reconciliation changed, for the log, and the pods whose tap had to be made anew: their QEMU holds a dead one. */
export type ReconcileReport = { repairs: string[]; lostTaps: string[] }

type Network = { spec: NetworkSpec; pods: Map<string, PodPort> }

/**
 * The network of one host: a namespace for each tenant network that has a pod here, a tap for each pod in it, and
 * outbound address translation as a switch of the network. Changes of one network run one after another, those
 * of different networks side by side. After a restart call {@link reconcile} before anything else.
 */
export class HostNetwork {
  private readonly networks = new Map<number, Network>()
  private readonly numberOfPod = new Map<string, number>()
  private readonly serial = new SerialByKey<number>()
  private readonly run: Run
  private readonly log: Logger
  private readonly uplink: Uplink
  /** Pods attached or detached while a reconciliation runs: its desired set is older than they are. */
  private touched: Set<string> | null = null

  constructor(private readonly options: HostNetworkOptions) {
    checkHostTag(options.hostTag)
    this.run = options.run ?? runCommand
    this.log = options.log ?? logger('host.network')
    const { hostTag, transitPool = DEFAULT_TRANSIT_POOL, deniedDestinations = [], uplinkNetns = null } = options
    const kernel = new NetworkNamespaceKernel(uplinkNetns, this.run)
    this.uplink = new Uplink({ hostTag, transitPool, denied: deniedDestinations, kernel, log: this.log })
  }

  /**
   * Gives a pod its place in its network, making the namespace for the first. Repeating it changes nothing; a
   * changed `outbound` applies to the running network. Throws a TypeError for impossible input, an Error when
   * the address, MAC or number is held by another, ExecError from the kernel; then nothing is left of it.
   */
  async attach(attachment: Attachment): Promise<Port> {
    checkAttachment(attachment, this.options.uidRange)
    const { network: spec, pod } = attachment
    const elsewhere = this.numberOfPod.get(pod.uid)
    if (elsewhere !== undefined && elsewhere !== spec.number) throw new Error(`pod ${pod.uid} is in network ${elsewhere} already`)
    this.numberOfPod.set(pod.uid, spec.number)
    this.touched?.add(pod.uid)
    return this.serial.do(spec.number, async () => {
      try {
        await this.place(attachment)
        return { netns: this.namespace(spec.number), tap: tapName(pod.uid), mtu: POD_MTU }
      } finally {
        if (!this.networks.get(spec.number)?.pods.has(pod.uid)) this.numberOfPod.delete(pod.uid)
      }
    })
  }

  /** Takes a pod out of its network; the last one takes the namespace along. Does nothing for an unknown pod. */
  async detach(podUid: string): Promise<void> {
    this.touched?.add(podUid)
    const number = this.numberOfPod.get(podUid)
    if (number === undefined) return
    await this.serial.do(number, async () => {
      const network = this.networks.get(number)
      if (!network?.pods.delete(podUid)) return
      this.numberOfPod.delete(podUid)
      const inside = this.inside(number)
      const removeTap = inside.kernel.ipBatchForced([`link delete ${tapName(podUid)}`])
      if (network.pods.size > 0) return allDone([removeTap, inside.applyRules(this.desired(network))])
      await removeTap
      await this.destroy(number)
    })
  }

  /** Applies a network's `outbound` switch at once. Does nothing when no pod of the network is here. */
  async updateNetwork(spec: NetworkSpec): Promise<void> {
    checkNetwork(spec)
    await this.serial.do(spec.number, async () => {
      const network = this.networks.get(spec.number)
      if (network) await this.update(network, spec)
    })
  }

  /**
   * Makes this host hold exactly these attachments: adopts what an earlier process made, repairs what other
   * programs changed, and removes the leftovers of this host tag. Pods attached or detached meanwhile stay as
   * they are. One at a time.
   */
  async reconcile(desired: readonly Attachment[]): Promise<ReconcileReport> {
    if (this.touched) throw new Error('a reconciliation is running already')
    for (const attachment of desired) checkAttachment(attachment, this.options.uidRange)
    this.touched = new Set()
    const report: ReconcileReport = { repairs: [], lostTaps: [] }
    try {
      const here = (await namespacesHere()).flatMap((name) => networkNumberOf(this.options.hostTag, name) ?? [])
      const networks = groupByNetwork(desired)
      const numbers = new Set([...here, ...networks.keys(), ...this.networks.keys()])
      await this.adoptUplinks(networks)
      await allDone([...numbers].map((number) => this.serial.do(number, () => this.reconcileNetwork(number, networks.get(number), report))))
    } finally {
      this.touched = null
    }
    if (report.repairs.length > 0) this.log.warn(report, 'repaired the network of this host')
    return report
  }

  /** Removes everything of this host tag. */
  async close(): Promise<void> {
    await this.reconcile([])
    await this.uplink.close()
  }

  private async place({ network: spec, pod }: Attachment): Promise<void> {
    const network = this.networks.get(spec.number)
    if (network) await this.update(network, spec)
    const known = network?.pods.get(pod.uid)
    if (!known) await this.add(network, { network: spec, pod })
    else if (!samePort(known, pod)) throw new Error(`pod ${pod.uid} is attached in another way already: detach it first`)
  }

  private async add(existing: Network | undefined, { network: spec, pod }: Attachment): Promise<void> {
    const network = existing ?? { spec, pods: new Map<string, PodPort>() }
    try {
      refuseClash(network, pod)
      network.pods.set(pod.uid, pod)
      await (existing ? this.addPod(network, pod) : this.create(network, pod))
      this.networks.set(spec.number, network)
    } catch (error) {
      const added = network.pods.get(pod.uid) === pod && network.pods.delete(pod.uid)
      if (added) await this.undoAdd(existing, network, pod)
      throw error
    }
  }

  private async undoAdd(existing: Network | undefined, { spec, pods }: Network, pod: PodPort): Promise<void> {
    const inside = this.inside(spec.number)
    await inside.kernel.ipBatchForced([`link delete ${tapName(pod.uid)}`])
    // The rule of a pod whose tap is gone lets nothing through; a failure here must not hide the first one.
    if (existing) await inside.applyRules({ network: spec, transit: this.uplink.transit(spec.number), pods: [...pods.values()] }).catch(() => undefined)
    else await this.destroy(spec.number).catch((error: unknown) => this.log.error({ err: error, network: spec.number }, 'undo of a network failed; the next reconciliation removes it'))
  }

  private async addPod(network: Network, pod: PodPort): Promise<void> {
    const inside = this.inside(network.spec.number)
    await allDone([
      inside.applyRules(this.desired(network)),
      inside.kernel.ipBatch([...inside.addDeviceCommands(pod), ...inside.podCommands(network.spec, pod)]),
    ])
  }

  private async create(network: Network, pod: PodPort): Promise<void> {
    const { number, outbound } = network.spec
    const inside = this.inside(number)
    await allDone([this.run('ip', ['netns', 'add', this.namespace(number)]), outbound === 'nat' ? this.uplink.reserve(number) : Promise.resolve()])
    const desired = this.desired(network)
    await allDone([inside.applySettings(), inside.applyRules(desired), outbound === 'nat' ? this.uplink.connect(number, this.namespace(number)) : Promise.resolve()])
    await inside.kernel.ipBatch([...inside.baseCommands(desired), ...inside.addDeviceCommands(pod), ...inside.podCommands(network.spec, pod)])
  }

  private async update(network: Network, spec: NetworkSpec): Promise<void> {
    const { id, cidr, gateway, number } = network.spec
    if (id !== spec.id) throw new Error(`network number ${number} is held by network ${id}, not ${spec.id}`)
    if (cidr !== spec.cidr || gateway !== spec.gateway) throw new Error(`network ${number} runs with ${cidr} and gateway ${gateway}; neither changes while pods are in it`)
    if (network.spec.outbound === spec.outbound) return
    await (spec.outbound === 'nat' ? this.openOutbound(spec, network.pods) : this.closeOutbound(spec, network.pods))
    network.spec = spec
  }

  private async openOutbound(spec: NetworkSpec, pods: Network['pods']): Promise<void> {
    const inside = this.inside(spec.number)
    try {
      await this.uplink.connect(spec.number, this.namespace(spec.number))
      await inside.kernel.ipBatch(outboundCommands())
      await inside.applyRules(this.desired({ spec, pods }))
    } catch (error) {
      await this.uplink.disconnect(spec.number)
      throw error
    }
  }

  private async closeOutbound(spec: NetworkSpec, pods: Network['pods']): Promise<void> {
    // The rules first: from then on nothing leaves, whatever becomes of the link.
    await this.inside(spec.number).applyRules(this.desired({ spec, pods }))
    await this.uplink.disconnect(spec.number)
  }

  private async destroy(number: number): Promise<void> {
    this.networks.delete(number)
    const name = this.namespace(number)
    await allDone([
      this.uplink.disconnect(number),
      // The link's end goes with the namespace only once the kernel has taken that apart, and no QEMU is in it any more.
      access(`${NAMESPACES}/${name}`).then(() => this.run('ip', ['netns', 'delete', name]), () => undefined),
    ])
  }

  private async adoptUplinks(networks: ReadonlyMap<number, Network>): Promise<void> {
    const wanted = [...networks.values(), ...this.networks.values()].filter((network) => network.spec.outbound === 'nat')
    await this.uplink.adopt(new Set(wanted.map((network) => network.spec.number)))
  }

  private async reconcileNetwork(number: number, wanted: Network | undefined, report: ReconcileReport): Promise<void> {
    const network = this.merge(this.networks.get(number), wanted)
    const name = this.namespace(number)
    if (!network) {
      await this.removeLeftover(number)
      report.repairs.push(`namespace ${name} removed`)
      return
    }
    const inside = this.inside(number)
    const alive = await inside.kernel.links().catch(() => null)
    if (!alive) {
      await this.run('ip', ['netns', 'delete', name]).catch(() => undefined)
      await this.run('ip', ['netns', 'add', name])
      report.repairs.push(`namespace ${name} made`)
    }
    this.networks.set(number, network)
    for (const uid of network.pods.keys()) this.numberOfPod.set(uid, number)
    await this.reconcileUplink(network, alive?.some((link) => link.ifname === UPLINK_IN_NAMESPACE) ?? false, report)
    const { repairs, lostTaps } = await inside.repair(this.desired(network))
    report.repairs.push(...repairs.map((line) => `${name}: ${line}`))
    report.lostTaps.push(...lostTaps)
  }

  private async reconcileUplink({ spec }: Network, inside: boolean, report: ReconcileReport): Promise<void> {
    const outside = this.uplink.isConnected(spec.number)
    if (spec.outbound === 'none') return this.uplink.disconnect(spec.number)
    if (outside && inside) return this.uplink.repair(spec.number)
    const name = uplinkName(this.options.hostTag, spec.number)
    if (outside) await this.uplink.disconnect(spec.number)
    await this.uplink.connect(spec.number, this.namespace(spec.number))
    report.repairs.push(`link ${name} made`)
  }

  /** What a network should be: as desired, but for pods attached or detached since that was written down. */
  private merge(known: Network | undefined, wanted: Network | undefined): Network | null {
    const spec = wanted?.spec ?? known?.spec
    if (!spec) return null
    const pods = new Map([...(wanted?.pods ?? [])].filter(([uid]) => !this.touched?.has(uid)))
    for (const [uid, pod] of known?.pods ?? []) {
      if (this.touched?.has(uid)) pods.set(uid, pod)
      else if (!pods.has(uid)) this.numberOfPod.delete(uid)
    }
    return pods.size === 0 ? null : { spec, pods }
  }

  private async removeLeftover(number: number): Promise<void> {
    const kernel = this.inside(number).kernel
    const links = await kernel.links().catch(() => [])
    // A process still in the namespace keeps it alive; its links must go nevertheless.
    await kernel.ipBatchForced(links.filter((link) => link.ifname !== 'lo').map((link) => `link delete ${link.ifname}`))
    await this.destroy(number)
  }

  private desired({ spec, pods }: Network): Desired {
    return { network: spec, transit: spec.outbound === 'nat' ? this.uplink.transit(spec.number) : null, pods: [...pods.values()] }
  }

  private namespace(number: number): string {
    return namespaceName(this.options.hostTag, number)
  }

  private inside(number: number): TenantNamespace {
    return new TenantNamespace(new NetworkNamespaceKernel(this.namespace(number), this.run), this.options.uidRange, this.options.deviceKind ?? 'tap')
  }
}

function refuseClash({ spec, pods }: Network, pod: PodPort): void {
  for (const other of pods.values()) {
    if (other.address === pod.address) throw new Error(`address ${pod.address} of network ${spec.number} is held by pod ${other.uid}`)
    if (other.mac === pod.mac) throw new Error(`MAC address ${pod.mac} of network ${spec.number} is held by pod ${other.uid}`)
    if (tapName(other.uid) === tapName(pod.uid)) throw new Error(`tap ${tapName(pod.uid)} is held by pod ${other.uid}`)
  }
}

function groupByNetwork(attachments: readonly Attachment[]): Map<number, Network> {
  const networks = new Map<number, Network>()
  for (const { network: spec, pod } of attachments) {
    const network = networks.get(spec.number) ?? { spec, pods: new Map<string, PodPort>() }
    if (!isDeepStrictEqual(network.spec, spec)) throw new Error(`network number ${spec.number} is described in two ways`)
    refuseClash(network, pod)
    network.pods.set(pod.uid, pod)
    networks.set(spec.number, network)
  }
  return networks
}

async function namespacesHere(): Promise<string[]> {
  return readdir(NAMESPACES).catch(() => [])
}
