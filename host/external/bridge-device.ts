import type { HostAddressPool } from '@/contracts/host/v1/external'
import { parseIp, parseSubnet, subnetAround, subnetsOverlap } from '@/domain/shared/ip'
import type { Link, NetworkNamespaceKernel } from '@/host/network/kernel'
import type { Logger } from '@/platform/logger'
import { linkLocalOf } from '@/host/network/names'
import { EXTERNAL_MTU } from './names'

/** An address pool as a host has it: its subnet, and the host's own address there. */
export type Pool = Pick<HostAddressPool, 'uid' | 'name' | 'cidr' | 'gateway'>

/** The bridge itself. */
export type BridgeDevice = { name: string; mac: string }

export const gatewayOf = ({ cidr, gateway }: Pool): string => `${gateway}/${parseSubnet(cidr).prefixLength}`
export const isWithin = (cidr: string, address: string): boolean => subnetsOverlap(parseSubnet(cidr), subnetAround(parseIp(address), address.includes(':') ? 128 : 32))
export const familiesOf = (addresses: readonly string[]): (4 | 6)[] => ([4, 6] as const).filter((family) => addresses.some((one) => one.includes(':') === (family === 6)))

/** The bridge's own addresses: the gateways and, for IPv6, one of the link: without it the kernel cannot ask an operator's wire where to lead what it forwards there. */
export const ownAddresses = ({ mac }: Pick<BridgeDevice, 'mac'>, pools: readonly Pool[]): string[] => [...pools.map(gatewayOf), ...(pools.some(({ cidr }) => cidr.includes(':')) ? [`${linkLocalOf(mac)}/64`] : [])]

const addressesOn = (link: Link | undefined): string[] => (link?.addr_info ?? []).flatMap(({ local, prefixlen }) => (local === undefined ? [] : [`${local}/${prefixlen}`]))

/** Whether the bridge is as {@link makeBridge} makes it. */
export function isBridgeRight(links: readonly Link[], { name, mac }: BridgeDevice, pools: readonly Pool[]): boolean {
  const bridge = links.find(({ ifname }) => ifname === name)
  const has = addressesOn(bridge)
  return bridge !== undefined && bridge.linkinfo?.info_kind === 'bridge' && bridge.address === mac && bridge.flags.includes('UP') && ownAddresses({ mac }, pools).every((one) => has.includes(one))
}

/**
 * Makes the bridge right, with its {@link ownAddresses} for these pools and without those of `surplus`. Says whether its neighbours have to be told anew. Throws an Error where the name is
 * another link's, ExecError from the kernel.
 */
export async function makeBridge(kernel: NetworkNamespaceKernel, { name, mac }: BridgeDevice, pools: readonly Pool[], surplus: Iterable<string>): Promise<boolean> {
  const links = await kernel.links()
  const bridge = links.find(({ ifname }) => ifname === name)
  if (bridge && bridge.linkinfo?.info_kind !== 'bridge') throw new Error(`this host has a link ${name} that is no bridge: remove or rename it`)
  if (!bridge) await kernel.ipBatch([`link add name ${name} address ${mac} mtu ${EXTERNAL_MTU} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`])
  await kernel.set({
    [`net.ipv4.conf.${name}.send_redirects`]: 0, [`net.ipv4.conf.${name}.accept_redirects`]: 0, [`net.ipv4.conf.${name}.arp_ignore`]: 1, [`net.ipv4.conf.${name}.arp_announce`]: 2,
    [`net.ipv6.conf.${name}.accept_ra`]: 0, [`net.ipv6.conf.${name}.accept_redirects`]: 0, [`net.ipv6.conf.${name}.autoconf`]: 0,
  })
  const has = addressesOn(bridge)
  await kernel.ipBatchForced([...surplus].filter((one) => has.includes(one)).map((one) => `address delete ${one} dev ${name}`))
  const isOther = bridge !== undefined && bridge.address !== mac
  await kernel.ipBatch([
    `link set dev ${name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    // The kernel forgets a link's neighbours when its MAC is set.
    `link set dev ${name}${isOther ? ` address ${mac}` : ''} mtu ${EXTERNAL_MTU} addrgenmode none up`,
    ...ownAddresses({ mac }, pools).map((one) => `address replace ${one} dev ${name}${one.includes(':') ? ' nodad' : ''}`),
  ])
  return isOther
}

/** Which pools cannot be here, and why: subnets that this host has on other links. By their uid. */
export function overlapsOf(links: readonly Link[], bridge: string, pools: readonly Pool[]): Map<string, string> {
  const problems = new Map<string, string>()
  for (const { ifname, addr_info } of links) {
    if (ifname === bridge) continue
    for (const { local, prefixlen } of addr_info) {
      if (local === undefined || local.startsWith('fe80') || local === '::1') continue
      for (const { uid, name, cidr } of pools) {
        if (!subnetsOverlap(parseSubnet(cidr), subnetAround(parseIp(local), prefixlen))) continue
        problems.set(uid, `the address pool ${name} (${cidr}) overlaps ${local}/${prefixlen}, which this host has on ${ifname}: give the pool another subnet, or move that interface into the bridge ${bridge} and its address away`)
      }
    }
  }
  return problems
}

/** The commands that put a link of ours, which is there, into the bridge. May be repeated. */
export const intoBridge = (name: string, bridge: string): string[] => [
  `link set dev ${name} mtu ${EXTERNAL_MTU} addrgenmode none`,
  `link set dev ${name} master ${bridge}`,
  // Tenants' links do not hear each other, and what is sent to a MAC that nobody has goes to none of them.
  `link set dev ${name} type bridge_slave learning off flood off isolated on`,
  `link set dev ${name} up`,
]

/** Makes the agent's namespace forward what these families need, and tells the log where it did not before. Throws ExecError. */
export async function letForward(kernel: NetworkNamespaceKernel, bridge: string, families: readonly (4 | 6)[], log: Pick<Logger, 'warn'>): Promise<void> {
  if (families.includes(4) && await kernel.get('net.ipv4.ip_forward') !== '1') {
    await kernel.set({ 'net.ipv4.ip_forward': 1 })
    log.warn('IPv4 forwarding was off on this host; turned it on (net.ipv4.ip_forward=1), since it answers for addresses of the outside')
  }
  if (!families.includes(6) || await kernel.get('net.ipv6.conf.all.forwarding') === '1') return
  // A host that forwards takes no default route from routers any more, unless told that it shall.
  const listed = (await kernel.command('sysctl', ['-a', '-r', '^net\\.ipv6\\.conf\\..*\\.accept_ra$'])).split('\n')
  const heeding = listed.flatMap((line) => /^(\S+) = 1$/.exec(line)?.[1] ?? []).filter((name) => !name.includes(`.${bridge}.`))
  if (heeding.length > 0) await kernel.set(Object.fromEntries(heeding.map((name) => [name, 2])))
  await kernel.set({ 'net.ipv6.conf.all.forwarding': 1 })
  log.warn('IPv6 forwarding was off on this host; turned it on (net.ipv6.conf.all.forwarding=1, accept_ra=2 where it was 1), since an address pool is of IPv6')
}

/** `ip` ends its whole batch at a neighbour that cannot be deleted; what cannot be flushed is none. */
export const forgetNeighbour = (ip: string, device: string): string => `neigh flush to ${ip} dev ${device} nud permanent`
export const neighbour = (ip: string, mac: string, device: string): string => `neigh replace ${ip} lladdr ${mac} nud permanent dev ${device}`
export const whole = (ip: string): string => `${ip}/${ip.includes(':') ? 128 : 32}`
