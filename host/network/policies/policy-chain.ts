import type { NetworkPolicyObject, NetworkPolicyRule } from '@/contracts/host/v1/networks'
import type { RuleDirection } from '@/domain/network/rules'
import { familyOf, parseSubnet, rangeOf, type Family, type IpRange } from '@/domain/shared/ip'
import { isEverything, rangesOfSubnets, rangeWithout, unionOf } from '@/domain/shared/ip-ranges'
import { groupedBy, nameOf, nftFamily, type SectionDraft } from './section-draft'
import { familyOfKind, kindsOf, matchOf, unionOfKinds, type TrafficKind } from './traffic-match'

/** The bit of a packet's mark that says: one of the policies allows it in the direction that is being looked at. */
export const ALLOWED = '0x40000000'
export const NOT_ALLOWED = '0xbfffffff'
const allow = `meta mark set meta mark or ${ALLOWED} return`

/** The pod's own side of a connection in a direction, and the other one, of those who really speak: after the translation of services' addresses. */
export const ownSide = (direction: RuleDirection, family: Family): string => (direction === 'egress' ? `ct original ${nftFamily[family].ip} saddr` : `ct reply ${nftFamily[family].ip} saddr`)
export const otherSide = (direction: RuleDirection, family: Family): string => ownSide(direction === 'egress' ? 'ingress' : 'egress', family)

/**
 * A chain that marks what a policy allows in a direction, and its name. Rules are gathered first: those for subnets by what traffic they
 * fit, those for lists of addresses by list, so that there are few to try. A list is a set that keeps its name while its addresses change.
 */
export function addPolicyChain(policy: NetworkPolicyObject, direction: RuleDirection, families: readonly Family[], draft: SectionDraft): string {
  const name = `policy_${direction}_${policy.uid.replaceAll('-', '')}`
  const rules = policy.rules.filter((rule) => rule.direction === direction)
  const lines = [
    ...subnetLines(rules.filter(({ peer }) => peer.addresses === null || peer.cidrs !== null), direction, draft),
    ...listLines(name, rules.filter(({ peer }) => peer.addresses !== null), direction, families, draft),
  ]
  draft.chains.set(name, { rules: lines })
  return name
}

type Ranges = Record<Family, IpRange[]> | null
const keyOf = ({ protocol, numbers }: TrafficKind): string => JSON.stringify([protocol, numbers])

function subnetLines(rules: readonly NetworkPolicyRule[], direction: RuleDirection, draft: SectionDraft): string[] {
  const each = rules.flatMap((rule) => kindsOf(rule).map((kind) => ({ kind, ranges: rangesOf(rule) })))
  const everywhere = unionOfKinds(each.filter(({ ranges }) => ranges === null).map(({ kind }) => kind))
  const narrow = groupedBy(each.filter(({ ranges }) => ranges !== null), ({ kind }) => keyOf(kind))
  return [
    ...everywhere.map((kind) => `${matchOf(kind, draft)}${allow}`),
    ...[...narrow.values()].flatMap((same) => ([4, 6] as const).flatMap((family) => {
      const kind = same[0]!.kind
      const ranges = unionOf(same.flatMap((one) => one.ranges?.[family] ?? []))
      if (ranges.length === 0 || (familyOfKind(kind) ?? family) !== family) return []
      const where = isEverything(ranges, family) ? `meta nfproto ${nftFamily[family].nfproto}` : `${otherSide(direction, family)} ${draft.addresses(family, ranges)}`
      return [`${matchOf(kind, draft)}${where} ${allow}`]
    })),
  ]
}

/** The addresses of a rule's subnets, or null for all. */
function rangesOf({ peer }: NetworkPolicyRule): Ranges {
  if (peer.cidrs === null) return null
  const of = (family: Family) => unionOf((peer.cidrs ?? []).flatMap(({ cidr, except }) => {
    const subnet = parseSubnet(cidr)
    return subnet.family === family ? rangeWithout(rangeOf(subnet), rangesOfSubnets(except, family)) : []
  }))
  return { 4: of(4), 6: of(6) }
}

function listLines(chain: string, rules: readonly NetworkPolicyRule[], direction: RuleDirection, families: readonly Family[], draft: SectionDraft): string[] {
  const lists = groupedBy(rules, ({ peer }) => [...new Set(peer.addresses)].sort().join(' '))
  return [...lists].flatMap(([text, same]) => {
    const addresses = text === '' ? [] : text.split(' ')
    const kinds = unionOfKinds(same.flatMap(kindsOf))
    return families.flatMap((family) => {
      const fitting = kinds.filter((kind) => (familyOfKind(kind) ?? family) === family)
      if (fitting.length === 0) return []
      // Rules of one place in a policy may be several: of a port's name that means another number in another pod.
      let set = `${chain}_${nameOf(same[0]!.id)}_${family}`
      while (draft.sets.has(set)) set += 'n'
      draft.sets.set(set, { declaration: `type ${nftFamily[family].type};`, elements: addresses.filter((address) => familyOf(address) === family) })
      return fitting.map((kind) => `${matchOf(kind, draft)}${otherSide(direction, family)} @${set} ${allow}`)
    })
  })
}
