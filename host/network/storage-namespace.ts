import { familyOf } from '@/domain/shared/ip'
import { formatIpv4 } from '@/domain/shared/cidr'
import type { Logger } from '@/platform/logger'
import { run as runCommand } from '@/platform/exec'
import type { UidRange } from './attachment'
import { NetworkNamespaceKernel, type Run } from './kernel'
import { checkHostTag, HOST_END_MAC, NAMESPACE_END_MAC, ROUTER_ADDRESS, UPLINK_IN_NAMESPACE } from './names'
import { whatIs } from './network-namespace'
import { Serial } from './serial'
import { removeStorageTable, storageTables, storageUplinkTables } from './storage-rules'
import { Table } from './table/table'
import { DEFAULT_TRANSIT_POOL } from './transit-pool'
import { holdTransitBlock, releaseTransitBlocks } from './transit-hold'

export type StorageNamespaceOptions = {
  hostTag: string
  /** The users that VMs run as: they alone begin connections there. */
  uids: UidRange
  /** The namespace below /run/netns by which the stores are reached; null: the one this process runs in. */
  uplinkNetns?: string | null
  /** As of networks: a block of it is held for the one address. */
  transitPool?: string
  run?: Run
  log: Pick<Logger, 'warn'>
}

/** Whose a block of addresses is that is held for stores, not for networks. No host tag has a point. */
const holder = (hostTag: string) => `${hostTag}.storage`

export const storageNamespaceName = (hostTag: string): string => `hyps-${hostTag}`
export const storageLinkName = (hostTag: string): string => `hyps${hostTag}-up`

/** No address, route or neighbour by what anybody says, and no IPv6. */
const SETTINGS = {
  'net.ipv4.ip_forward': 0,
  'net.ipv4.conf.all.accept_redirects': 0,
  'net.ipv4.conf.default.accept_redirects': 0,
  'net.ipv4.conf.all.accept_source_route': 0,
  'net.ipv4.conf.all.send_redirects': 0,
  'net.ipv6.conf.all.disable_ipv6': 1,
  'net.ipv6.conf.default.disable_ipv6': 1,
} as const

/** No store on the network was told of: what to do about it, for whoever wants a VM with a way to one. */
export class NoStoreOnNetwork extends Error {
  override readonly name = 'NoStoreOnNetwork'
}

/**
 * The network namespace of a host in which QEMUs of pods with volumes in Ceph are, instead of their tenant's network: from it the stores' daemons are reached, and nothing
 * else. What guests send stays in the tenant's network, for that is where the taps are. It is there from the first store on, outlives the agent as the VMs in it do, and
 * {@link reach} makes right what it finds. It goes with the last store and the last VM in it. Stores are reached by IPv4 alone.
 */
export class StorageNamespace {
  readonly name: string
  private readonly link: string
  private readonly host: NetworkNamespaceKernel
  private readonly inside: NetworkNamespaceKernel
  private readonly rules: Table
  private readonly hostRules: Table
  private readonly serial = new Serial()
  /** Subnets as they were last told; null: never yet. */
  private told: readonly string[] | null = null
  private readonly run: Run

  constructor(private readonly options: StorageNamespaceOptions) {
    const { hostTag, uplinkNetns = null, run = runCommand } = options
    checkHostTag(hostTag)
    this.run = run
    this.name = storageNamespaceName(hostTag)
    this.link = storageLinkName(hostTag)
    this.host = new NetworkNamespaceKernel(uplinkNetns, run)
    this.inside = new NetworkNamespaceKernel(this.name, run)
    this.rules = new Table(this.inside)
    this.hostRules = new Table(this.host, 'tables')
  }

  /**
   * From now on VMs reach these subnets on Ceph's ports, and no others: with none, nothing. Makes the namespace where it is not there, and repairs the way to it; with none it goes, unless VMs are in it. Those of
   * IPv6 are left out, with a warning. Throws ExecError, or an Error where no address is free.
   */
  async reach(networks: readonly string[]): Promise<void> {
    const isFirst = this.told === null
    this.told = networks
    await this.serial.do(() => (networks.length === 0 ? this.leave(isFirst) : this.lead(networks)))
  }

  /** `isFirst`: what is there an earlier run has made, and VMs that are in it may need it: the server has said nothing yet. */
  private async leave(isFirst: boolean): Promise<void> {
    const found = await whatIs(this.name)
    if (found === 'nothing' && isFirst) return
    const isUsed = found === 'namespace' && (await this.run('ip', ['netns', 'pids', this.name])).stdout.trim() !== ''
    if (!isUsed) await this.takeAway()
    else if (!isFirst) await this.lead([])
  }

  private async lead(networks: readonly string[]): Promise<void> {
    const four = [...new Set(networks.filter((one) => familyOf(one) === 4))].sort()
    if (four.length < new Set(networks).size) this.options.log.warn({ networks }, 'stores of volumes are reached by IPv4 alone: name their subnets of IPv4')
    const { hostTag, uids, transitPool = DEFAULT_TRANSIT_POOL } = this.options
    const { block } = await holdTransitBlock(this.host, holder(hostTag), transitPool)
    const address = formatIpv4(block.network + 1)
    await this.make()
    // Before there is a way: what is between has no rule yet.
    await this.rules.reload(storageTables({ networks: four, uids }))
    await this.hostRules.reload(storageUplinkTables({ hostTag, link: this.link, address, networks: four }))
    await this.connect(address, four)
  }

  /** For a VM that is about to start: makes right what others changed. Tells its name; throws also where no store was told of. */
  async enter(): Promise<string> {
    if (this.told === null || this.told.length === 0) throw new NoStoreOnNetwork('This host was told of no store of volumes on the network: make one, or leave out the annotation that asks for the way to it.')
    await this.reach(this.told)
    return this.name
  }

  /** Takes it away with all that belongs to it. VMs that are still in it reach nothing any more. */
  remove(): Promise<void> {
    return this.serial.do(() => this.takeAway())
  }

  private async takeAway(): Promise<void> {
    const { hostTag } = this.options
    await this.host.ipBatchForced([`link delete ${this.link}`])
    if (await whatIs(this.name) !== 'nothing') await this.run('ip', ['netns', 'delete', this.name])
    await this.host.loadRules(removeStorageTable(hostTag))
    await releaseTransitBlocks(this.host, holder(hostTag))
  }

  private async make(): Promise<void> {
    const found = await whatIs(this.name)
    if (found === 'namespace') return
    // What was mounted there ended with its mounts; who is in it has lost its way.
    if (found === 'dead name') await this.run('ip', ['netns', 'delete', this.name])
    await this.run('ip', ['netns', 'add', this.name])
    await this.inside.set(SETTINGS)
  }

  private async connect(address: string, networks: readonly string[]): Promise<void> {
    const [links, there, routes] = await Promise.all([this.host.links(), this.inside.links(), this.inside.routes()])
    const isWhole = links.some(({ ifname }) => ifname === this.link) && there.some(({ ifname }) => ifname === UPLINK_IN_NAMESPACE)
    if (!isWhole) {
      await this.host.ipBatchForced([`link delete ${this.link}`])
      await this.host.ipBatch([`link add name ${this.link} address ${HOST_END_MAC} type veth peer name ${UPLINK_IN_NAMESPACE} address ${NAMESPACE_END_MAC} netns ${this.name}`])
    }
    await this.forward()
    await this.host.ipBatch([`link set dev ${this.link} addrgenmode none up`, `neigh replace ${address} lladdr ${NAMESPACE_END_MAC} nud permanent dev ${this.link}`, `route replace ${address}/32 dev ${this.link} scope link`])
    await this.inside.ipBatch([
      `link set dev ${UPLINK_IN_NAMESPACE} up`,
      `address replace ${address}/32 dev ${UPLINK_IN_NAMESPACE}`,
      `route replace ${ROUTER_ADDRESS}/32 dev ${UPLINK_IN_NAMESPACE} scope link`,
      `neigh replace ${ROUTER_ADDRESS} lladdr ${HOST_END_MAC} nud permanent dev ${UPLINK_IN_NAMESPACE}`,
      // Those that stay are never away: VMs that are in it connect meanwhile.
      ...routes.filter(({ dst, protocol }) => protocol === 'static' && !networks.map(asListed).includes(dst)).map(({ dst }) => `route delete ${dst} proto static`),
      ...networks.map((network) => `route replace ${network} via ${ROUTER_ADDRESS} dev ${UPLINK_IN_NAMESPACE} proto static`),
    ])
  }

  private async forward(): Promise<void> {
    if (await this.host.get('net.ipv4.ip_forward') === '1') return
    await this.host.set({ 'net.ipv4.ip_forward': 1 })
    this.options.log.warn('IPv4 forwarding was off on this host; turned it on (net.ipv4.ip_forward=1), since pods have volumes in a store on the network')
  }
}

/** A subnet as the kernel lists a route to it. */
const asListed = (network: string): string => (network === '0.0.0.0/0' ? 'default' : network.replace(/\/32$/, ''))
