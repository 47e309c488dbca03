'use client'
import type { BalancerView } from '@/domain/load-balancer/view'
import { Since } from '@/components/patterns/time'
import { StateBadge } from '@/components/ui/state-badge'
import { isStuck, phaseShape } from './balancer-words'

/** A balancer's phase; while it is on its way, for how long. */
export function BalancerState({ balancer: { metadata, status } }: { balancer: { metadata: { creationTimestamp: string }; status: Pick<BalancerView['status'], 'phase' | 'conditions'> } }) {
  if (isStuck(status)) return <StateBadge shape="unknown">Waiting</StateBadge>
  return <StateBadge shape={phaseShape[status.phase]} since={status.phase === 'Pending' && <Since time={metadata.creationTimestamp} />}>{status.phase}</StateBadge>
}
