import { z } from 'zod'
import type { PodPort } from './attachment'
import type { Logger } from '@/platform/logger'
import { Shaping } from './bandwidth/shaping'
import { HASTY_CONNECTIONS } from './hasty-connections'
import type { NetworkNamespaceKernel } from './kernel'
import { desiredObjects, deviceOf, kernelChange, observedObjects, type DeviceKind, type KernelChange, type KernelObject } from './kernel-objects'
import { standInPeerName, tapName, UPLINK_IN_NAMESPACE } from './names'
import { namespaceTables, type NamespaceUsers } from './namespace-rules'
import type { NetworkState } from './network-state'
import type { Sections } from './sections'
import { allDone } from './serial'
import { PEER_LINK_PREFIX } from './peers/peer-link'
import { OpenConnections } from './services/open-connections'
import { readServiceCounters, type ServiceCounters } from './services/service-counters'
import { MOST_ENDPOINTS, servicesLeftOut } from './services/service-elements'
import type { NftTables } from './table/model'
import { Table, type Counted } from './table/table'
import type { Fingerprint } from './watch/fingerprints'

/** The chain of members of a combination of policies. */
const POLICY_MEMBERS = /^policy_(?:in|e)gress_of_/
const listedChains = z.object({ nftables: z.array(z.object({ chain: z.object({ name: z.string() }).optional() })) })

/** What the kernel counts a namespace's packet filter from. */
const NEW_GENERATION = 1

// Every tap made later takes these on; neighbours of taps are permanent, so that nothing is learned from a guest.
const SETTINGS = {
  'net.ipv4.ip_forward': 1,
  'net.ipv4.conf.default.proxy_arp': 1,
  'net.ipv4.conf.default.rp_filter': 1,
  'net.ipv4.conf.all.accept_source_route': 0,
  'net.ipv4.conf.default.accept_source_route': 0,
  'net.ipv4.conf.all.accept_redirects': 0,
  'net.ipv4.conf.default.accept_redirects': 0,
  'net.ipv4.conf.all.send_redirects': 0,
  'net.ipv4.conf.default.send_redirects': 0,
  'net.ipv6.conf.all.disable_ipv6': 0,
  'net.ipv6.conf.default.disable_ipv6': 0,
  'net.ipv6.conf.all.forwarding': 1,
  // Questions for routed addresses of the outside are answered on their link, of those that are told to the kernel alone.
  'net.ipv6.conf.all.proxy_ndp': 1,
  // No address, route or neighbour comes from what a guest says: no routers, no redirects, no addresses of the link's own.
  'net.ipv6.conf.default.accept_ra': 0,
  'net.ipv6.conf.all.accept_redirects': 0,
  'net.ipv6.conf.default.accept_redirects': 0,
  'net.ipv6.conf.default.autoconf': 0,
  'net.ipv6.conf.default.addr_gen_mode': 1,
  'net.ipv6.conf.default.dad_transmits': 0,
  'net.ipv6.conf.all.accept_source_route': -1,
  'net.ipv6.conf.default.accept_source_route': -1,
} as const

/**
 * The inside of one tenant network's namespace. It routes: every pod has a tap of its own with a route to each of its
 * addresses, and the namespace answers ARP on each tap for the gateway and for the other pods (proxy ARP), and discovery
 * for the gateway, so that guests see an ordinary subnet. Addresses of the subnet that no pod has are unreachable, never routed out.
 */
export class TenantNamespace {
  private readonly table: Table
  private readonly shaping: Shaping
  private readonly connections: OpenConnections
  private current: NetworkState | null = null
  /** Services that a warning has told of. */
  private leftOut: ReadonlySet<string> = new Set()
  /** The digest of what `ip` made here when it was last found right; null: it was changed since. */
  private rightDigest: string | null = null

  constructor(
    readonly kernel: NetworkNamespaceKernel,
    private readonly users: NamespaceUsers,
    private readonly deviceKind: DeviceKind,
    private readonly sections: Sections,
    private readonly log: Pick<Logger, 'warn'>,
  ) {
    this.table = new Table(kernel)
    this.shaping = new Shaping(kernel)
    this.connections = new OpenConnections(kernel, log)
  }

  /** Kernel settings of a new namespace; to be in force before the first device is made. */
  async applySettings(): Promise<void> {
    await this.kernel.set(SETTINGS)
  }

  /** Makes the namespace with its kernel settings, and a pod's tap where that is its device. Throws as {@link NetworkNamespaceKernel.makeNamespace} does. */
  async begin({ uid, runAsUid, balancer }: PodPort): Promise<void> {
    await this.kernel.makeNamespace(SETTINGS, this.deviceKind === 'tap' && !balancer ? { name: tapName(uid), owner: runAsUid } : null)
    // Its packet filter has seen nothing yet.
    this.table.isAt(NEW_GENERATION)
  }

  /** Makes the pod's device where {@link begin} did not; {@link enter} then finds it. */
  async makeDevice(pod: PodPort): Promise<void> {
    if (this.deviceKind !== 'tap' || pod.balancer) await this.kernel.ipBatch(deviceOf(pod, this.deviceKind).add)
  }

  /** Loads the packet filter of a state; one that is there already by what differs, in one transaction. */
  async applyRules(state: NetworkState): Promise<void> {
    await this.table.load(this.tables(state))
  }

  /** The first state of a namespace whose devices {@link made} are there: all else of it. Its rules are loaded before. */
  async enter(state: NetworkState, made: readonly PodPort[]): Promise<void> {
    const there = new Set(made.map((pod) => deviceOf(pod, this.deviceKind).key))
    const added = [...desiredObjects(state, this.deviceKind).values()].filter(({ key }) => !there.has(key))
    await this.kernel.ipBatch(['link set dev lo up', ...added.flatMap(({ add }) => add)])
    await this.shaping.apply(state.ports)
    this.holds(state)
  }

  /**
   * Brings the namespace from the state it is in to the next: by what differs, rules and devices side by side, since rules drop what comes from a
   * device that they do not know. After a failure nobody knows which devices are there: the next change looks. Rules that are known are changed by what differs, so that
   * counters and what packets wrote stay.
   */
  async change(state: NetworkState): Promise<void> {
    const before = this.current
    if (!before) return void await this.make(state, this.table.state === null)
    this.rightDigest = null
    const { remove, add } = kernelChange(desiredObjects(before, this.deviceKind), desiredObjects(state, this.deviceKind))
    this.current = null
    await allDone([this.applyRules(state), this.kernel.ipBatchForced(remove).then(() => this.kernel.ipBatch(add))])
    await this.shaping.apply(state.ports)
    if (before.floating.length === 0) await this.forgetSoon(state)
    this.holds(state)
  }

  /** Who asks an address of the outside may be a flood of such as never complete a connection: each shall keep its place for a short time alone. */
  private async forgetSoon({ floating }: NetworkState): Promise<void> {
    if (floating.length > 0) await this.kernel.set(HASTY_CONNECTIONS).catch(() => undefined)
  }

  /** Whether this is the fingerprint of what was left here, as far as is known without looking. */
  isAsLeft({ generation, digest }: Fingerprint): boolean {
    return this.table.isUntouched(generation) && this.rightDigest === digest
  }

  /** Looks whether others changed what should be here; a fingerprint taken before is then the one of what is right. Changes nothing. */
  async isRight(state: NetworkState, { generation, digest }: Fingerprint): Promise<boolean> {
    const [{ remove, add }, isShaped] = await Promise.all([this.compare(state), this.shaping.isRight(state.ports)])
    this.rightDigest = remove.length === 0 && add.length === 0 && isShaped ? digest : null
    return this.rightDigest !== null && this.table.isUntouched(generation)
  }

  /** This is the fingerprint after a repair; what it says of devices is looked at once more. */
  isRepaired({ generation }: Fingerprint): void {
    this.table.isAt(generation)
    this.rightDigest = null
  }

  /**
   * Compares the namespace with what it should hold and makes the difference good. Says what it changed, and whose device it had to make anew. Rules
   * are loaded anew unless the kernel has seen `generation` transactions, which says that they are right.
   */
  async repair(state: NetworkState, generation?: number): Promise<{ repairs: string[]; lostTaps: string[] }> {
    const touched = generation === undefined || !this.table.isUntouched(generation)
    const { removed, added, shaped } = await this.make(state, touched)
    const lost = state.ports.filter((pod) => added.some(({ key }) => key === deviceOf(pod, this.deviceKind).key))
    const ofLost = new Set(lost.map((pod) => tapName(pod.uid)))
    return {
      repairs: [...(touched && generation !== undefined ? ['rules, which others changed, loaded anew'] : []), ...removed.map(({ key }) => `${key} removed`), ...lost.map((pod) => `device of pod ${pod.uid} made`), ...added.filter((one) => one.device === null || !ofLost.has(one.device)).map(({ key }) => `${key} made`), ...shaped.filter((one) => ![...ofLost].some((tap) => one.includes(tap)))],
      // A balancer's far end is made with it.
      lostTaps: lost.filter(({ balancer }) => !balancer).map((pod) => pod.uid),
    }
  }

  /** Makes the difference good, whatever is there, and says what it was. `anew`: of the packet filter nothing is known. */
  private async make(state: NetworkState, anew: boolean): Promise<KernelChange & { shaped: string[] }> {
    const change = await this.compare(state)
    await this.applySettings()
    await this.kernel.ipBatchForced(change.remove)
    await (anew ? this.table.reload(this.tables(state)) : this.applyRules(state))
    await this.kernel.ipBatch(['link set dev lo up', ...change.add])
    const shaped = await this.shaping.repair(state.ports)
    await this.forgetSoon(state)
    this.holds(state)
    return { ...change, shaped }
  }

  /** What differs from what should be here. */
  private async compare(state: NetworkState): Promise<KernelChange> {
    const desired = desiredObjects(state, this.deviceKind)
    const kept = new Set(['lo', ...state.ports.map((pod) => standInPeerName(pod.uid)), ...(state.transit === null ? [] : [UPLINK_IN_NAMESPACE])])
    const observed = await this.kernel.observe()
    // Links to peers are made elsewhere, as is the one that the host's side makes.
    const isOthers = ({ key, device }: KernelObject) => device !== null && (device.startsWith(PEER_LINK_PREFIX) || (kept.has(device) && (key.startsWith('device ') || device.startsWith('pod'))))
    const there = new Map([...observedObjects(observed)].filter(([, one]) => !isOthers(one)))
    return kernelChange(there, desired)
  }

  /** Named counters of the network's packet filter, by name. */
  counters(): Promise<Map<string, Counted>> {
    return this.table.counters()
  }

  /** What passed through the network's services, by uid; none before it is there. */
  async serviceCounters(): Promise<Map<string, ServiceCounters>> {
    return this.current ? readServiceCounters(this.kernel, this.current) : new Map()
  }

  /** Whether a process loaded policies here, or may have: of a namespace that is there but cannot be looked at nobody knows. */
  async hasPolicies(): Promise<boolean> {
    try {
      const { nftables } = listedChains.parse(await this.kernel.listRules('chains'))
      return nftables.some(({ chain }) => chain !== undefined && POLICY_MEMBERS.test(chain.name))
    } catch {
      return this.kernel.links().then(() => true, () => false)
    }
  }

  /** Nothing is looked after any more: the namespace goes. */
  stop(): void {
    this.connections.stop()
  }

  private holds(state: NetworkState): void {
    const leftOut = servicesLeftOut(state)
    // Once, however often others change.
    const isNews = leftOut.some((name) => !this.leftOut.has(name))
    this.leftOut = new Set(leftOut)
    if (isNews) this.log.warn({ network: state.id, services: leftOut.slice(0, 20) }, `${leftOut.length} services of network ${state.number} refuse their clients here: a host carries out ${MOST_ENDPOINTS} endpoints of a network's services; give services fewer endpoints or ports, or another network`)
    this.current = state
    this.connections.follow(state)
  }

  private tables(state: NetworkState): NftTables {
    return namespaceTables(state, this.users, this.sections(state))
  }
}
