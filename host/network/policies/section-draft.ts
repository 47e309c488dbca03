import { createHash } from 'node:crypto'
import { formatRange } from '@/domain/shared/ip-ranges'
import type { Family, IpRange } from '@/domain/shared/ip'
import type { NftChain, NftMap, NftSection, NftSet } from '../table/model'

/** As nft calls a family's addresses and their type. */
export const nftFamily = { 4: { ip: 'ip', type: 'ipv4_addr', nfproto: 'ipv4' }, 6: { ip: 'ip6', type: 'ipv6_addr', nfproto: 'ipv6' } } as const

/** A name of 48 bits for some content: for what is never changed but replaced. */
export const nameOf = (...content: readonly string[]): string => createHash('sha256').update(content.join('\n')).digest('hex').slice(0, 12)

/** Things by a key, in their order. */
export function groupedBy<T>(things: readonly T[], key: (thing: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const thing of things) {
    const group = groups.get(key(thing))
    if (group) group.push(thing)
    else groups.set(key(thing), [thing])
  }
  return groups
}

/**
 * A section as it is put together. Intervals are sets named by what is in them: equal ones are there once, and none of them ever changes,
 * since nft finds an interval that was cut anew only by its old ends. A single one stands in its rule itself: nft reads every set at every change.
 */
export class SectionDraft {
  readonly sets = new Map<string, NftSet>()
  readonly maps = new Map<string, NftMap>()
  readonly chains = new Map<string, NftChain>()

  /** What ports, or `type << 8 | code` of ICMP messages, are compared with. */
  numbers(ranges: readonly { first: number; last: number }[]): string {
    return this.interval('inet_service', ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)))
  }

  /** What addresses of one family are compared with; `ranges` as unionOf gives them. */
  addresses(family: Family, ranges: readonly IpRange[]): string {
    return this.interval(nftFamily[family].type, ranges.map(formatRange))
  }

  section(): NftSection {
    return { sets: this.sets, maps: this.maps, chains: this.chains }
  }

  private interval(type: string, elements: readonly string[]): string {
    const [only, ...more] = elements
    if (only !== undefined && more.length === 0) return only
    const name = `policy_${nameOf(type, ...elements)}`
    this.sets.set(name, { declaration: `type ${type}; flags interval;`, elements })
    return `@${name}`
  }
}
