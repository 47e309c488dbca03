import type { HostView } from '@/domain/host/view'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'

const states: Record<HostView['status']['phase'], { shape: StateShape; word: string }> = {
  Ready: { shape: 'running', word: 'Ready' },
  NotReady: { shape: 'failed', word: 'Not ready' },
  Unknown: { shape: 'unknown', word: 'Unknown' },
}

export function HostState({ host }: { host: HostView }) {
  if (host.status.lostSince !== null) return <StateBadge shape="failed">Declared lost</StateBadge>
  const { shape, word } = states[host.status.phase]
  return <StateBadge shape={shape} since={host.spec.unschedulable && 'takes no new pods'}>{word}</StateBadge>
}
