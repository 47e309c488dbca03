import { EXTERNAL_DEVICE, EXTERNAL_MTU } from '@/host/external/names'
import { EXTERNAL_ROUTES, type Link, type Neighbour, type Observed, type Route, type RoutingRule } from './kernel'
import { gatewayMac, HOST_END_MAC, linkLocalOf, NAMESPACE_END_MAC, POD_MTU, ROUTER_ADDRESS, ROUTER_ADDRESS_6, standInPeerName, tapName, UPLINK_IN_NAMESPACE } from './names'
import type { PodPort } from './attachment'
import { routedOf, translatedOf, type NetworkState } from './network-state'

/** What stands at a pod's NIC: a tap for QEMU, or, in tests, a veth whose peer `pod…` a test moves where it likes. */
export type DeviceKind = 'tap' | 'veth'

/**
 * One thing that `ip` makes in a namespace: a device, what is set of it, an address, a route or a neighbour. Two of one key are the same in all
 * that matters. `add` and `remove` are commands of `ip -batch`; without `remove` it is changed by the next of its kind. `device`: what it goes with.
 */
export type KernelObject = { readonly key: string; readonly device: string | null; readonly add: readonly string[]; readonly remove: readonly string[] }
export type KernelObjects = ReadonlyMap<string, KernelObject>

const up = UPLINK_IN_NAMESPACE
const keyed = (all: readonly KernelObject[]): KernelObjects => new Map(all.map((one) => [one.key, one]))
const whole = (ip: string): string => `${ip}/${ip.includes(':') ? 128 : 32}`

const device = (name: string, kind: string, add: readonly string[]): KernelObject => ({ key: `device ${name}: ${kind}`, device: name, add, remove: [`link delete ${name}`] })
const settings = (name: string, mac: string, mtu: number, isUp: boolean, extra: readonly string[] = []): KernelObject =>
  ({ key: `settings of ${name}: ${mac}, mtu ${mtu}, ${isUp ? 'up' : 'down'}`, device: name, add: [`link set dev ${name} address ${mac} mtu ${mtu} addrgenmode none up`, ...extra], remove: [] })
const address = (text: string, on: string): KernelObject => ({ key: `address ${text} on ${on}`, device: on, add: [`address replace ${text} dev ${on}${text.includes(':') ? ' nodad' : ''}`], remove: [`address delete ${text} dev ${on}`] })
// Flushed, not deleted: `ip` ends its whole batch at one that it cannot delete.
const neighbour = (ip: string, mac: string, on: string): KernelObject => ({ key: `neighbour ${ip} with ${mac} on ${on}`, device: on, add: [`neigh replace ${ip} lladdr ${mac} nud permanent dev ${on}`], remove: [`neigh flush to ${ip} dev ${on} nud permanent`] })

/** A question for the address on this link is answered in its owner's place. */
const proxy = (ip: string, on: string): KernelObject => ({ key: `proxy ${ip} on ${on}`, device: on, add: [`neigh replace proxy ${ip} dev ${on}`], remove: [`neigh flush proxy to ${ip} dev ${on}`] })

/** `to` as `ip` prints it: a subnet, `default`, or an address without its prefix length. */
function route(to: string, { type = 'unicast', via, dev, metric, table }: { type?: string; via?: string; dev?: string; metric?: number; table?: string }): KernelObject {
  const from = to.includes('/') || to === 'default' ? to : whole(to)
  const way = `${via === undefined ? '' : ` via ${via}`}${dev === undefined ? '' : ` dev ${dev}`}`
  // What is unreachable stands on lo in IPv6, without being told.
  const shown = type !== 'unicast' ? '' : way
  const where = table === undefined ? '' : ` table ${table}`
  const usual = metric === undefined || (metric === 1024 && (to.includes(':') || via?.includes(':') === true))
  return {
    key: `route ${type === 'unicast' ? '' : `${type} `}${to}${shown}${where}${usual ? '' : ` metric ${metric}`}`,
    device: type === 'unicast' ? dev ?? null : null,
    add: [`route replace ${type === 'unicast' ? '' : `${type} `}${from}${way}${via === undefined ? '' : ' onlink'}${via === undefined && dev !== undefined && !to.includes(':') ? ' scope link' : ''}${where}`],
    remove: [`route delete ${type} ${from}${type === 'unicast' ? way : ''}${metric === undefined ? '' : ` metric ${metric}`}${where}`],
  }
}

/** A rule that says where to look for the way of what has this source; `suppress`: routes of at most so long a prefix do not count. */
function rule(priority: number, from: string, table: string, suppress?: number): KernelObject {
  const text = `priority ${priority} from ${from} lookup ${table}${suppress === undefined ? '' : ` suppress_prefixlength ${suppress}`}`
  return { key: `rule ${text}`, device: null, add: [`rule add ${text}`], remove: [`rule delete ${text}`] }
}

const FIRST_RULE = 100
const SOURCE_RULES = 101

/**
 * What leads pods with an address of the outside there: ways inside of the network first, all else by the link towards the outside. Its device is made from the bridge's side. By nothing else IPv6
 * leaves a network, so there its way is everybody's, and the packet filter says whose it is.
 */
function externalObjects({ external, floating }: NetworkState): KernelObject[] {
  if (!external) return []
  const [translated, routed] = [translatedOf(floating), routedOf(floating)]
  // The addresses themselves, too: a question of a machine on the bridge's wire is answered only where the answer would leave by the link that it came by.
  const sources = [...new Set(translated.flatMap(({ target, address: own }) => [target, own]))]
  return [
    device(EXTERNAL_DEVICE, 'veth', []),
    // Without the last an answer in an address' place waits up to 0.8 s.
    settings(EXTERNAL_DEVICE, external.mac, EXTERNAL_MTU, true, [`ntable change name ndisc_cache dev ${EXTERNAL_DEVICE} proxy_delay 0`]),
    ...translated.map((one) => address(whole(one.address), EXTERNAL_DEVICE)),
    neighbour(ROUTER_ADDRESS, external.routerMac, EXTERNAL_DEVICE),
    route('default', { via: ROUTER_ADDRESS, dev: EXTERNAL_DEVICE, table: EXTERNAL_ROUTES }),
    rule(FIRST_RULE, 'all', 'main', 0),
    ...(routed.length === 0 ? [] : [
      // An answer needs a sender.
      address(whole(linkLocalOf(external.mac)), EXTERNAL_DEVICE),
      neighbour(ROUTER_ADDRESS_6, external.routerMac, EXTERNAL_DEVICE),
      route('default', { via: ROUTER_ADDRESS_6, dev: EXTERNAL_DEVICE }),
    ]),
    ...routed.map((one) => proxy(one.address, EXTERNAL_DEVICE)),
    ...sources.map((source) => rule(SOURCE_RULES, source, EXTERNAL_ROUTES)),
  ]
}

/** All that a namespace should have, in the order in which it can be made. The device `up` is made from the host's side. */
export function desiredObjects(state: NetworkState, deviceKind: DeviceKind): KernelObjects {
  const unreachable = [...state.subnets.map(({ cidr }) => cidr), ...state.serviceCidrs]
  return keyed([
    ...state.subnets.map(({ gateway }) => address(whole(gateway), 'lo')),
    ...unreachable.map((cidr) => route(cidr, { type: 'unreachable' })),
    ...(state.transit === null ? [] : [
      settings(up, NAMESPACE_END_MAC, POD_MTU, true),
      neighbour(ROUTER_ADDRESS, HOST_END_MAC, up),
      route('default', { via: ROUTER_ADDRESS, dev: up }),
    ]),
    ...state.ports.flatMap((port) => podObjects(state, port, deviceKind)),
    ...behindPods(state),
    ...externalObjects(state),
  ])
}

/** The command that makes a pod's device. */
export function deviceOf(pod: PodPort, kind: DeviceKind): KernelObject {
  const tap = tapName(pod.uid)
  if (pod.balancer) return device(tap, 'veth', [`link add name ${tap} type veth peer name ${pod.balancer.device} netns ${pod.balancer.namespace}`])
  return kind === 'tap'
    ? device(tap, `tap of ${pod.runAsUid}`, [`tuntap add dev ${tap} mode tap user ${pod.runAsUid} vnet_hdr`])
    : device(tap, 'veth', [`link add name ${tap} type veth peer name ${standInPeerName(pod.uid)} mtu ${POD_MTU}`])
}

function podObjects({ number, mtu, subnets, floating }: NetworkState, pod: PodPort, kind: DeviceKind): KernelObject[] {
  const tap = tapName(pod.uid)
  const routed = routedOf(floating).filter(({ podUid }) => podUid === pod.uid).map((one) => one.address)
  const ips = [pod.address, ...(pod.ipv6 ? [pod.ipv6.address] : []), ...routed]
  return [
    deviceOf(pod, kind),
    // Without the last a proxy ARP answer waits up to 0.8 s.
    settings(tap, gatewayMac(number), mtu, true, [`ntable change name arp_cache dev ${tap} proxy_delay 0`]),
    // IPv6 has no proxy for a gateway on another device: questions for it are answered where it is.
    ...(pod.ipv6 ? subnets.filter(({ gateway }) => gateway.includes(':')).map(({ gateway }) => address(whole(gateway), tap)) : []),
    ...(routed.length > 0 ? [address(whole(ROUTER_ADDRESS_6), tap)] : []),
    ...ips.map((ip) => neighbour(ip, pod.mac, tap)),
    ...ips.map((ip) => route(ip, { dev: tap })),
  ]
}

/** What lies behind a pod of this host goes there; what lies behind another leads nowhere, and never outside. */
function behindPods({ routes, ports }: NetworkState): KernelObject[] {
  return routes.map(({ destination, via }) => {
    const port = ports.find(({ address: ip, ipv6 }) => ip === via || ipv6?.address === via)
    const to = destination.replace(destination.includes(':') ? /\/128$/ : /\/32$/, '')
    return port ? route(to, { via, dev: tapName(port.uid) }) : route(to, { type: 'unreachable' })
  })
}

/** What a namespace has, in the same words. `lo` and the far ends of stand-ins are nobody's. */
export function observedObjects({ links, routes, neighbours, proxies, rules }: Observed): KernelObjects {
  const own = links.filter(({ ifname }) => ifname !== 'lo')
  return keyed([
    ...own.map((link) => device(link.ifname, kindOf(link), [])),
    ...own.map((link) => settings(link.ifname, link.address ?? '', link.mtu, link.flags.includes('UP'))),
    ...links.flatMap(({ ifname, addr_info: all }) => all.flatMap(({ local, prefixlen }) => (local === undefined || (ifname === 'lo' && ['127.0.0.1', '::1'].includes(local)) ? [] : [address(`${local}/${prefixlen}`, ifname)]))),
    ...routes.map(observedRoute),
    ...neighbours.map(({ dst, dev, lladdr }: Neighbour) => neighbour(dst, lladdr ?? '', dev)),
    ...proxies.map(({ dst, dev }) => proxy(dst, dev)),
    ...rules.map(({ priority, src, srclen, table, suppress_prefixlen }: RoutingRule) => rule(priority, srclen === undefined ? src : `${src}/${srclen}`, table, suppress_prefixlen)),
  ])
}

const observedRoute = ({ dst, type, dev, gateway, metric, table }: Route): KernelObject => route(dst, { type, dev, via: gateway, metric, table: table === EXTERNAL_ROUTES ? table : undefined })

function kindOf(link: Link): string {
  const { info_kind: kind, info_data: data } = link.linkinfo ?? {}
  if (kind === 'tun' && data?.type === 'tap' && data.vnet_hdr === true) return `tap of ${String(data.user)}`
  return kind ?? 'unknown'
}

export type KernelChange = { readonly remove: readonly string[]; readonly add: readonly string[]; readonly removed: readonly KernelObject[]; readonly added: readonly KernelObject[] }

/**
 * The commands that lead from what is there to what should be. What goes with a device that goes is not removed by itself; and all of a device is
 * made again with its settings: the kernel forgets a device's neighbours when its MAC is set, its routes when it goes down, and both when it loses its
 * last address.
 */
export function kernelChange(before: KernelObjects, after: KernelObjects): KernelChange {
  const surplus = [...before.values()].filter(({ key }) => !after.has(key))
  const devices = new Set(surplus.filter(({ key }) => key.startsWith('device ')).map((one) => one.device))
  const isGone = (one: KernelObject) => one.device !== null && devices.has(one.device)
  const removed = surplus.filter((one) => one.key.startsWith('device ') || (!isGone(one) && one.remove.length > 0))
  const reset = new Set([...[...after.values()].filter((one) => one.key.startsWith('settings ') && !before.has(one.key)), ...removed.filter((one) => one.key.startsWith('address '))].map((one) => one.device))
  const isReset = (one: KernelObject) => one.device !== null && reset.has(one.device) && !one.key.startsWith('device ')
  const added = [...after.values()].filter((one) => !before.has(one.key) || isGone(one))
  const again = [...after.values()].filter((one) => !added.includes(one) && isReset(one))
  return { remove: removed.flatMap(({ remove }) => remove), add: [...after.values()].filter((one) => added.includes(one) || again.includes(one)).flatMap(({ add }) => add), removed, added }
}
