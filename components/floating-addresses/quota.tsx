'use client'
import { useQuery } from '@tanstack/react-query'
import { useTRPC } from '@/components/client/trpc'
import { Progress } from '@/components/ui/progress'

/** Of which pools a tenant may have addresses, and how many it has and may have. */
export const useOffer = (tenant: string) => useQuery({ ...useTRPC().floatingAddress.offer.queryOptions({ tenant }), refetchInterval: 15_000 })

/** "3 of 10", those of balancers among them. */
export function Quota({ tenant }: { tenant: string }) {
  const { data } = useOffer(tenant)
  if (!data) return <p className="h-5" />
  const { used, limit } = data.quota
  return (
    <p className="flex h-5 items-center gap-3 text-xs text-faint">
      <Progress label="Floating addresses of the tenant" value={used} max={Math.max(limit, 1)} tone={used >= limit ? 'notice' : 'accent'} className="h-1 w-24" />
      <span>{`${used.toLocaleString('en')} of ${limit.toLocaleString('en')} addresses`}{used >= limit && <span className="text-notice-content"> · release one, or ask an operator for more</span>}</span>
    </p>
  )
}
