import type { NetworkPolicyRule } from '@/contracts/host/v1/networks'
import type { Family } from '@/domain/shared/ip'
import { groupedBy, nftFamily, type SectionDraft } from './section-draft'

type Numbers = { first: number; last: number }
/** What of the traffic must fit. `numbers` null: every port or type. */
export type TrafficKind = { protocol: NetworkPolicyRule['protocol']; numbers: readonly Numbers[] | null }

/** Numbers as the fewest ranges, in order. */
function unionOfNumbers(ranges: readonly Numbers[]): Numbers[] {
  const all: Numbers[] = []
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = all.at(-1)
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last)
    else all.push({ first, last })
  }
  return all
}

/** What a rule fits, a protocol each. Ports stand with tcp and udp alone, as in domain/network/rules.ts. */
export function kindsOf({ protocol, ports, icmpTypes }: NetworkPolicyRule): TrafficKind[] {
  if (ports !== null) return protocol === 'any' ? (['tcp', 'udp'] as const).map((one) => ({ protocol: one, numbers: unionOfNumbers(ports) })) : protocol === 'tcp' || protocol === 'udp' ? [{ protocol, numbers: unionOfNumbers(ports) }] : []
  if (icmpTypes === null) return [{ protocol, numbers: null }]
  // A message's type and code are the 16 bits that the kernel keeps where other protocols have their target port.
  const numbers = unionOfNumbers(icmpTypes.map((type) => ({ first: type << 8, last: (type << 8) | 255 })))
  return protocol === 'any' ? (['icmp', 'icmpv6'] as const).map((one) => ({ protocol: one, numbers })) : protocol === 'icmp' || protocol === 'icmpv6' ? [{ protocol, numbers }] : []
}

/** The kinds with the ports and types of each protocol taken together. */
export function unionOfKinds(kinds: readonly TrafficKind[]): TrafficKind[] {
  if (kinds.some(({ protocol, numbers }) => protocol === 'any' && numbers === null)) return [{ protocol: 'any', numbers: null }]
  const byProtocol = groupedBy(kinds, ({ protocol }) => protocol)
  return [...byProtocol.values()].map((same): TrafficKind => ({ protocol: same[0]!.protocol, numbers: same.some(({ numbers }) => numbers === null) ? null : unionOfNumbers(same.flatMap(({ numbers }) => numbers ?? [])) }))
}

/** A kind's family, where it has one alone. */
export const familyOfKind = ({ protocol }: TrafficKind): Family | null => (protocol === 'icmp' ? 4 : protocol === 'icmpv6' ? 6 : null)

/** nft's words for a kind, with a blank behind them. Of the target's port the connection knows the one that it has after translation. */
export function matchOf({ protocol, numbers }: TrafficKind, draft: SectionDraft): string {
  if (protocol === 'any') return ''
  if (protocol === 'tcp' || protocol === 'udp') return `meta l4proto ${protocol} ${numbers === null ? '' : `ct reply proto-src ${draft.numbers(numbers)} `}`
  const named = protocol === 'icmp' ? 'icmp' : 'ipv6-icmp'
  return `meta nfproto ${nftFamily[protocol === 'icmp' ? 4 : 6].nfproto} meta l4proto ${named} ${numbers === null ? '' : `ct original proto-dst ${draft.numbers(numbers)} `}`
}
