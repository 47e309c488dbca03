import type { NetworkPeeringView } from '@/domain/network-peering/view'
import { StateBadge } from '@/components/ui/state-badge'

/** What is missing before a peering takes effect, as the server says it; nothing where it is active. */
export const missingOf = ({ status }: Pick<NetworkPeeringView, 'status'>): string | null => (status.active ? null : status.conditions.find((each) => each.status !== 'True' && each.message !== '')?.message ?? 'It takes effect once both sides agree.')

/** Active, or what holds it up in one word. */
export function PeeringState({ peering: { status } }: { peering: Pick<NetworkPeeringView, 'status'> }) {
  const reason = status.conditions.find((each) => each.status !== 'True')?.reason
  return <StateBadge shape={status.active ? 'running' : 'unknown'}>{status.active ? 'Active' : reason || 'Not active'}</StateBadge>
}
