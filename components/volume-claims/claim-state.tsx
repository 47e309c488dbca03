import type { VolumeClaimView } from '@/domain/volume-claim/view'
import { StateBadge } from '@/components/ui/state-badge'
import { Tooltip } from '@/components/ui/tooltip'

const looks = { Pending: 'changing', Bound: 'running' } as const
type Claim = Pick<VolumeClaimView, 'metadata' | 'status'>

/** What keeps a claim from being as it should; empty: nothing does. */
export function claimTrouble({ metadata: { deletionTimestamp }, status }: Claim): string {
  if (deletionTimestamp) return status.usedBy.length > 0 ? `It goes once no pod names it: ${status.usedBy.join(', ')}.` : 'It is being deleted.'
  return status.phase === 'Bound' ? '' : status.conditions.find((each) => each.status !== 'True' && each.message !== '')?.message ?? ''
}

/** A claim's phase; what it waits for stands beside it. */
export function ClaimState({ claim }: { claim: Claim }) {
  const deleting = claim.metadata.deletionTimestamp !== null
  const badge = <StateBadge shape={deleting ? 'changing' : looks[claim.status.phase]}>{deleting ? 'Deleting' : claim.status.phase}</StateBadge>
  const said = claimTrouble(claim)
  return said ? <Tooltip text={said}><span tabIndex={0} className="rounded-sm">{badge}</span></Tooltip> : badge
}
