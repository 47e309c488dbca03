import type { NetworkPeeringView } from '@/domain/network-peering/view'
import { StateBadge } from '@/components/ui/state-badge'

/** What is missing before a peering takes effect, as the server says it; nothing where it is active. */
export const missingOf = ({ status }: Pick<NetworkPeeringView, 'status'>): string | null => (status.active ? null : status.conditions.find((each) => each.status !== 'True' && each.message !== '')?.message ?? 'It takes effect once both sides agree.')

const words: Readonly<Record<string, string>> = { NotAgreed: 'Waiting for the other side', SubnetsOverlap: 'Subnets overlap', NoNetwork: 'No such network' }

/** Active, or what holds it up in a few words. */
export function PeeringState({ peering: { status } }: { peering: Pick<NetworkPeeringView, 'status'> }) {
  const reason = status.conditions.find((each) => each.status !== 'True')?.reason
  return <StateBadge shape={status.active ? 'running' : 'unknown'}>{status.active ? 'Active' : words[reason ?? ''] ?? 'Not active'}</StateBadge>
}
