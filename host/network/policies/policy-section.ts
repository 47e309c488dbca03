import type { NetworkPolicyObject } from '@/contracts/host/v1/networks'
import { familyOf, type Family } from '@/domain/shared/ip'
import { rangesOfSubnets } from '@/domain/shared/ip-ranges'
import { peerSubnets } from '../peers/peer-subnets'
import type { NetworkState } from '../network-state'
import type { NftSection } from '../table/model'
import { memberLines } from './members'
import { withRouted } from './routed-members'
import { nameOf, nftFamily, SectionDraft } from './section-draft'

/** What the packet filter of a network's policies depends on: all of the network, whichever host its pods are on. */
export type PolicyState = Pick<NetworkState, 'number' | 'subnets' | 'routes' | 'serviceCidrs' | 'policies' | 'peers'> & Partial<Pick<NetworkState, 'floating'>>

const CHECK = 'policy_check'
const ALLOWED_CHAIN = 'policy_allowed'

/**
 * The section of a network's security groups, NetworkPolicies and defaults: what domain/network/rules.ts means, in the kernel. `policy_check`
 * returns for what may pass and drops the rest. It wants the packets of both directions of a connection, and judges both by the request:
 * who asked whom, after the translation of services' addresses. A connection that was let through carries a number made of all these
 * rules as its mark, and is let through by that alone until a rule changes: then each is judged anew, and one that is no
 * longer allowed stops both ways. ICMP errors pass with the connection that they speak of, once that was judged by the rules of now.
 */
export function policySection(state: PolicyState): NftSection {
  const draft = new SectionDraft()
  const { floating = [] } = state
  const policies = [...withRouted(state.policies, floating)].sort((a, b) => (a.uid < b.uid ? -1 : 1))
  const families = ([4, 6] as const).filter((family) => [...state.subnets.map(({ cidr }) => cidr), ...floating.map(({ address }) => address)].some((one) => familyOf(one) === family))
  const lines = [
    ...selfLines(policies, families, draft),
    ...memberLines(state.routes, policies, 'egress', families, draft, 'jump', ALLOWED_CHAIN),
    ...memberLines(state.routes, policies, 'ingress', families, draft, 'goto', ALLOWED_CHAIN),
    ...floatingLines(state, families, draft),
    ...defaultLines(state, families, draft),
    `goto ${ALLOWED_CHAIN}`,
  ]
  const mark = generation(lines, draft.section())
  draft.chains.set(ALLOWED_CHAIN, { rules: [`ct mark set ${mark}`] })
  draft.chains.set(CHECK, { rules: ['ct state untracked drop', `ct mark ${mark} return`, 'ct state related drop', ...lines] })
  return draft.section()
}

/** A pod reaches itself by way of a service whatever its policies say, as in Kubernetes. */
function selfLines(policies: readonly NetworkPolicyObject[], families: readonly Family[], draft: SectionDraft): string[] {
  const members = [...new Set(policies.flatMap((policy) => policy.members))].sort()
  return families.flatMap((family) => {
    const own = members.filter((member) => familyOf(member) === family)
    if (own.length === 0) return []
    const { ip, type } = nftFamily[family]
    draft.sets.set(`policy_self_${family}`, { declaration: `type ${type} . ${type};`, elements: own.map((member) => `${member} . ${member}`) })
    return [`ct original ${ip} saddr . ct reply ${ip} saddr @policy_self_${family} goto ${ALLOWED_CHAIN}`]
  })
}

/** An address of the outside is its tenant's word that the outside may reach the pod: one that is of no policy for what comes in takes what comes to that address. */
function floatingLines({ floating = [] }: PolicyState, families: readonly Family[], draft: SectionDraft): string[] {
  return families.flatMap((family) => {
    const own = floating.map(({ address }) => address).filter((address) => familyOf(address) === family)
    if (own.length === 0) return []
    const { ip, type } = nftFamily[family]
    draft.sets.set(`policy_floating_${family}`, { declaration: `type ${type};`, elements: own })
    return [`ct original ${ip} daddr @policy_floating_${family} goto ${ALLOWED_CHAIN}`]
  })
}

/** Who is of no policy for what comes in gets nothing from outside of the network and its peers. */
function defaultLines(state: PolicyState, families: readonly Family[], draft: SectionDraft): string[] {
  const own = [...state.subnets.map(({ cidr }) => cidr), ...state.routes.map(({ destination }) => destination)]
  const inside = [...own, ...peerSubnets(state).flatMap(({ subnets }) => subnets)]
  return families.flatMap((family) => {
    const { ip } = nftFamily[family]
    const ranges = rangesOfSubnets(own, family)
    return ranges.length === 0 ? [] : `ct reply ${ip} saddr ${draft.addresses(family, ranges)} ct original ${ip} saddr != ${draft.addresses(family, rangesOfSubnets(inside, family))} drop`
  })
}

/** A number of 32 bits, never 0, for everything that these rules say. */
function generation(lines: readonly string[], { sets, maps, chains }: NftSection): string {
  const all = JSON.stringify([lines, [...sets ?? []].map(([name, { elements }]) => [name, elements]), [...maps ?? []].map(([name, { elements }]) => [name, [...elements]]), [...chains ?? []]])
  return `0x${(parseInt(nameOf(all).slice(0, 8), 16) || 1).toString(16).padStart(8, '0')}`
}
