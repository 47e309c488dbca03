'use client'
import { useQuery } from '@tanstack/react-query'
import { formatBytes, formatCount } from '@/components/client/formats'
import { useTRPC } from '@/components/client/trpc'
import { Progress } from '@/components/ui/progress'

/** Of which classes a tenant may have volumes, and how much it has and may have. Pages that show a watch of volumes refresh it. */
export const useVolumeOffer = (tenant: string) => useQuery(useTRPC().volume.offer.queryOptions({ tenant }))

/** "30 GiB of 1,000 GiB in 3 of 100 volumes and 12 of 1,000 snapshots": deleted ones count until they are removed for good. */
export function VolumeQuota({ tenant }: { tenant: string }) {
  const { data } = useVolumeOffer(tenant)
  if (!data) return <p className="h-5" />
  const { volumes, bytes, snapshots } = data.quota
  const isFull = bytes.used >= bytes.limit || volumes.used >= volumes.limit || snapshots.used >= snapshots.limit
  return (
    <p className="flex min-h-5 flex-wrap items-center gap-x-3 gap-y-1 text-xs text-faint">
      <Progress label="Bytes of the tenant’s volumes and snapshots" value={bytes.used} max={Math.max(bytes.limit, 1)} tone={isFull ? 'notice' : 'accent'} className="h-1 w-24" />
      <span>{`${formatBytes(bytes.used)} of ${formatBytes(bytes.limit)} in ${volumes.used.toLocaleString('en')} of ${formatCount(volumes.limit, 'volume')} and ${snapshots.used.toLocaleString('en')} of ${formatCount(snapshots.limit, 'snapshot')}`}{isFull && <span className="text-notice-content"> · delete some that are not needed, or ask an operator for more</span>}</span>
    </p>
  )
}
