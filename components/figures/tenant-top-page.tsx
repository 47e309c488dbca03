'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { PageHeader } from '@/components/patterns/page-header'
import { figuresTabs } from '@/components/patterns/shell/navigation'
import { ButtonLink } from '@/components/ui/button'
import { TabLinks } from '@/components/ui/tab-links'
import { TopPodsTable } from './top-pods-table'
import { useTopSort } from './use-top-sort'

/** The tenant's pods by what they use now. */
export function TenantTopPage({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const { input, sort } = useTopSort()
  const pods = useQuery({ ...trpc.figures.top.queryOptions({ tenant, ...input }), refetchInterval: 10_000, placeholderData: keepPreviousData })
  return (
    <>
      <PageHeader title="Top" description="What pods use now, the virtual machine’s overhead included: the mean of the last half minute." tabs={<TabLinks label="Top and starts" tabs={figuresTabs(tenant)} />} />
      <div className="pt-4"><TopPodsTable tenant={tenant} pods={pods} sort={sort} emptyActions={<ButtonLink href={paths.pods(tenant)}>Show pods</ButtonLink>} /></div>
    </>
  )
}
