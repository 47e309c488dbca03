'use client'
import type { UseQueryResult } from '@tanstack/react-query'
import { Gauge } from 'lucide-react'
import { useMemo, type ComponentProps, type ReactNode } from 'react'
import type { TopPod } from '@/domain/figures/view'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { EmptyState } from '@/components/ui/empty-state'
import { topPodColumns } from './top-columns'

type Page = { items: TopPod[]; total: number; nextCursor: string | null }
type TopPodsTableProps = {
  /** Whose pods; null: those of all tenants. */
  tenant: string | null
  pods: Pick<UseQueryResult<Page, unknown>, 'data' | 'error' | 'refetch' | 'isPlaceholderData'>
  sort: ComponentProps<typeof DataTable>['sort']
  emptyActions?: ReactNode
}

/** Pods by what they use now. */
export function TopPodsTable({ tenant, pods, sort, emptyActions }: TopPodsTableProps) {
  const columns = useMemo(() => topPodColumns(tenant), [tenant])
  return (
    <DataTable
      label="Pods by use"
      columns={columns}
      rows={pods.data?.items}
      rowKey={(pod) => pod.uid}
      rowName={(pod) => pod.name}
      error={pods.error}
      onRetry={() => void pods.refetch()}
      stale={pods.isPlaceholderData}
      {...(sort && { sort })}
      empty={<EmptyState icon={<Gauge />} title="Nothing is measured now" actions={emptyActions}>A pod appears here some 20 seconds after its start, for as long as it runs.</EmptyState>}
      footer={pods.data && <Pager noun="pod" shown={pods.data.items.length} total={pods.data.total} nextCursor={pods.data.nextCursor} />}
    />
  )
}
