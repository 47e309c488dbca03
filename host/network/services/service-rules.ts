import type { Family } from '@/domain/shared/ip'
import type { Choice } from './service-elements'

/** How nft writes one family: the word before an address, and the type of one. */
export const nftWords = { 4: { ip: 'ip', type: 'ipv4_addr' }, 6: { ip: 'ip6', type: 'ipv6_addr' } } as const

/** Where the address of a service still stands after translation, nothing takes connections there. A reset for a packet that only came late would end a connection which is well. */
export const rejectRules = ['ct state invalid drop', 'meta l4proto tcp reject with tcp reset', 'reject with icmpx type port-unreachable']

const portOf = (family: Family): string => `${nftWords[family].ip} daddr . meta l4proto . th dport`
const toEndpoint = (family: Family): string => `meta l4proto { tcp, udp } dnat ${nftWords[family].ip} to ${portOf(family)} . meta mark map @service_endpoints${family}`

export const choiceChain = (family: Family, { count, seconds }: Choice): string => (seconds === null ? `service_pick${family}_${count}` : `service_sticky${family}_${count}_${seconds}`)
export const choose = (family: Family, { count, seconds }: Choice): string[] => (seconds === null ? pick(family, count) : pickSticky(family, count, seconds))

/** One of `count` endpoints, each as likely. Only the first packet of a connection comes here, so it counts connections. */
function pick(family: Family, count: number): string[] {
  return [`${nftWords[family].ip} daddr @service_new${family}`, `meta mark set numgen random mod ${count}`, toEndpoint(family)]
}

/**
 * The endpoint that the client had within `seconds`, or one of `count`, which is remembered. Endpoints are remembered by an id of their
 * own, which stays as others come and go; one that has gone leads nowhere, and is forgotten. Who asks for which port is kept as a hash in
 * the connection's mark, for nft 1.0.6 writes a value over what a key has beyond 16 bytes. Two that share a hash share an endpoint
 * or, of different ports, are remembered for less long.
 */
function pickSticky(family: Family, count: number, seconds: number): string[] {
  const remember = `update @service_affinity { ct mark timeout ${seconds}s : meta mark }`
  return [
    `${nftWords[family].ip} daddr @service_new${family}`,
    `ct mark set jhash ${nftWords[family].ip} saddr . ${portOf(family)} mod 4294967295 seed 0x1`,
    'meta mark set 0',
    'meta mark set ct mark map @service_affinity',
    `meta mark != 0 ${remember}`,
    `meta mark != 0 ${toEndpoint(family)}`,
    'delete @service_affinity { ct mark : meta mark }',
    `meta mark set numgen random mod ${count}`,
    `meta mark set ${portOf(family)} . meta mark map @service_ids${family}`,
    remember,
    toEndpoint(family),
  ]
}

/** From the address and port of a service to the chain that chooses among its endpoints. */
export const leadRules = (family: Family): string[] => [`meta mark set ${portOf(family)} map @service_ports${family}`, `meta mark vmap @service_choices${family}`]

/** An address is one service's alone, so what passes is found by the address that the client asked for. */
export const countRule = (family: Family): string => `ct original ${nftWords[family].ip} daddr . ct direction @service_traffic${family}`

export const hairpinRule = (family: Family): string => `ct status dnat snat ${nftWords[family].ip} to ${nftWords[family].ip} saddr . ${nftWords[family].ip} daddr map @service_hairpin${family}`
