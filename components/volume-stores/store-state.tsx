import type { VolumeStoreView } from '@/domain/volume-store/view'
import { formatBytes, formatCount, NOTHING } from '@/components/client/formats'
import { cn } from '@/components/ui/cn'
import { Progress } from '@/components/ui/progress'
import { StateBadge } from '@/components/ui/state-badge'
import { roomOf } from './room'

/** Whether its hosts reach it. */
export function StoreState({ store: { spec, status } }: { store: Pick<VolumeStoreView, 'spec' | 'status'> }) {
  const heard = status.hosts.filter((one) => one.heard)
  const reached = heard.filter(({ reachable }) => reachable).length
  if (spec.kind === 'rbd' && !status.hasKey) return <StateBadge shape="failed">No key</StateBadge>
  if (status.hosts.length === 0) return <StateBadge shape="unknown">No host has said</StateBadge>
  if (heard.length === 0) return <StateBadge shape="unknown">No host is heard of</StateBadge>
  if (reached === heard.length) return <StateBadge shape="running">Reached</StateBadge>
  return <StateBadge shape={reached === 0 ? 'failed' : 'unknown'}>{reached === 0 ? 'Not reached' : `Reached by ${reached} of ${formatCount(heard.length, 'host')}`}</StateBadge>
}

const nearlyFull = 0.9

/** How full a store is. `isCell`: in a table, where its bar gives way on narrow screens. */
export function StoreRoom({ store: { metadata, spec, status }, isCell = false }: { store: Pick<VolumeStoreView, 'metadata' | 'spec' | 'status'>; isCell?: boolean }) {
  const room = roomOf(spec, status.hosts)
  if (!room) return <span className="text-faint">{NOTHING}</span>
  const share = room.usedBytes / Math.max(room.totalBytes, 1)
  return (
    <span className="inline-flex items-center gap-x-3 whitespace-nowrap text-soft">
      <Progress label={`Room used of ${metadata.name}`} value={room.usedBytes} max={room.totalBytes} tone={share >= 0.98 ? 'error' : share >= nearlyFull ? 'notice' : 'accent'} className={cn('h-1 w-24 shrink-0', isCell && 'max-xl:hidden')} />
      <span>{`${formatBytes(room.usedBytes)} of ${formatBytes(room.totalBytes)}`}</span>
    </span>
  )
}

/** What kind of store it is. */
export const kindText = (spec: VolumeStoreView['spec']): string => (spec.kind === 'rbd' ? `Ceph, pool ${spec.pool}` : spec.shared ? 'Files in a shared folder' : 'Files on each host')
