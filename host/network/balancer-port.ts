import type { HostBalancer } from '@/contracts/host/v1/external'
import { inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import type { Attachment, NetworkSpec, PodPort } from './attachment'
import { gatewayMac } from './names'

/** A balancer's place in its tenant's network. `namespace` is the balancer's own, which exists; `device` is what its link is called there. */
export type BalancerPlace = {
  network: Pick<HostBalancer['network'], 'number' | 'mtu' | 'subnets' | 'outbound'> & { id: string }
  balancer: { uid: string; number: number; inner: readonly string[]; mac: string }
  namespace: string
  device?: string
}

/** What a balancer's link into its tenant's network is called in the balancer's namespace. */
export const BALANCER_DEVICE = 'tenant0'

/**
 * A balancer's place as an attachment: in its network it is a port like a pod's, with the same rules. Throws a TypeError where it has no IPv4 address
 * in one of the network's subnets.
 */
export function balancerAttachment({ network: { id, number, mtu, subnets, outbound }, balancer: { uid, inner, mac }, namespace, device = BALANCER_DEVICE }: BalancerPlace): Attachment {
  const placed = inner.map((address) => ({ address, subnet: subnets.find(({ cidr }) => inSubnet(parseSubnet(cidr), parseIp(address))) }))
  const four = placed.find(({ address }) => !address.includes(':'))
  const six = placed.find(({ address }) => address.includes(':'))
  if (!four?.subnet || (six && !six.subnet)) throw new TypeError(`balancer ${uid} has ${inner.join(' and ') || 'no address'} in network ${number}: it needs an IPv4 address of one of ${subnets.map(({ cidr }) => cidr).join(', ')}`)
  return {
    network: { id, number, cidr: four.subnet.cidr, gateway: four.subnet.gateway, outbound, mtu, ...(six?.subnet ? { ipv6: { cidr: six.subnet.cidr, gateway: six.subnet.gateway } } : {}) },
    pod: {
      uid, address: four.address, prefixLength: parseSubnet(four.subnet.cidr).prefixLength, mac, runAsUid: 0,
      ...(six?.subnet ? { ipv6: { address: six.address, prefixLength: parseSubnet(six.subnet.cidr).prefixLength } } : {}),
      balancer: { namespace, device, subnets: subnets.map(({ cidr }) => cidr) },
    },
  }
}

/** The commands that take from a balancer's end what it had `before` and has not now. What is gone already fails. */
export function balancerEndGone({ pod: { balancer: before } }: Attachment, { pod: { balancer: now } }: Attachment): string[] {
  return before && now ? before.subnets.filter((cidr) => !now.subnets.includes(cidr)).map((cidr) => `route delete ${cidr} dev ${before.device}`) : []
}

/** The commands that make a balancer's end of its link usable, in the balancer's namespace. May be repeated. */
export function balancerEnd({ number, cidr, gateway, ipv6, mtu }: NetworkSpec, { address, mac, ipv6: own, balancer }: PodPort): string[] {
  if (!balancer) return []
  const { device } = balancer
  const ways = [{ gateway, address, length: 32, cidr }, ...(ipv6 && own ? [{ gateway: ipv6.gateway, address: own.address, length: 128, cidr: ipv6.cidr }] : [])]
  return [
    `link set dev ${device} address ${mac} mtu ${mtu ?? 1450} addrgenmode none up`,
    ...ways.flatMap((way) => [
      `address replace ${way.address}/${way.length} dev ${device}${way.length === 128 ? ' nodad' : ''}`,
      `neigh replace ${way.gateway} lladdr ${gatewayMac(number)} nud permanent dev ${device}`,
      `route replace ${way.gateway}/${way.length} dev ${device}`,
      ...[...new Set([way.cidr, ...balancer.subnets])].filter((one) => one.includes(':') === way.cidr.includes(':')).map((one) => `route replace ${one} via ${way.gateway} dev ${device} onlink`),
    ]),
  ]
}
