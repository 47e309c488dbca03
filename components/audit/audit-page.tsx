'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { ScrollText } from 'lucide-react'
import type { AuditView } from '@/domain/event/view'
import { NOTHING } from '@/components/client/formats'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { PageHeader } from '@/components/patterns/page-header'
import { accessTabs } from '@/components/patterns/shell/navigation'
import { Ago } from '@/components/patterns/time'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { StateBadge } from '@/components/ui/state-badge'
import { TabLinks } from '@/components/ui/tab-links'

const columns: ReadonlyArray<Column<AuditView>> = [
  { id: 'action', header: 'Action', cell: (entry) => <code className="font-mono text-xs">{entry.action}</code> },
  { id: 'outcome', header: 'Outcome', cell: (entry) => <StateBadge shape={/^(ok|success|succeeded|done|accepted)$/i.test(entry.outcome) ? 'running' : 'failed'}>{entry.outcome}</StateBadge> },
  { id: 'object', header: 'Object', grow: true, cell: (entry) => <span className="block truncate text-soft">{entry.kind} {entry.namespace && `${entry.namespace} / `}{entry.name}{entry.detail && <span className="text-faint"> · {entry.detail}</span>}</span> },
  { id: 'actor', header: 'By', from: 'sm', cell: (entry) => <span className="text-soft">{entry.actor}</span> },
  { id: 'request', header: 'Request', from: 'xl', cell: (entry) => entry.requestId ? <CopyableId id={entry.requestId} keep={8} /> : <span className="text-faint">{NOTHING}</span> },
  { id: 'time', header: 'When', cell: (entry) => <span className="text-soft"><Ago time={entry.time} /></span> },
]

/** Who did what, newest first. */
export function AuditPage({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const query = useQueryString()
  const cursor = query.get('cursor')
  const audit = useQuery({ ...trpc.audit.list.queryOptions({ tenant, limit: 100, ...(cursor && { cursor }) }), placeholderData: keepPreviousData })
  return (
    <>
      <PageHeader title="Audit" description="Who did what in this tenant. Entries are never changed." tabs={<TabLinks label="Tokens and audit" tabs={accessTabs(tenant)} />} />
      <div className="pt-4">
        <DataTable
          label="Audit"
          columns={columns}
          rows={audit.data?.items}
          rowKey={(entry) => entry.id}
          rowName={(entry) => entry.action}
          error={audit.error}
          onRetry={() => void audit.refetch()}
          stale={audit.isPlaceholderData}
          empty={<EmptyState icon={<ScrollText />} title="Nothing was done yet" />}
          footer={audit.data && <Pager noun="entry" plural="entries" shown={audit.data.items.length} nextCursor={audit.data.nextCursor} />}
        />
      </div>
    </>
  )
}
