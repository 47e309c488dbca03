import { performance } from 'node:perf_hooks'
import { z } from 'zod'
import { previewChange } from '@/domain/network/reachability-preview'
import type { RulePreview } from '@/domain/network/rule-preview'
import type { NetworkState } from '@/domain/network/state'
import { securityGroupSpec, type SecurityGroupSpec } from '@/domain/security-group/spec'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inSnapshot } from '@/server/store/database'
import { readNetworkState } from '@/server/store/network-state'
import { findSecurityGroup } from '@/server/store/security-groups'
import type { ServerContext } from '../context'
import { askedNetworks, worldOfState } from './surroundings'
import { networkQuestions } from './turns'

export const previewRulesInput = z.object({ group: dnsLabel, spec: securityGroupSpec })

/** Others wait while it is looked at: so long at most. Milliseconds. */
const mostMs = 250

/** What another spec of a security group would let through or cut off, between the pods of its network as they are now. Nothing is changed. */
export function previewRules(ctx: ServerContext, scope: Scope, { group, spec }: z.output<typeof previewRulesInput>): Promise<RulePreview> {
  return networkQuestions.take(scope.tenantId, () => inSnapshot(ctx.db, async (tx) => {
    const row = await findSecurityGroup(tx, scope, group)
    const state = row && (await readNetworkState(tx, row.networkId, askedNetworks))
    if (!state) throw notFound('SecurityGroup', group)
    const [before, after] = [worldOfState(state), worldOfState(withGroup(state, group, spec))]
    const end = performance.now() + mostMs
    return previewChange(before, after, (policy) => policy.source === 'SecurityGroup' && policy.name === group, () => performance.now() > end)
  }))
}

const withGroup = (state: NetworkState, name: string, spec: SecurityGroupSpec): NetworkState => ({ ...state, groups: state.groups.map((group) => (group.name === name ? { ...group, spec } : group)) })
