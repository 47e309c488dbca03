'use client'
import { formatCount } from '@/components/client/formats'
import { Progress } from '@/components/ui/progress'
import { useVolumeOffer } from '@/components/volumes/volume-quota'

/** "12 of 1,000 snapshots": each counts as one, whatever it takes in its store. */
export function SnapshotQuota({ tenant }: { tenant: string }) {
  const { data } = useVolumeOffer(tenant)
  if (!data) return <p className="h-5" />
  const { used, limit } = data.quota.snapshots
  const isFull = used >= limit
  return (
    <p className="flex min-h-5 flex-wrap items-center gap-x-3 text-xs text-faint">
      <Progress label="Snapshots of the tenant" value={used} max={Math.max(limit, 1)} tone={isFull ? 'notice' : 'accent'} className="h-1 w-24" />
      <span>{`${used.toLocaleString('en')} of ${formatCount(limit, 'snapshot')}`}{isFull && <span className="text-notice-content"> · delete some that are not needed, or ask an operator for more</span>}</span>
    </p>
  )
}
