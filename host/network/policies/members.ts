import type { NetworkPolicyObject } from '@/contracts/host/v1/networks'
import type { RuleDirection } from '@/domain/network/rules'
import { familyOf, type Family } from '@/domain/shared/ip'
import type { NetworkState } from '../network-state'
import { addPolicyChain, ALLOWED, NOT_ALLOWED, ownSide } from './policy-chain'
import { groupedBy, nameOf, nftFamily, type SectionDraft } from './section-draft'

type Verb = 'jump' | 'goto'

/**
 * Sends the packets of members to chains, one for each combination of policies, and says the lines that do so. Such a chain comes back for what one of its
 * policies allows and drops the rest; with `goto`, what is allowed goes to `allowed` instead. Members of one combination share their chain, and
 * combinations share their policies' chains: the rules are there once.
 */
export function memberLines(routes: NetworkState['routes'], policies: readonly NetworkPolicyObject[], direction: RuleDirection, families: readonly Family[], draft: SectionDraft, verb: Verb, allowed: string): string[] {
  const judging = policies.filter(({ directions }) => directions.includes(direction))
  const chains = new Map(judging.map((policy) => [policy.uid, addPolicyChain(policy, direction, families, draft)]))
  const byMember = groupedBy(judging.flatMap(({ uid, members }) => [...new Set(members)].map((member) => ({ member, uid }))), ({ member }) => member)
  const verdicts = new Map([...byMember].sort(([a], [b]) => (a < b ? -1 : 1)).map(([member, of]) => {
    const names = of.map(({ uid }) => chains.get(uid)!)
    const name = `policy_${direction}_of_${nameOf(...names)}`
    draft.chains.set(name, { rules: combination(names, verb === 'goto' ? `goto ${allowed}` : 'return') })
    return [member, `${verb} ${name}`] as const
  }))
  return families.flatMap((family) => {
    const own = new Map([...verdicts].filter(([member]) => familyOf(member) === family))
    const behind = new Map(routes.filter(({ destination }) => familyOf(destination) === family).flatMap(({ destination, via }) => (verdicts.has(via) ? [[destination, verdicts.get(via)!] as const] : [])))
    const { type } = nftFamily[family]
    const line = (map: string, flags: string, elements: ReadonlyMap<string, string>) => {
      draft.maps.set(map, { declaration: `type ${type} : verdict;${flags}`, elements })
      return `${ownSide(direction, family)} vmap @${map}`
    }
    return [
      ...(own.size > 0 ? [line(`policy_${direction}_members_${family}`, '', own)] : []),
      // What lies behind a pod is under its policies: it goes through the same device.
      ...(behind.size > 0 ? [line(`policy_${direction}_behind_${nameOf(...behind.keys())}`, ' flags interval;', behind)] : []),
    ]
  })
}

const combination = (policies: readonly string[], then: string): string[] => [
  `meta mark set meta mark and ${NOT_ALLOWED}`,
  ...policies.flatMap((policy) => [`jump ${policy}`, `meta mark and ${ALLOWED} != 0 ${then}`]),
  'drop',
]
