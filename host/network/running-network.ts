import { isDeepStrictEqual } from 'node:util'
import { EXTERNAL_DEVICE, networkMac } from '@/host/external/names'
import { ExecError } from '@/platform/exec'
import { addressesOf, refuseClash, type Attachment } from './attachment'
import { balancerEnd, balancerEndGone } from './balancer-port'
import { FloatingWay } from './floating/floating-way'
import { routedAddresses, type RoutedAddresses } from './floating/routed-addresses'
import { ForgottenAddresses } from './forgotten-addresses'
import type { HostParts, ReconcileReport } from './host-parts'
import { NetworkNamespaceKernel } from './kernel'
import { namespaceName, UPLINK_IN_NAMESPACE } from './names'
import { whatIs } from './network-namespace'
import { closedTo } from './network-objects'
import { networkState, type FloatingBinding, type NetworkIdentity, type NetworkState } from './network-state'
import { networkSections } from './sections'
import { allDone } from './serial'
import type { ServiceCounters } from './services/service-counters'
import type { Counted } from './table/table'
import { TenantNamespace } from './tenant-namespace'
import { UplinkWay } from './uplink-way'
import type { Fingerprint } from './watch/fingerprints'

/**
 * One tenant network on this host. Its caller runs one method at a time. A method that throws leaves nothing
 * behind that the network did not have before.
 */
export class RunningNetwork {
  private attached: readonly Attachment[] = []
  private readonly unforgotten: ForgottenAddresses
  /** How addresses of the outside lead to pods here. */
  readonly floating: FloatingWay
  private readonly uplink: UplinkWay
  readonly namespace: string
  private readonly inside: TenantNamespace

  constructor(public identity: NetworkIdentity, private readonly host: HostParts) {
    this.namespace = namespaceName(host.hostTag, identity.number)
    this.inside = new TenantNamespace(new NetworkNamespaceKernel(this.namespace, host.run), host, host.deviceKind, networkSections(), host.log)
    const of = { namespace: this.namespace, inside: this.inside, number: () => this.identity.number, state: () => this.state(), wanted: () => this.wantedFloating(), undo: (step: () => Promise<void>) => this.undo(step) }
    this.unforgotten = new ForgottenAddresses({ kernel: this.inside.kernel, number: of.number }, host)
    this.floating = new FloatingWay(of, host)
    this.uplink = new UplinkWay(of, host)
  }

  /** The pods that are here, by uid. */
  get pods(): ReadonlyMap<string, Attachment> {
    return new Map(this.attached.map((one) => [one.pod.uid, one]))
  }

  /** Makes the namespace with its first pod. One that is there already may hold running pods: it is left alone, and reconciliation adopts it. `onTap`: the pod's tap is there. */
  async create(attachment: Attachment, onTap: () => void): Promise<void> {
    const { uplink } = this.host
    const { pod } = attachment
    const wasFree = (await whatIs(this.namespace)) === 'nothing'
    await this.inside.begin(pod).catch(async (error: unknown) => {
      // What was killed has taken nothing back; what was there before is not its.
      if (wasFree && error instanceof ExecError && error.code === null) await this.undo(() => this.destroy())
      throw error
    })
    this.attached = [attachment]
    try {
      await this.inside.makeDevice(pod)
      onTap()
      // The VM waits for its tap alone: what takes processes of its own comes after it.
      const { number, outbound } = this.state()
      if (outbound === 'nat') await uplink.reserve(number)
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

  /** Adds a pod to the namespace, which is there; `onTap`: its tap is. Throws an Error when its address, MAC or tap is another's. */
  async add(attachment: Attachment, onTap: () => void): Promise<void> {
    const { pod } = attachment
    refuseClash(this.identity.number, this.attached.map((one) => one.pod), pod)
    // Who has an address now must not hear what is left of the one before.
    if (addressesOf(pod).some((address) => this.unforgotten.has(address))) await this.unforgotten.forget(true)
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
    this.unforgotten.add(gone.flatMap((one) => addressesOf(one.pod)))
    if (this.attached.length > 0) await this.floating.leavePods()
    // With its last pod the namespace goes.
    await this.unforgotten.tryToForget(this.attached.length > 0)
    if (this.attached.length === 0) await this.destroy()
  }

  /** Makes the far ends of balancers' links usable, without what the one of `before` had and has not now. */
  private async endBalancers(attached: readonly Attachment[], before?: Attachment): Promise<void> {
    await allDone(attached.map(async (one) => {
      if (!one.pod.balancer) return
      const far = new NetworkNamespaceKernel(one.pod.balancer.namespace, this.host.run)
      if (before) await far.ipBatchForced(balancerEndGone(before, one))
      await far.ipBatch(balancerEnd(one.network, one.pod))
    }))
  }

  /** The addresses of the outside that lead to pods which are here, without those that somebody else on this host has not let go yet. */
  private wantedFloating(): readonly FloatingBinding[] {
    const isElsewhere = (address: string) => ![undefined, this.namespace].includes(this.host.external.holderOf(address))
    return this.host.floatingOf(this.identity.id).filter(({ address, podUid, target }) => !isElsewhere(address) && this.attached.some(({ pod }) => pod.uid === podUid && addressesOf(pod).includes(target)))
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
    const known = pod && this.pods.get(pod.pod.uid)
    if (known && !isDeepStrictEqual(known, pod)) this.attached = this.attached.map((one) => (one.pod.uid === pod.pod.uid ? pod : one))
    try {
      const is = this.state()
      if (!isDeepStrictEqual(was, is)) await this.uplink.switchTo(is)
      if (known) await this.endBalancers([pod], known)
    } catch (error) {
      this.identity = before.identity
      this.attached = before.attached
      await this.undo(() => this.inside.change(this.state()))
      throw error
    }
  }

  /** Applies what the server says of the network now. */
  async refresh(): Promise<void> {
    await this.uplink.switchTo(this.state())
  }

  /** Removes the namespace and all in it, also while a process still runs there. */
  async destroy(): Promise<void> {
    const { uplink, peers, run } = this.host
    this.attached = []
    this.floating.forget()
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
    return fingerprint !== undefined && this.unforgotten.isEmpty && this.inside.isAsLeft(fingerprint)
  }

  /** Looks whether others changed its namespace, and makes it right. `look` takes the namespace's fingerprint. */
  async mend(look: (namespace: string) => Promise<Fingerprint | undefined>, report: ReconcileReport): Promise<void> {
    const found = await look(this.namespace)
    if (found && this.unforgotten.isEmpty && await this.inside.isRight(this.state(), found)) return
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
    await this.uplink.reconcile(links?.some((link) => link.ifname === UPLINK_IN_NAMESPACE) ?? false, report)
    await this.floating.reconcile(links?.some((link) => link.ifname === EXTERNAL_DEVICE) ?? false, report)
    const state = this.state()
    const { repairs, lostTaps } = await this.inside.repair(state, generation)
    await this.host.peers.apply(state)
    await this.endBalancers(this.attached)
    await this.floating.endStrays(state)
    await this.unforgotten.forgetStray(state, new Set(lostTaps))
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
    const addresses = () => this.attached.flatMap(({ pod }) => addressesOf(pod))
    const state = networkState(this.identity, this.attached, this.host.isClosed(id) ? closedTo(addresses(), known) : known)
    const external = this.floating.carried.length === 0 ? {} : { floating: this.floating.carried, external: { mac: networkMac(this.host.hostTag, state.number), routerMac: this.host.external.mac } }
    return { ...state, ...external, ...(state.outbound === 'nat' ? { transit: this.host.uplink.transit(state.number) } : {}) }
  }

  /** What the guests of pods here are to be told of addresses that are routed to them, by the pods' uid. */
  routedAddresses(): Map<string, RoutedAddresses> {
    return routedAddresses(this.wantedFloating(), this.pods, this.state())
  }

  /** The first failure is the one to report; what its undo could not do, the next reconciliation does. */
  private async undo(step: () => Promise<void>): Promise<void> {
    await step().catch((error: unknown) => this.host.log.error({ err: error, network: this.identity.number }, 'an undo failed; the next reconciliation completes it'))
  }
}
