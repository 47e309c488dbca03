'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import dynamic from 'next/dynamic'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { lazy, Suspense, useMemo, useState } from 'react'
import type { PodView } from '@/domain/pod/view'
import type { Failure } from '@/components/client/errors'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { useSelection } from '@/components/patterns/data-table/selection'
import { FailureCallout } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { Button, ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { pageSizes, podListInput } from './list-input'
import { podActionsFor } from './pod-actions'
import { PodFilters, anew, noFilters } from './pod-filters'
import { PodStateBadge } from './pod-state'

// Only in the browser, and after the list: a page is there without it.
const LivePods = dynamic(() => import('./live-pods').then((module) => module.LivePods), { ssr: false })
const NoPods = lazy(() => import('./no-pods').then((module) => ({ default: module.NoPods })))
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
  const [stopped, setStopped] = useState<Failure | null>(null)
  const [deleting, setDeleting] = useState<PodView | null>(null)
  const columns = useMemo(() => columnsOf(tenant, operator), [tenant, operator])
  const { selection, chosen, clear, keep } = useSelection(pods.data?.items, uidOf)
  useShortcut('c', 'Create pod', () => router.push(paths.newPod(tenant, { namespace: input.namespace })))
  const filtered = Boolean(input.search ?? input.phase ?? input.namespace ?? input.labelSelector ?? input.host)
  return (
    <>
      <PageHeader
        title="Pods"
        description="Each runs in a virtual machine of its own."
        status={<LivePods tenant={tenant} onStopped={setStopped} />}
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
        sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(anew({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
        toolbar={<PodFilters tenant={tenant} filtered={filtered} />}
        empty={filtered || input.cursor
          ? <EmptyState title="No results for these filters" actions={<Button onClick={() => query.push(noFilters)}>Clear filters</Button>}>No pod matches. Change the filters or clear them.</EmptyState>
          : <Suspense fallback={null}><NoPods tenant={tenant} /></Suspense>}
        footer={pods.data && <Pager noun="pod" shown={pods.data.items.length} total={pods.data.total} nextCursor={pods.data.nextCursor} sizes={pageSizes} />}
      />
      <Suspense fallback={null}>{deleting && <DeletePod tenant={tenant} pod={deleting} onClose={() => setDeleting(null)} />}</Suspense>
    </>
  )
}
