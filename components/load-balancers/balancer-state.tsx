'use client'
import type { BalancerPhase } from '@/domain/load-balancer/view'
import { Since } from '@/components/patterns/time'
import { StateBadge } from '@/components/ui/state-badge'
import { phaseShape } from './balancer-words'

/** A balancer's phase; while it is not there yet, for how long. */
export function BalancerState({ balancer: { metadata, status } }: { balancer: { metadata: { creationTimestamp: string }; status: { phase: BalancerPhase } } }) {
  return <StateBadge shape={phaseShape[status.phase]} since={status.phase === 'Pending' && <Since time={metadata.creationTimestamp} />}>{status.phase}</StateBadge>
}
