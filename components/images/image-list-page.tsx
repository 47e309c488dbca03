'use client'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { Download, FileUp, Image, Trash2, X } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { ImageView } from '@/domain/image/view'
import type { Action } from '@/components/client/actions'
import { formatBytes, formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { SearchFilter } from '@/components/patterns/data-table/toolbar'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { PageHeader } from '@/components/patterns/page-header'
import { Button, ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { imageColumns } from './image-columns'
import { imageListInput, pageSizes } from './list-input'

/** What hosts say of an image has no stream of its own: until they have it, they are asked. */
const mayChange = ({ phase, podCount, prePull }: ImageView) => phase === 'Pulling' || (phase !== 'Ready' && (podCount > 0 || prePull !== null))

/** The images of a tenant: what its pods name, what it has uploaded and what is pulled ahead. `children` is the side form that stands over the list. */
export function ImageListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const api = useTRPCClient()
  const queries = useQueryClient()
  const router = useRouter()
  const query = useQueryString()
  const input = imageListInput(tenant, query.get)
  const page = useQuery({ ...trpc.image.list.queryOptions(input), placeholderData: keepPreviousData, refetchInterval: ({ state }) => (state.data?.items.some(mayChange) ? 2000 : false) })
  const refresh = () => queries.invalidateQueries({ queryKey: trpc.image.list.queryKey() })
  useRefreshOnPodEvents(tenant, trpc.image.list.queryKey())
  useShortcut('c', 'Upload image', () => router.push(paths.uploadImage(tenant)))
  const [asked, setAsked] = useState<{ image: ImageView; what: 'upload' | 'prePull' } | null>(null)
  const columns = useMemo(() => imageColumns(tenant), [tenant])
  const filter = (patch: Record<string, string | null>) => query.push({ ...patch, cursor: null, from: null })
  const filtered = Boolean(input.search ?? input.phase) || input.show !== 'all'
  const clear = <Button variant="ghost" onClick={() => filter({ q: null, show: null, state: null })}>Clear filters</Button>
  const upload = <ButtonLink variant="primary" href={paths.uploadImage(tenant)} icon={<FileUp className="size-4" />}>Upload image</ButtonLink>
  const actions = (image: ImageView): readonly Action[] => [
    ...(image.prePull ? [{ id: 'cancel', label: 'Cancel pre-pull', icon: <X className="size-4" />, run: () => setAsked({ image, what: 'prePull' }) }] : []),
    { id: 'delete', label: 'Delete upload', danger: true, icon: <Trash2 className="size-4" />, run: () => setAsked({ image, what: 'upload' }), disabledReason: !image.upload ? 'It was not uploaded: hosts remove what no pod uses by themselves.' : image.podCount > 0 ? 'Pods use it: delete them first.' : undefined },
  ]
  return (
    <>
      <PageHeader
        title="Images"
        description="What the tenant’s pods name, what was uploaded, and what is pulled ahead. Each host keeps an image once, by its digest."
        primary={<><ButtonLink href={paths.prePullImage(tenant)} icon={<Download className="size-4" />}>Pre-pull image</ButtonLink>{upload}</>}
      />
      <DataTable
        label="Images"
        columns={columns}
        rows={page.data?.items}
        rowKey={(image) => image.reference}
        rowName={(image) => image.reference}
        actions={actions}
        error={page.error}
        onRetry={() => void page.refetch()}
        stale={page.isPlaceholderData}
        toolbar={(
          <>
            <SearchFilter label="Filter by reference" value={query.get('q')} onChange={(q) => query.replace({ q: q || null, cursor: null, from: null })} />
            <span className="w-40">
              <Select aria-label="Show" value={input.show} onChange={(event) => filter({ show: event.target.value === 'all' ? null : event.target.value })}>
                <option value="all">All images</option>
                <option value="used">Used by pods</option>
                <option value="uploaded">Uploaded</option>
                <option value="prePulled">Pulled ahead</option>
              </Select>
            </span>
            <span className="w-40">
              <Select aria-label="State" value={input.phase ?? ''} onChange={(event) => filter({ state: event.target.value || null })}>
                <option value="">Any state</option>
                <option value="Ready">On a host</option>
                <option value="Pulling">Pulling</option>
                <option value="Failed">Failed</option>
                <option value="Unknown">On no host</option>
              </Select>
            </span>
            {filtered && clear}
            {page.data && page.data.uploadedBytes > 0 && <span className="ml-auto text-xs text-faint">{formatBytes(page.data.uploadedBytes)} of {formatBytes(page.data.maxUploadedBytes)} uploaded</span>}
          </>
        )}
        empty={filtered || input.cursor
          ? <EmptyState title="No results for these filters" actions={clear}>No image matches. Change the filters or clear them.</EmptyState>
          : <EmptyState icon={<Image />} title="No images yet" actions={<>{upload}<ButtonLink href={paths.newPod(tenant)}>Create pod</ButtonLink></>}>An image appears here as soon as a pod names it, or when you upload one.</EmptyState>}
        footer={page.data && <Pager noun="image" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
      />
      {asked?.what === 'upload' && asked.image.upload && (
        <DeleteDialog
          noun="upload"
          name={asked.image.reference}
          consequences={[`The server removes ${formatBytes(asked.image.upload.bytes)}.`, 'Pods that name it from then on get it from its registry, if there is one.']}
          onDelete={async () => {
            await api.image.deleteUpload.mutate({ tenant, reference: asked.image.reference })
            await refresh()
          }}
          onClose={() => setAsked(null)}
        />
      )}
      {asked?.what === 'prePull' && asked.image.prePull && (
        <DeleteDialog
          verb="Cancel"
          noun="pre-pull"
          name={asked.image.reference}
          consequences={[`${formatCount(asked.image.hosts.filter(({ phase }) => phase === 'Ready').length, 'host')} have it already and keep it until they need the room.`]}
          onDelete={async () => {
            await api.image.cancelPrePull.mutate({ tenant, id: asked.image.prePull?.id ?? '' })
            await refresh()
          }}
          onClose={() => setAsked(null)}
        />
      )}
      {children}
    </>
  )
}
