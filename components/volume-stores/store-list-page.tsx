'use client'
import { useQuery } from '@tanstack/react-query'
import { HardDrive, Plus } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useState, type ReactNode } from 'react'
import type { VolumeStoreView } from '@/domain/volume-store/view'
import { formatBytes, formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnStores } from '@/components/client/use-changes'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { PageHeader } from '@/components/patterns/page-header'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { TabLinks } from '@/components/ui/tab-links'
import { DeleteStore } from './delete-store'
import { storeActionsFor } from './store-actions'
import { kindText, StoreRoom, StoreState } from './store-state'
import { storeTabs } from './store-tabs'

const columns: ReadonlyArray<Column<VolumeStoreView>> = [
  { id: 'name', header: 'Name', cell: ({ metadata: { name } }) => <Link href={paths.volumeStore(name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'state', header: 'State', cell: (store) => <StoreState store={store} /> },
  { id: 'kind', header: 'Kind', from: 'lg', cell: ({ spec }) => <span className="text-soft">{kindText(spec)}</span> },
  { id: 'room', header: 'Room used', from: 'sm', cell: (store) => <StoreRoom store={store} isCell /> },
  { id: 'promised', header: 'Promised', from: 'lg', cell: ({ status }) => <span className="text-soft">{formatBytes(status.promisedBytes)}</span> },
  { id: 'volumes', header: 'Volumes', numeric: true, from: 'lg', cell: ({ status }) => <span className="text-soft">{status.volumes.toLocaleString('en')}</span> },
  { id: 'classes', header: 'Classes', from: 'xl', grow: true, cell: ({ status }) => <span className="block truncate text-soft">{status.storageClasses.join(', ') || '—'}</span> },
]

/** Where tenants' volumes are kept, for operators. `children` is the side form that stands over the list. */
export function StoreListPage({ children }: { children?: ReactNode }) {
  const router = useRouter()
  const options = useTRPC().volumeStore.list.queryOptions()
  const stores = useQuery(options)
  useRefreshOnStores(options.queryKey)
  const [deleting, setDeleting] = useState<VolumeStoreView | null>(null)
  useShortcut('c', 'Create volume store', () => router.push(paths.newVolumeStore()))
  const create = <ButtonLink variant="primary" href={paths.newVolumeStore()} icon={<Plus className="size-4" />}>Create volume store</ButtonLink>
  return (
    <>
      <PageHeader title="Volume stores" description="Where tenants’ volumes are kept. A storage class says in which store its volumes are, and what they have." primary={<><ButtonLink href={paths.volumeQuota()}>Set quota</ButtonLink>{create}</>} tabs={<TabLinks label="Stores and classes" tabs={storeTabs} />} />
      <div className="pt-4">
        <DataTable
          label="Volume stores"
          columns={columns}
          rows={stores.data?.items}
          rowKey={(store) => store.metadata.uid}
          rowName={(store) => store.metadata.name}
          actions={(store) => storeActionsFor(store, () => setDeleting(store))}
          error={stores.error}
          onRetry={() => void stores.refetch()}
          empty={<EmptyState icon={<HardDrive />} title="No volume stores yet" actions={create}>Without one no tenant has volumes. Files on each host’s disk need nothing more; Ceph lets a volume go wherever its pod goes.</EmptyState>}
          footer={stores.data && stores.data.items.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(stores.data.items.length, 'volume store')}</p>}
        />
      </div>
      {deleting && <DeleteStore store={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}
