import type { ClaimState as State, VolumeClaimView } from '@/domain/volume-claim/view'
import { parseBytes } from '@/domain/shared/quantity'
import { formatBytes } from '@/components/client/formats'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'
import { Tooltip } from '@/components/ui/tooltip'

export const looks: Readonly<Record<State, { shape: StateShape; word: string }>> = { Pending: { shape: 'changing', word: 'Pending' }, Bound: { shape: 'running', word: 'Bound' }, Deleting: { shape: 'changing', word: 'Deleting' } }
type Claim = Pick<VolumeClaimView, 'metadata' | 'status'>

/** What keeps a claim from being as it should; empty: nothing does. */
export function claimTrouble({ metadata: { deletionTimestamp }, status }: Claim): string {
  if (deletionTimestamp) return status.usedBy.length > 0 ? `It goes once no pod names it: ${status.usedBy.join(', ')}.` : 'It is being deleted.'
  // A growth that goes on is no trouble; what stands in its way has another reason.
  if (status.phase === 'Bound') return status.conditions.find(({ type, reason }) => type === 'Resizing' && reason !== 'Growing')?.message ?? ''
  return status.conditions.find((each) => each.status !== 'True' && each.message !== '')?.message ?? ''
}

/** What a claim has, and what it asks for where that is more, or nothing is there yet. */
export function claimSize({ spec, status: { capacityBytes } }: Pick<VolumeClaimView, 'spec' | 'status'>): string {
  const { storage } = spec.resources.requests
  if (capacityBytes === null) return `asks for ${storage}`
  return capacityBytes < (parseBytes(storage) ?? 0) ? `${formatBytes(capacityBytes)}, grows to ${storage}` : formatBytes(capacityBytes)
}

/** A claim's phase; what it waits for stands beside it. */
export function ClaimState({ claim }: { claim: Claim }) {
  const { shape, word } = looks[claim.metadata.deletionTimestamp === null ? claim.status.phase : 'Deleting']
  const badge = <StateBadge shape={shape}>{word}</StateBadge>
  const said = claimTrouble(claim)
  return said ? <Tooltip text={said}><span tabIndex={0} className="rounded-sm">{badge}</span></Tooltip> : badge
}
