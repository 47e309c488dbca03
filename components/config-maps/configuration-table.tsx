'use client'
import { useQuery } from '@tanstack/react-query'
import { Tag } from 'lucide-react'
import Link from 'next/link'
import type { ReactNode } from 'react'
import type { ConfigMapSummary } from '@/domain/config-map/view'
import type { Action } from '@/components/client/actions'
import { formatBytes, NOTHING } from '@/components/client/formats'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { SearchFilter, TextFilter } from '@/components/patterns/data-table/toolbar'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { pageSizes } from './list-input'

type Summary = Omit<ConfigMapSummary, never>

/** The columns that ConfigMaps and Secrets have in common; `more` stand after the name. */
export const configurationColumns = <S extends Summary>(hrefOf: (row: S) => string, more: ReadonlyArray<Column<S>> = []): ReadonlyArray<Column<S>> => [
  {
    id: 'name', header: 'Name', sortBy: 'name',
    cell: (row) => (
      <span className="inline-flex items-center gap-2">
        <Link href={hrefOf(row)} className="inline-flex min-h-6 items-center rounded-sm hover:text-accent-content hover:underline">{row.metadata.name}</Link>
        {row.immutable && <Badge>Immutable</Badge>}
      </span>
    ),
  },
  ...more,
  { id: 'namespace', header: 'Namespace', sortBy: 'namespace', from: 'md', cell: ({ metadata }) => <span className="text-soft">{metadata.namespace}</span> },
  { id: 'keys', header: 'Keys', from: 'lg', grow: true, cell: ({ keys, keyCount }) => <code title={keys.join(', ')} className="block truncate font-mono text-xs text-soft">{keyCount === 0 ? NOTHING : `${keys.join(', ')}${keyCount > keys.length ? ` + ${keyCount - keys.length}` : ''}`}</code> },
  { id: 'size', header: 'Size', sortBy: 'size', numeric: true, from: 'sm', cell: ({ bytes }) => <span className="text-soft">{formatBytes(bytes)}</span> },
  { id: 'pods', header: 'Pods', numeric: true, from: 'md', cell: ({ pods }) => <span className="text-soft">{pods}</span> },
  { id: 'created', header: 'Created', sortBy: 'created', from: 'sm', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

type ConfigurationTableProps<S extends Summary> = {
  tenant: string
  /** "ConfigMap", "Secret". */
  noun: string
  input: { namespace?: string; search?: string; labelSelector?: string; cursor?: string; sort: string; descending: boolean }
  /** A filter of this list alone is set. */
  filtered?: boolean
  page: { data: { items: S[]; total: number; nextCursor: string | null } | undefined; error: unknown; isPlaceholderData: boolean; refetch: () => unknown }
  columns: ReadonlyArray<Column<S>>
  actions: (row: S) => readonly Action[]
  filters?: ReactNode
  empty: ReactNode
}

/** The list of ConfigMaps or of Secrets: filters, sort and page are the server's. */
export function ConfigurationTable<S extends Summary>({ tenant, noun, input, filtered: more = false, page, columns, actions, filters, empty }: ConfigurationTableProps<S>) {
  const trpc = useTRPC()
  const query = useQueryString()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const filtered = more || Boolean(input.search ?? input.namespace ?? input.labelSelector)
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null, namespace: null, labels: null, type: null }))}>Clear filters</Button>
  const names = [...new Set([...(input.namespace ? [input.namespace] : []), ...(namespaces.data?.items ?? []).map((each) => each.metadata.name)])]
  return (
    <DataTable
      label={`${noun}s`}
      columns={columns}
      rows={page.data?.items}
      rowKey={(row) => row.metadata.uid}
      rowName={(row) => row.metadata.name}
      actions={actions}
      error={page.error}
      onRetry={() => void page.refetch()}
      stale={page.isPlaceholderData}
      sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
      toolbar={(
        <>
          <SearchFilter label="Filter by name or key" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />
          <span className="w-40">
            <Select aria-label="Namespace" value={query.get('namespace')} onChange={(event) => query.push(filter({ namespace: event.target.value || null }))}>
              <option value="">Any namespace</option>
              {names.map((name) => <option key={name} value={name}>{name}</option>)}
            </Select>
          </span>
          {filters}
          <TextFilter label="Labels, such as app=web" value={query.get('labels')} onChange={(labels) => query.replace(filter({ labels: labels || null }))} icon={<Tag className="size-3.5" />} />
          {filtered && clear}
        </>
      )}
      empty={filtered || input.cursor ? <EmptyState title="No results for these filters" actions={clear}>No {noun} matches. Change the filters or clear them.</EmptyState> : empty}
      footer={page.data && <Pager noun={noun} shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
    />
  )
}
