import { statfs } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { formatIp, parseIp } from '@/domain/shared/ip'
import type { ExternalBridge, ExternalPort } from '@/host/external/bridge'
import { EXTERNAL_DEVICE, networkMac } from '@/host/external/names'
import type { Logger } from '@/platform/logger'
import type { Attachment, PodPort } from './attachment'
import { balancerEnd } from './balancer-port'
import { endStrayFlows } from './floating/floating-flows'
import { NetworkNamespaceKernel, type Run } from './kernel'
import type { DeviceKind } from './kernel-objects'
import { namespaceName, tapName, UPLINK_IN_NAMESPACE, uplinkName } from './names'
import type { NamespaceUsers } from './namespace-rules'
import { closedTo, type NetworkObjects } from './network-objects'
import { networkState, type FloatingBinding, type NetworkIdentity, type NetworkState } from './network-state'
import type { PeerLinks } from './peers/peer-links'
import { forgetConnections, strayAddresses } from './policies/forget-connections'
import { allDone } from './serial'
import type { ServiceCounters } from './services/service-counters'
import { livingPods } from './services/stale-flows'
import type { Counted } from './table/table'
import { networkSections } from './sections'
import { TenantNamespace } from './tenant-namespace'
import type { Uplink } from './uplink'
import type { Fingerprint } from './watch/fingerprints'

/** Where the kernel keeps named network namespaces. */
export const NAMESPACES = '/run/netns'

/** What all networks of one host share. */
export type HostParts = NamespaceUsers & { hostTag: string; deviceKind: DeviceKind; uplink: Uplink; peers: PeerLinks; run: Run; log: Logger; objectsOf: (networkId: string) => NetworkObjects | undefined; isClosed: (networkId: string) => boolean; external: ExternalBridge; floatingOf: (networkId: string) => readonly FloatingBinding[] }

/** What a reconciliation changed, for the log, and the pods whose tap had to be made anew: their QEMU holds a dead one. */
export type ReconcileReport = { repairs: string[]; lostTaps: string[] }

/**
 * One tenant network on this host. Its caller runs one method at a time. A method that throws leaves nothing
 * behind that the network did not have before.
 */
export class RunningNetwork {
  private attached: readonly Attachment[] = []
  /** Addresses of pods that are gone, whose connections may be there yet. */
  private readonly unforgotten = new Set<string>()
  /** Addresses of the outside that lead to pods here, as far as there is a way for them. */
  private floating: readonly FloatingBinding[] = []
  readonly namespace: string
  private readonly inside: TenantNamespace

  constructor(public identity: NetworkIdentity, private readonly host: HostParts) {
    this.namespace = namespaceName(host.hostTag, identity.number)
    this.inside = new TenantNamespace(new NetworkNamespaceKernel(this.namespace, host.run), host, host.deviceKind, networkSections(), host.log)
  }

  /** The pods that are here, by uid. */
  get pods(): ReadonlyMap<string, Attachment> {
    return new Map(this.attached.map((one) => [one.pod.uid, one]))
  }

  /** Makes the namespace with its first pod. One that is there already may hold running pods: it is left alone, and reconciliation adopts it. `onTap`: the pod's tap is there. */
  async create(attachment: Attachment, onTap: () => void): Promise<void> {
    const { uplink, run } = this.host
    const { pod } = attachment
    await run('ip', ['netns', 'add', this.namespace])
    this.inside.isNew()
    this.attached = [attachment]
    try {
      const { number, outbound } = this.state()
      await allDone([this.makeTap(pod, onTap), outbound === 'nat' ? uplink.reserve(number) : null])
      const state = this.state()
      await allDone([this.inside.applyRules(state), outbound === 'nat' ? uplink.connect(number, this.namespace) : null])
      await this.inside.enter(state, [pod])
      await this.endBalancers([attachment])
      // Links to peers are no part of what a pod needs to start.
      this.host.peers.apply(state).catch((error: unknown) => this.host.log.error({ err: error, network: number }, 'a network was not linked with its peers; the next look tries again'))
    } catch (error) {
      await this.undo(() => this.destroy())
      throw error
    }
  }

  private async makeTap(pod: PodPort, onTap: () => void): Promise<void> {
    await this.inside.applySettings()
    await this.inside.makeDevice(pod)
    onTap()
  }

  /** Adds a pod to the namespace, which is there; `onTap`: its tap is. Throws an Error when its address, MAC or tap is another's. */
  async add(attachment: Attachment, onTap: () => void): Promise<void> {
    const { pod } = attachment
    refuseClash(this.identity.number, this.attached.map((one) => one.pod), pod)
    // Who has an address now must not hear what is left of the one before.
    if (addressesOf(attachment).some((address) => this.unforgotten.has(address))) await this.forget()
    this.attached = [...this.attached, attachment]
    try {
      await this.inside.change(this.state())
      await this.endBalancers([attachment])
      onTap()
    } catch (error) {
      await this.undo(() => this.remove(pod.uid))
      throw error
    }
  }

  /** Takes a pod out, and with the last one the namespace. After a failure it is to be called again. */
  async remove(podUid: string): Promise<void> {
    const gone = this.attached.filter(({ pod }) => pod.uid === podUid)
    this.attached = this.attached.filter(({ pod }) => pod.uid !== podUid)
    for (const address of gone.flatMap(addressesOf)) this.unforgotten.add(address)
    if (this.attached.length > 0) {
      const before = this.floating
      this.floating = this.wantedFloating().filter((one) => before.some(({ uid, target }) => uid === one.uid && target === one.target))
      await this.inside.change(this.state())
      if (this.floating.length < before.length) await this.letThrough(this.floating)
    }
    await this.forget().catch((error: unknown) => this.host.log.warn({ err: error, network: this.identity.number }, 'connections of a pod that is gone are still there; the next look tries again'))
    if (this.attached.length === 0) await this.destroy()
  }

  /** Makes the far ends of balancers' links usable. */
  private async endBalancers(attached: readonly Attachment[]): Promise<void> {
    await allDone(attached.map(({ network, pod }) => (pod.balancer ? new NetworkNamespaceKernel(pod.balancer.namespace, this.host.run).ipBatch(balancerEnd(network, pod)) : null)))
  }

  /** The addresses of the outside that lead to pods which are here. */
  private wantedFloating(): readonly FloatingBinding[] {
    return this.host.floatingOf(this.identity.id).filter(({ podUid, target }) => this.attached.some((one) => one.pod.uid === podUid && addressesOf(one).includes(target)))
  }

  /** Addresses of the outside that are answered for here, by uid of what says so. */
  get answeredFor(): ReadonlySet<string> {
    return new Set(this.floating.map(({ uid }) => uid))
  }

  /** Whether {@link carryOutFloating} has something to do. */
  get hasFloatingToDo(): boolean {
    return !isDeepStrictEqual(this.floating, this.wantedFloating())
  }

  /** The link towards the outside with these addresses. */
  private port(floating: readonly FloatingBinding[]): ExternalPort {
    return { namespace: this.namespace, device: EXTERNAL_DEVICE, mac: networkMac(this.host.hostTag, this.identity.number), addresses: floating.map(({ address }) => address) }
  }

  private async letThrough(floating: readonly FloatingBinding[]): Promise<void> {
    await (floating.length === 0 ? this.host.external.detach(this.namespace) : this.host.external.connect(this.port(floating)))
  }

  /**
   * Brings the network to the addresses of the outside that its pods have now. An address that moves between two of its pods does so in one transaction, and its open connections end. Throws
   * an Error for an address of no pool or of another network, ExecError; then nothing is answered for that was not before.
   */
  async carryOutFloating(): Promise<void> {
    const before = this.floating
    const wanted = this.wantedFloating()
    if (isDeepStrictEqual(before, wanted)) return
    const come = wanted.filter(({ address }) => !before.some((one) => one.address === address))
    // The way is there before what comes by it, and goes after it.
    if (come.length > 0) await this.host.external.connect(this.port([...before, ...come]))
    this.floating = wanted
    try {
      const state = this.state()
      await this.inside.change(state)
      await endStrayFlows(this.inside.kernel, state, this.host.external.subnets)
      await this.letThrough(wanted)
    } catch (error) {
      this.floating = before
      await this.undo(async () => {
        await this.inside.change(this.state())
        await this.letThrough(before)
      })
      throw error
    }
    await this.host.external.announce(this.port(wanted), come.map(({ address }) => address))
  }

  /** Forgets the connections of addresses that no pod has any more, here and in peers' namespaces. Throws ExecError. */
  private async forget(): Promise<void> {
    const addresses = [...this.unforgotten]
    if (addresses.length === 0) return
    const { kernel } = this.inside
    // With its last pod the namespace goes.
    await allDone([this.attached.length > 0 ? forgetConnections(kernel, addresses) : null, this.host.peers.forget(this.identity.number, addresses)])
    for (const address of addresses) this.unforgotten.delete(address)
  }

  /** As {@link forget}, also of pods that went while nobody looked. `anew`: pods whose device was made now: what is there of their addresses is of who had them before. */
  private async forgetStray(state: NetworkState, anew: ReadonlySet<string>): Promise<void> {
    const pods = livingPods(state).filter(({ uid }) => !anew.has(uid)).flatMap(({ addresses }) => addresses)
    const ports = state.ports.filter(({ uid }) => !anew.has(uid)).flatMap((pod) => addressesOf({ pod }))
    const held = new Set([...state.subnets.map(({ gateway }) => gateway), ...ports, ...pods].map((address) => formatIp(parseIp(address))))
    for (const address of await strayAddresses(this.inside.kernel, state.subnets.map(({ cidr }) => cidr), (one) => held.has(one))) this.unforgotten.add(address)
    await this.forget()
  }

  /**
   * Applies what changed of the network or of what the server says of it, and of a pod that is here: at once where it is
   * none of its subnets in use. Throws an Error for another network with this number, or a subnet in use that differs; then all is as it was.
   */
  async change(identity: NetworkIdentity, pod?: Attachment): Promise<void> {
    const { id, number } = this.identity
    if (id !== identity.id) throw new Error(`network number ${number} is held by network ${id}, not ${identity.id}`)
    const before = { identity: this.identity, attached: this.attached }
    const was = this.state()
    this.identity = identity
    if (pod && !isDeepStrictEqual(this.pods.get(pod.pod.uid), pod)) this.attached = this.attached.map((one) => (one.pod.uid === pod.pod.uid ? pod : one))
    try {
      const is = this.state()
      if (!isDeepStrictEqual(was, is)) await this.switchTo(is)
    } catch (error) {
      this.identity = before.identity
      this.attached = before.attached
      await this.undo(() => this.inside.change(this.state()))
      throw error
    }
  }

  /** Applies what the server says of the network now. */
  async refresh(): Promise<void> {
    await this.switchTo(this.state())
  }

  /** Removes the namespace and all in it, also while a process still runs there. */
  async destroy(): Promise<void> {
    const { uplink, peers, run } = this.host
    this.attached = []
    this.floating = []
    this.inside.stop()
    await allDone([uplink.disconnect(this.identity.number), peers.remove(this.identity.number), this.host.external.detach(this.namespace)])
    const there = await whatIs(this.namespace)
    if (there === 'nothing') return
    const links = there === 'namespace' ? await this.inside.kernel.links() : []
    // A process in the namespace keeps it alive without a name; its links must not live on with it.
    await this.inside.kernel.ipBatchForced(links.filter((link) => link.ifname !== 'lo').map((link) => `link delete ${link.ifname}`))
    await run('ip', ['netns', 'delete', this.namespace])
  }

  /** Whether this is the fingerprint of what was left in its namespace, as far as is known without looking. */
  isAsLeft(fingerprint: Fingerprint | undefined): boolean {
    return fingerprint !== undefined && this.unforgotten.size === 0 && this.inside.isAsLeft(fingerprint)
  }

  /** Looks whether others changed its namespace, and makes it right. `look` takes the namespace's fingerprint. */
  async mend(look: (namespace: string) => Promise<Fingerprint | undefined>, report: ReconcileReport): Promise<void> {
    const found = await look(this.namespace)
    if (found && this.unforgotten.size === 0 && await this.inside.isRight(this.state(), found)) return
    await this.reconcile(this.identity, this.pods, report, found?.generation)
    const after = await look(this.namespace)
    if (after) this.isRepaired(after)
  }

  /** This is the fingerprint of its namespace after a reconciliation. */
  isRepaired(fingerprint: Fingerprint): void {
    this.inside.isRepaired(fingerprint)
  }

  /** Makes the kernel agree with these pods, and reports what that took. The rules are right if the kernel has seen `generation` transactions. */
  async reconcile(identity: NetworkIdentity, pods: ReadonlyMap<string, Attachment>, report: ReconcileReport, generation?: number): Promise<void> {
    const { run } = this.host
    this.identity = identity
    this.attached = [...pods.values()]
    const there = await whatIs(this.namespace)
    // A look that fails says nothing of the namespace: pods may be in it.
    const links = there === 'namespace' ? await this.inside.kernel.links() : null
    if (!links) {
      if (there === 'dead name') await run('ip', ['netns', 'delete', this.namespace])
      await run('ip', ['netns', 'add', this.namespace])
      report.repairs.push(`namespace ${this.namespace} made`)
    }
    // Before any device: it takes them on when it is made.
    await this.inside.applySettings()
    await this.reconcileUplink(links?.some((link) => link.ifname === UPLINK_IN_NAMESPACE) ?? false, report)
    await this.reconcileExternal(links?.some((link) => link.ifname === EXTERNAL_DEVICE) ?? false, report)
    const state = this.state()
    const { repairs, lostTaps } = await this.inside.repair(state, generation)
    await this.host.peers.apply(state)
    await this.endBalancers(this.attached)
    await endStrayFlows(this.inside.kernel, state, this.host.external.subnets).catch((error: unknown) => this.host.log.warn({ err: error, network: identity.number }, 'connections of addresses of the outside that moved are still there; the next look tries again'))
    await this.forgetStray(state, new Set(lostTaps)).catch((error: unknown) => this.host.log.warn({ err: error, network: identity.number }, 'connections of pods that are gone are still there; the next look tries again'))
    report.repairs.push(...repairs.map((line) => `${this.namespace}: ${line}`))
    report.lostTaps.push(...lostTaps)
  }

  /** Named counters of the network's packet filter, by name. */
  counters(): Promise<Map<string, Counted>> {
    return this.inside.counters()
  }

  /** Whether the kernel holds policies of the network, by whichever process. */
  hasPolicies(): Promise<boolean> {
    return this.inside.hasPolicies()
  }

  /** What passed through the network's services, by uid. */
  serviceCounters(): Promise<Map<string, ServiceCounters>> {
    return this.inside.serviceCounters()
  }

  /** What the namespace should hold now. */
  state(): NetworkState {
    const { id } = this.identity
    const known = this.host.objectsOf(id)
    const addresses = () => this.attached.flatMap(({ pod }) => [pod.address, ...(pod.ipv6 ? [pod.ipv6.address] : [])])
    const state = networkState(this.identity, this.attached, this.host.isClosed(id) ? closedTo(addresses(), known) : known)
    const external = this.floating.length === 0 ? {} : { floating: this.floating, external: { mac: networkMac(this.host.hostTag, state.number), routerMac: this.host.external.mac } }
    return { ...state, ...external, ...(state.outbound === 'nat' ? { transit: this.host.uplink.transit(state.number) } : {}) }
  }

  /** Its link towards the outside, and what of its addresses there is a way for. */
  private async reconcileExternal(innerEnd: boolean, report: ReconcileReport): Promise<void> {
    const { external, log } = this.host
    const wanted = this.wantedFloating()
    try {
      if (wanted.length === 0) await external.detach(this.namespace)
      else if (!innerEnd || !isDeepStrictEqual(external.portOf(this.namespace), this.port(wanted))) {
        await external.connect(this.port(wanted))
        if (!innerEnd) report.repairs.push(`link of ${this.namespace} towards the outside made`)
      }
      this.floating = wanted
    } catch (error) {
      this.floating = []
      log.error({ err: error, network: this.identity.number }, 'addresses of the outside of a network are not answered for; the next look tries again')
    }
  }

  private async reconcileUplink(innerEnd: boolean, report: ReconcileReport): Promise<void> {
    const { uplink, hostTag } = this.host
    const { number, outbound } = this.state()
    if (outbound === 'none') return uplink.disconnect(number)
    const outerEnd = uplink.isConnected(number)
    if (outerEnd && innerEnd) return uplink.repair(number)
    if (outerEnd) await uplink.disconnect(number)
    await uplink.connect(number, this.namespace)
    report.repairs.push(`link ${uplinkName(hostTag, number)} made`)
  }

  private async switchTo(state: NetworkState): Promise<void> {
    const { uplink } = this.host
    const connected = uplink.isConnected(state.number)
    if (state.outbound === 'nat' && !connected) return this.openOutbound()
    await this.inside.change(state)
    await this.host.peers.apply(state)
    // The rules first: from then on nothing leaves, whatever becomes of the link.
    if (state.outbound === 'none' && connected) await uplink.disconnect(state.number)
  }

  private async openOutbound(): Promise<void> {
    const { uplink } = this.host
    const { number } = this.identity
    try {
      await uplink.connect(number, this.namespace)
      const state = this.state()
      await this.inside.change(state)
      await this.host.peers.apply(state)
    } catch (error) {
      await this.undo(() => uplink.disconnect(number))
      throw error
    }
  }

  /** The first failure is the one to report; what its undo could not do, the next reconciliation does. */
  private async undo(step: () => Promise<void>): Promise<void> {
    await step().catch((error: unknown) => this.host.log.error({ err: error, network: this.identity.number }, 'an undo failed; the next reconciliation completes it'))
  }
}

/** What `ip` has given a name to holds the kernel's file system of namespaces. */
const NSFS_MAGIC = 0x6e73_6673

/** What a name leads to: a namespace, or none any more, as after the end of the machine's mounts. Throws where that cannot be seen. */
async function whatIs(name: string): Promise<'namespace' | 'dead name' | 'nothing'> {
  try {
    return (await statfs(`${NAMESPACES}/${name}`)).type === NSFS_MAGIC ? 'namespace' : 'dead name'
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'nothing'
    throw error
  }
}

const addressesOf = ({ pod }: { pod: PodPort }): string[] => [pod.address, ...(pod.ipv6 ? [pod.ipv6.address] : [])]

/** Throws an Error that names the pod which holds an address, MAC or tap already. */
export function refuseClash(number: number, others: Iterable<PodPort>, pod: PodPort): void {
  for (const other of others) {
    if (other.address === pod.address) throw new Error(`address ${pod.address} of network ${number} is held by pod ${other.uid}`)
    if (pod.ipv6 && other.ipv6?.address === pod.ipv6.address) throw new Error(`address ${pod.ipv6.address} of network ${number} is held by pod ${other.uid}`)
    if (other.mac === pod.mac) throw new Error(`MAC address ${pod.mac} of network ${number} is held by pod ${other.uid}`)
    if (tapName(other.uid) === tapName(pod.uid)) throw new Error(`tap ${tapName(pod.uid)} is held by pod ${other.uid}`)
  }
}
