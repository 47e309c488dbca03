'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Container, Plus, Rows3, Trash2 } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { NamespaceView } from '@/domain/namespace/view'
import type { Action } from '@/components/client/actions'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { StateBadge } from '@/components/ui/state-badge'

const columnsOf = (tenant: string): ReadonlyArray<Column<NamespaceView>> => [
  { id: 'name', header: 'Name', cell: ({ metadata: { name } }) => <Link href={paths.pods(tenant, { namespace: name })} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'state', header: 'State', cell: ({ status }) => <StateBadge shape={status.phase === 'Active' ? 'running' : 'changing'}>{status.phase}</StateBadge> },
  { id: 'pods', header: 'Pods', numeric: true, cell: ({ status }) => <span className="text-soft">{status.pods}</span> },
  { id: 'network', header: 'Network', grow: true, from: 'sm', cell: ({ spec }) => <Link href={paths.network(tenant, spec.network ?? 'default')} className="inline-flex min-h-6 items-center text-soft hover:text-accent-content hover:underline">{spec.network ?? 'default'}</Link> },
  { id: 'created', header: 'Created', from: 'sm', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

function deleteReason({ metadata, status }: NamespaceView): string | undefined {
  if (metadata.name === 'default') return 'The namespace “default” belongs to the tenant.'
  return status.phase === 'Terminating' ? 'The namespace is being deleted already.' : undefined
}

/** A tenant's namespaces. `children` is the side form that stands over the list. */
export function NamespaceListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const api = useTRPCClient()
  const queries = useQueryClient()
  const router = useRouter()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  useRefreshOnPodEvents(tenant, trpc.namespace.list.queryKey({ tenant }))
  const [deleting, setDeleting] = useState<NamespaceView | null>(null)
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  useShortcut('c', 'Create namespace', () => router.push(paths.newNamespace(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newNamespace(tenant)} icon={<Plus className="size-4" />}>Create namespace</ButtonLink>
  const actionsFor = (namespace: NamespaceView): Action[] => [
    { id: 'pods', label: 'Show pods', icon: <Rows3 className="size-4" />, href: paths.pods(tenant, { namespace: namespace.metadata.name }) },
    { id: 'delete', label: 'Delete namespace', icon: <Trash2 className="size-4" />, danger: true, run: () => setDeleting(namespace), disabledReason: deleteReason(namespace) },
  ]
  return (
    <>
      <PageHeader title="Namespaces" description="A namespace holds pods and names the network they join." primary={create} />
      <DataTable
        label="Namespaces"
        columns={columns}
        rows={namespaces.data?.items}
        rowKey={(namespace) => namespace.metadata.uid}
        rowName={(namespace) => namespace.metadata.name}
        actions={actionsFor}
        error={namespaces.error}
        onRetry={() => void namespaces.refetch()}
        empty={<EmptyState icon={<Container />} title="No namespaces yet" actions={create} />}
        footer={namespaces.data && namespaces.data.items.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(namespaces.data.items.length, 'namespace')}</p>}
      />
      {deleting && (
        <DeleteDialog
          noun="namespace"
          name={deleting.metadata.name}
          consequences={[deleting.status.pods > 0 ? <>{formatCount(deleting.status.pods, 'pod')} in it {deleting.status.pods === 1 ? 'is' : 'are'} stopped and deleted.</> : <>No pod is in it.</>, <>Its services, network policies, ConfigMaps and Secrets are removed.</>, <>Its name can be used again when it is gone.</>]}
          onDelete={async () => {
            await api.namespace.delete.mutate({ tenant, name: deleting.metadata.name })
            await queries.invalidateQueries({ queryKey: trpc.namespace.list.queryKey({ tenant }) })
          }}
          onClose={() => setDeleting(null)}
        />
      )}
      {children}
    </>
  )
}
