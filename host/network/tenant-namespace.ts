import { formatCidr, parseCidr } from '@/domain/shared/cidr'
import type { NetworkSpec, PodPort, UidRange } from './attachment'
import type { Link, NetworkNamespaceKernel, Route } from './kernel'
import { gatewayMac, HOST_END_MAC, POD_MTU, ROUTER_ADDRESS, standInPeerName, tapName, UPLINK_IN_NAMESPACE } from './names'
import { namespaceRules } from './namespace-rules'

/** What stands at a pod's NIC: a tap for QEMU, or, in tests, a veth whose peer `pod…` a test moves where it likes. */
export type DeviceKind = 'tap' | 'veth'

/** What one network namespace should hold. `transit` is null without outbound traffic. */
export type Desired = { network: NetworkSpec; transit: string | null; pods: readonly PodPort[] }

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
  'net.ipv6.conf.all.disable_ipv6': 1,
  'net.ipv6.conf.default.disable_ipv6': 1,
} as const

/**
 * The inside of one tenant network's namespace. It routes: every pod has a tap of its own with a route to its one
 * address, and the namespace answers ARP on each tap for the gateway and for the other pods (proxy ARP), so
 * that guests see an ordinary subnet. Addresses of the subnet that no pod has are unreachable, never routed out.
 */
export class TenantNamespace {
  constructor(
    readonly kernel: NetworkNamespaceKernel,
    private readonly uids: UidRange,
    private readonly deviceKind: DeviceKind,
  ) {}

  /** Kernel settings of a new namespace; to be in force before the first tap is made. */
  async applySettings(): Promise<void> {
    await this.kernel.set(SETTINGS)
  }

  /** Replaces the namespace's whole packet filter. */
  async applyRules(desired: Desired): Promise<void> {
    await this.kernel.loadRules(namespaceRules({ ...desired, uids: this.uids }))
  }

  /** Commands that give the namespace its gateway, the subnet and, with a transit address, the way out. May be repeated. */
  baseCommands({ network, transit }: Desired): string[] {
    return [
      'link set dev lo up',
      `address replace ${network.gateway}/32 dev lo`,
      `route replace unreachable ${formatCidr(parseCidr(network.cidr))}`,
      ...(transit === null ? [] : outboundCommands()),
    ]
  }

  /** Commands that make a pod's device. */
  addDeviceCommands(pod: PodPort): string[] {
    const tap = tapName(pod.uid)
    return [this.deviceKind === 'tap' ? `tuntap add dev ${tap} mode tap user ${pod.runAsUid} vnet_hdr` : `link add name ${tap} type veth peer name ${standInPeerName(pod.uid)} mtu ${POD_MTU}`]
  }

  /** Commands that set a pod's device, route and neighbour. May be repeated. */
  podCommands(network: NetworkSpec, pod: PodPort): string[] {
    const tap = tapName(pod.uid)
    return [
      `link set dev ${tap} address ${gatewayMac(network.number)} mtu ${POD_MTU} addrgenmode none up`,
      // Without this a proxy ARP answer waits up to 0.8 s.
      `ntable change name arp_cache dev ${tap} proxy_delay 0`,
      `neigh replace ${pod.address} lladdr ${pod.mac} nud permanent dev ${tap}`,
      `route replace ${pod.address}/32 dev ${tap} scope link`,
    ]
  }

  /** Compares the namespace with what it should hold and makes the difference good. Says what it changed, and whose device it had to make anew. */
  async repair(desired: Desired): Promise<{ repairs: string[]; lostTaps: string[] }> {
    const [links, routes] = await Promise.all([this.kernel.links(), this.kernel.routes()])
    const remove = surplus(desired, links, routes)
    const lost = desired.pods.filter((pod) => !links.some((link) => this.isDeviceOf(pod, link)))
    const foreign = lost.map((pod) => tapName(pod.uid)).filter((tap) => links.some((link) => link.ifname === tap))
    const missing = expectedRoutes(desired).filter((line) => !routes.map(routeKey).includes(line))
    await this.kernel.ipBatchForced([...remove, ...foreign.map((tap) => `link delete ${tap}`)])
    await this.applySettings()
    await this.applyRules(desired)
    await this.kernel.ipBatch([
      ...this.baseCommands(desired),
      ...lost.flatMap((pod) => this.addDeviceCommands(pod)),
      ...desired.pods.flatMap((pod) => this.podCommands(desired.network, pod)),
    ])
    return {
      repairs: [...remove, ...lost.map((pod) => `device of pod ${pod.uid} made`), ...missing.map((line) => `route ${line} added`)],
      lostTaps: lost.map((pod) => pod.uid),
    }
  }

  private isDeviceOf(pod: PodPort, link: Link): boolean {
    if (link.ifname !== tapName(pod.uid)) return false
    const { info_kind: kind, info_data: data } = link.linkinfo ?? {}
    return this.deviceKind === 'veth' ? kind === 'veth' : kind === 'tun' && data?.type === 'tap' && data.vnet_hdr === true && String(data.user) === String(pod.runAsUid)
  }
}

/** Commands that give a namespace whose uplink is there its default route. May be repeated. */
export function outboundCommands(): string[] {
  return [
    `link set dev ${UPLINK_IN_NAMESPACE} mtu ${POD_MTU} addrgenmode none up`,
    `neigh replace ${ROUTER_ADDRESS} lladdr ${HOST_END_MAC} nud permanent dev ${UPLINK_IN_NAMESPACE}`,
    `route replace default via ${ROUTER_ADDRESS} dev ${UPLINK_IN_NAMESPACE} onlink`,
  ]
}

const routeKey = (route: Route) => `${route.type ?? 'unicast'} ${route.dst} ${route.dev ?? ''}`.trimEnd()

function expectedRoutes({ network, transit, pods }: Desired): string[] {
  return [
    `unreachable ${network.cidr}`,
    ...pods.map((pod) => `unicast ${pod.address} ${tapName(pod.uid)}`),
    ...(transit === null ? [] : [`unicast default ${UPLINK_IN_NAMESPACE}`]),
  ]
}

/** Commands that remove links, addresses and routes which the namespace should not have. */
function surplus(desired: Desired, links: readonly Link[], routes: readonly Route[]): string[] {
  const devices = new Set(['lo', ...desired.pods.flatMap((pod) => [tapName(pod.uid), standInPeerName(pod.uid)]), ...(desired.transit === null ? [] : [UPLINK_IN_NAMESPACE])])
  const kept = new Set(expectedRoutes(desired))
  return [
    ...links.filter((link) => !devices.has(link.ifname)).map((link) => `link delete ${link.ifname}`),
    ...links.filter((link) => devices.has(link.ifname)).flatMap((link) => link.addr_info
      .filter(({ family, local, prefixlen }) => family === 'inet' && local !== '127.0.0.1' && !(link.ifname === 'lo' && local === desired.network.gateway && prefixlen === 32))
      .map(({ local, prefixlen }) => `address delete ${local}/${prefixlen} dev ${link.ifname}`)),
    ...routes.filter((route) => !kept.has(routeKey(route)) && (route.dev === undefined || devices.has(route.dev)))
      .map((route) => `route delete ${route.type ?? 'unicast'} ${route.dst}${route.dev === undefined ? '' : ` dev ${route.dev}`}${route.metric === undefined ? '' : ` metric ${route.metric}`}`),
  ]
}
