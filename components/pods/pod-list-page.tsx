'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Box, FileCode2, Plus, Tag } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { lazy, Suspense, useMemo, useState } from 'react'
import type { PodView } from '@/domain/pod/view'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { useSelection } from '@/components/patterns/data-table/selection'
import { SearchFilter, TextFilter } from '@/components/patterns/data-table/toolbar'
import { FailureCallout } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { Button, ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { pageSizes, podListInput } from './list-input'
import { podStateNames } from './pod-states'
import { podActionsFor } from './pod-actions'
import { PodStateBadge } from './pod-state'
import { RunSample } from './run-sample'
import { usePodWatch } from './use-pod-watch'

const BulkBar = lazy(() => import('./bulk/bulk-bar').then((module) => ({ default: module.BulkBar })))
const DeletePod = lazy(() => import('./delete-pod').then((module) => ({ default: module.DeletePod })))

const columnsOf = (tenant: string, operator: boolean): ReadonlyArray<Column<PodView>> => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: ({ metadata: { namespace, name } }) => <Link href={paths.pod(tenant, namespace, name)} className="inline-flex min-h-6 items-center rounded-sm hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'state', header: 'State', sortBy: 'state', cell: (pod) => <PodStateBadge pod={pod} /> },
  { id: 'namespace', header: 'Namespace', sortBy: 'namespace', from: 'md', cell: (pod) => <span className="text-soft">{pod.metadata.namespace}</span> },
  { id: 'ready', header: 'Ready', numeric: true, from: 'lg', cell: (pod) => <span className="text-soft">{readyContainers(pod)} / {pod.spec.containers.length}</span> },
  { id: 'restarts', header: 'Restarts', sortBy: 'restarts', numeric: true, from: 'lg', cell: (pod) => <span className="text-soft">{pod.status.containers.reduce((sum, c) => sum + c.restartCount, 0)}</span> },
  { id: 'address', header: 'Address', from: 'md', cell: (pod) => pod.status.podIP ? <code className="font-mono text-xs text-soft">{pod.status.podIP}</code> : <span className="text-faint">{NOTHING}</span> },
  { id: 'image', header: 'Image', from: 'xl', grow: true, cell: (pod) => <code title={pod.spec.containers.map((c) => c.image).join(', ')} className="block truncate font-mono text-xs text-soft">{shortImage(pod.spec.containers[0]?.image ?? '')}{pod.spec.containers.length > 1 && ` + ${pod.spec.containers.length - 1}`}</code> },
  ...(operator ? [{ id: 'host', header: 'Host', sortBy: 'host', from: 'xl' as const, cell: (pod: PodView) => pod.status.hostName ? <Link href={paths.pods(tenant, { host: pod.status.hostName })} title="Pods of this host" className="inline-flex min-h-6 items-center rounded-sm text-soft hover:text-accent-content hover:underline">{pod.status.hostName}</Link> : <span className="text-faint">{NOTHING}</span> }] : []),
  { id: 'created', header: 'Created', sortBy: 'created', from: 'sm', cell: (pod) => <span className="text-soft"><Ago time={pod.metadata.creationTimestamp} /></span> },
]

/** Those that shall go on running; what only prepares them is not counted. */
const readyContainers = (pod: PodView) => pod.status.containers.filter((c) => c.ready && c.role === 'container').length

const uidOf = (pod: PodView) => pod.metadata.uid

/** Without its registry: repository and tag are what one compares; the whole name is the tooltip. */
const shortImage = (image: string) => image.replace(/^[^/]*[.:][^/]*\/(library\/)?/, '').replace(/@sha256:([0-9a-f]{8})[0-9a-f]+$/, '@$1…')

/** A tenant's pods, live. */
export function PodListPage({ tenant, operator = false }: { tenant: string; operator?: boolean }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const input = podListInput(tenant, query.get)
  const pods = useQuery({ ...trpc.pod.list.queryOptions(input), placeholderData: keepPreviousData })
  const stopped = usePodWatch({ tenant })
  const [deleting, setDeleting] = useState<PodView | null>(null)
  const columns = useMemo(() => columnsOf(tenant, operator), [tenant, operator])
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const { selection, chosen, clear, keep } = useSelection(pods.data?.items, uidOf)
  useShortcut('c', 'Create pod', () => router.push(paths.newPod(tenant, { namespace: input.namespace })))
  const filtered = Boolean(input.search ?? input.phase ?? input.namespace ?? input.labelSelector ?? input.host)
  const clearFilters = () => query.push(filter({ q: null, state: null, namespace: null, labels: null, host: null }))
  const namespaceNames = [...new Set([...(input.namespace ? [input.namespace] : []), ...(namespaces.data?.items ?? []).map((each) => each.metadata.name)])]
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  return (
    <>
      <PageHeader
        title="Pods"
        description="Each runs in a virtual machine of its own."
        status={!stopped && <LiveBadge />}
        primary={<ButtonLink variant="primary" href={paths.newPod(tenant, { namespace: input.namespace })} icon={<Plus className="size-4" />}>Create pod</ButtonLink>}
      />
      {stopped && <FailureCallout failure={stopped} title="Changes of these pods are not followed any more" />}
      <DataTable
        label="Pods"
        columns={columns}
        rows={pods.data?.items}
        rowKey={uidOf}
        rowName={(pod) => pod.metadata.name}
        actions={(pod) => podActionsFor(tenant, pod, setDeleting)}
        error={pods.error}
        onRetry={() => void pods.refetch()}
        stale={pods.isPlaceholderData}
        selection={selection}
        bulk={<Suspense fallback={null}><BulkBar tenant={tenant} pods={[...chosen.values()]} onClear={clear} onKeep={keep} /></Suspense>}
        sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
        toolbar={(
          <>
            <SearchFilter label="Filter by name or image" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />
            <span className="w-40">
              <Select aria-label="State" value={query.get('state')} onChange={(event) => query.push(filter({ state: event.target.value || null }))}>
                <option value="">Any state</option>
                {podStateNames.map((state) => <option key={state} value={state}>{state}</option>)}
              </Select>
            </span>
            <span className="w-40">
              <Select aria-label="Namespace" value={query.get('namespace')} onChange={(event) => query.push(filter({ namespace: event.target.value || null }))}>
                <option value="">Any namespace</option>
                {namespaceNames.map((name) => <option key={name} value={name}>{name}</option>)}
              </Select>
            </span>
            <TextFilter label="Labels, such as app=web" value={query.get('labels')} onChange={(labels) => query.replace(filter({ labels: labels || null }))} icon={<Tag className="size-3.5" />} />
            {input.host && <Badge>Host {input.host}</Badge>}
            {filtered && <Button variant="ghost" onClick={clearFilters}>Clear filters</Button>}
          </>
        )}
        empty={filtered || input.cursor
          ? <EmptyState title="No results for these filters" actions={<Button onClick={clearFilters}>Clear filters</Button>}>No pod matches. Change the filters or clear them.</EmptyState>
          : (
            <EmptyState
              icon={<Box />}
              title="No pods yet"
              actions={(
                <>
                  <ButtonLink variant="primary" href={paths.newPod(tenant)} icon={<Plus className="size-4" />}>Create pod</ButtonLink>
                  <RunSample tenant={tenant} />
                  <ButtonLink href={paths.newPod(tenant, { as: 'yaml' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink>
                </>
              )}
            >
              A pod is one or more containers that share a virtual machine, an address and their fate. The sample serves a page and needs no registry.
            </EmptyState>
          )}
        footer={pods.data && <Pager noun="pod" shown={pods.data.items.length} total={pods.data.total} nextCursor={pods.data.nextCursor} sizes={pageSizes} />}
      />
      <Suspense fallback={null}>{deleting && <DeletePod tenant={tenant} pod={deleting} onClose={() => setDeleting(null)} />}</Suspense>
    </>
  )
}
