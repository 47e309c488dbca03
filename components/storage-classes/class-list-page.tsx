'use client'
import { useQuery } from '@tanstack/react-query'
import { Layers, Pencil, Plus, Trash2 } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useState, type ReactNode } from 'react'
import type { StorageClassView } from '@/domain/storage-class/view'
import type { Action } from '@/components/client/actions'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnStores } from '@/components/client/use-changes'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { PageHeader } from '@/components/patterns/page-header'
import { Badge } from '@/components/ui/badge'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { TabLinks } from '@/components/ui/tab-links'
import { storeTabs } from '@/components/volume-stores/store-tabs'
import { limitLines } from '@/components/volumes/words'
import { DeleteClass } from './delete-class'

const columns: ReadonlyArray<Column<StorageClassView>> = [
  { id: 'name', header: 'Name', cell: ({ metadata: { name }, spec }) => <span className="inline-flex items-center gap-2"><Link href={paths.editStorageClass(name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link>{spec.default && <Badge>usual</Badge>}</span> },
  { id: 'store', header: 'Store', cell: ({ spec }) => <Link href={paths.volumeStore(spec.store)} className="inline-flex min-h-6 items-center text-accent-content hover:underline">{spec.store}</Link> },
  { id: 'goes', header: 'A volume', from: 'md', cell: ({ status }) => <span className="text-soft">{status.shared ? 'goes to any host' : 'lies on one host'}</span> },
  { id: 'fs', header: 'File system', from: 'sm', cell: ({ spec }) => <span className="text-soft">{spec.fsType}</span> },
  { id: 'reclaim', header: 'When a claim goes', from: 'lg', cell: ({ spec }) => <span className="text-soft">{spec.reclaimPolicy === 'Delete' ? 'volume is deleted' : 'volume stays'}</span> },
  { id: 'full', header: 'Store full', from: 'lg', cell: ({ spec }) => <span className="text-soft">{spec.onFull === 'Pause' ? 'pod stands still' : 'writes fail'}</span> },
  { id: 'limits', header: 'Limits', from: 'xl', grow: true, cell: ({ spec }) => <span className="block truncate text-soft">{limitLines(spec.limits).join('; ') || NOTHING}</span> },
  { id: 'volumes', header: 'Volumes', numeric: true, from: 'sm', cell: ({ status }) => <span className="text-soft">{status.volumes?.toLocaleString('en') ?? NOTHING}</span> },
]

const actionsFor = ({ metadata: { name }, status: { volumes } }: StorageClassView, onDelete: () => void): Action[] => [
  { id: 'edit', label: 'Edit storage class', icon: <Pencil className="size-4" />, href: paths.editStorageClass(name) },
  { id: 'delete', label: 'Delete storage class', icon: <Trash2 className="size-4" />, danger: true, run: onDelete, disabledReason: volumes ? `Tenants have ${formatCount(volumes, 'volume')} of it, deleted ones that can be restored among them.` : undefined },
]

/** What tenants choose from for their volumes, for operators. `children` is the side form that stands over the list. */
export function ClassListPage({ children }: { children?: ReactNode }) {
  const router = useRouter()
  const options = useTRPC().storageClass.list.queryOptions()
  const classes = useQuery(options)
  useRefreshOnStores(options.queryKey)
  const [deleting, setDeleting] = useState<StorageClassView | null>(null)
  useShortcut('c', 'Create storage class', () => router.push(paths.newStorageClass()))
  const create = <ButtonLink variant="primary" href={paths.newStorageClass()} icon={<Plus className="size-4" />}>Create storage class</ButtonLink>
  return (
    <>
      <PageHeader title="Storage classes" description="What tenants choose from: where their volumes are kept, and what they have." primary={create} tabs={<TabLinks label="Stores and classes" tabs={storeTabs} />} />
      <div className="pt-4">
        <DataTable
          label="Storage classes"
          columns={columns}
          rows={classes.data?.items}
          rowKey={(each) => each.metadata.uid}
          rowName={(each) => each.metadata.name}
          actions={(each) => actionsFor(each, () => setDeleting(each))}
          error={classes.error}
          onRetry={() => void classes.refetch()}
          empty={<EmptyState icon={<Layers />} title="No storage classes yet" actions={create}>Without one no tenant can create a volume.</EmptyState>}
          footer={classes.data && classes.data.items.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(classes.data.items.length, 'storage class', 'storage classes')}</p>}
        />
      </div>
      {deleting && <DeleteClass storageClass={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}
