import { formatIp, parseIp } from '@/domain/shared/ip'
import { portPrefix } from './names'

/** Balancers' links (the bridge's ends) and pods' addresses that may speak so many seconds after the server was heard of. */
export type Guarded = { links: ReadonlyMap<string, number>; addresses: ReadonlyMap<string, number> }

/** The table (family bridge) of one host tag in the agent's own namespace. */
const tableOf = (hostTag: string): string => `bridge hypernetes_lease_${hostTag}`
const kinds = ['links', 'addresses', 'addresses6'] as const
const typeOf = { links: 'ifname', addresses: 'ipv4_addr', addresses6: 'ipv6_addr' } as const
const chains = ['arrival', 'departure'] as const
/** All that passes a bridge: while they are in the set, the server was heard of in time. */
const spoken = ['ip', 'arp', 'ip6']

export const isGuarded = ({ links, addresses }: Guarded): boolean => links.size + addresses.size > 0

/** Input for `nft -f` that removes the table, whether or not it is there. */
export const removeGuard = (hostTag: string): string => `table ${tableOf(hostTag)}\ndelete table ${tableOf(hostTag)}\n`

const untilsOf = ({ links, addresses }: Guarded): number[] => [...new Set([...links.values(), ...addresses.values()])].sort((a, b) => a - b)
const isOfFamily = (address: string, kind: typeof kinds[number]) => address.includes(':') === (kind === 'addresses6')

function elementsOf({ links, addresses }: Guarded, kind: typeof kinds[number], until: number): string[] {
  const keys = [...(kind === 'links' ? links : addresses)].flatMap(([key, own]) => (own === until ? [key] : []))
  if (kind === 'links') return keys.map((key) => `"${key}"`)
  return [...new Set(keys.filter((one) => isOfFamily(one, kind)).flatMap((one) => (kind === 'addresses6' ? [one, solicited(one)] : [one])))]
}

/** Where the wire asks who has an IPv6 address (RFC 4291, 2.7.1): an answer does not come from the address itself, so the question does not arrive. */
const solicited = (address: string): string => formatIp({ family: 6, value: (0xff02_0000_0000_0000_0000_0001_ff00_0000n | (parseIp(address).value & 0xff_ffffn)) })

/** Input for `nft -f`: all of the table, in which nobody may speak yet: {@link renewal} is to follow in the same transaction. */
export function guardRules(hostTag: string, guarded: Guarded): string {
  const untils = untilsOf(guarded)
  const set = (kind: typeof kinds[number], until: number) => {
    const elements = elementsOf(guarded, kind, until)
    return `  set ${kind}_${until} { type ${typeOf[kind]}; ${elements.length === 0 ? '' : `elements = { ${elements.join(', ')} }; `}}\n`
  }
  const sets = untils.map((until) => `${kinds.map((kind) => set(kind, until)).join('')}  set alive_${until} { type ether_type; flags timeout; }\n`).join('')
  const network = `"${portPrefix(hostTag)}n*"`
  const rules = {
    arrival: untils.flatMap((until) => [`iifname @links_${until} ether type != @alive_${until} drop`, ...['arp saddr ip @addresses', 'ip saddr @addresses', 'ip6 saddr @addresses6'].map((from) => `iifname ${network} ${from}_${until} ether type != @alive_${until} drop`)]),
    departure: untils.flatMap((until) => [`oifname @links_${until} ether type != @alive_${until} drop`, ...['ip daddr @addresses', 'ip6 daddr @addresses6'].map((to) => `oifname ${network} ${to}_${until} ether type != @alive_${until} drop`)]),
  }
  const hooks = { arrival: 'prerouting priority -310', departure: 'postrouting priority 310' }
  const chain = (name: typeof chains[number]) => `  chain ${name} {\n    type filter hook ${hooks[name]}; policy accept;\n${rules[name].map((rule) => `    ${rule}\n`).join('')}  }\n`
  return `${removeGuard(hostTag)}table ${tableOf(hostTag)} {\n${sets}${chains.map(chain).join('')}}\n`
}

/** Input for `nft -f` that leads from one to the other in place; null where the table has to be made anew for it. */
export function guardElements(hostTag: string, from: Guarded, to: Guarded): string | null {
  const untils = untilsOf(to)
  // Times that nobody has any more keep their empty sets until the next whole table: an empty set holds nobody up, and its removal would be a table anew.
  const known = new Set(untilsOf(from))
  if (!isGuarded(to) || untils.some((until) => !known.has(until))) return isGuarded(to) || isGuarded(from) ? null : ''
  const changes = (verb: 'add' | 'delete', a: Guarded, b: Guarded) => kinds.flatMap((kind) => untilsOf(b).flatMap((until) => {
    const before = new Set(elementsOf(a, kind, until))
    const news = elementsOf(b, kind, until).filter((one) => !before.has(one))
    return news.length === 0 ? [] : [`${verb} element ${tableOf(hostTag)} ${kind}_${until} { ${news.join(', ')} }\n`]
  }))
  return [...changes('add', from, to), ...changes('delete', to, from)].join('')
}

/** Input for `nft -f` that gives all their time anew. Milliseconds. */
export function renewal(hostTag: string, guarded: Guarded, remainingMs: (until: number) => number): string {
  return untilsOf(guarded).map((until) => {
    const ms = remainingMs(until)
    const timeout = `timeout ${Math.floor(ms / 1000)}s${Math.floor(ms % 1000)}ms`
    return `flush set ${tableOf(hostTag)} alive_${until}\n${ms < 1 ? '' : `add element ${tableOf(hostTag)} alive_${until} { ${spoken.map((type) => `${type} ${timeout}`).join(', ')} }\n`}`
  }).join('')
}
