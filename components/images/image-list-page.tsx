'use client'
import { useQuery } from '@tanstack/react-query'
import { Image } from 'lucide-react'
import Link from 'next/link'
import { useMemo } from 'react'
import type { ImageView } from '@/domain/image/view'
import { formatBytes, formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { SearchFilter } from '@/components/patterns/data-table/toolbar'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { Button, ButtonLink } from '@/components/ui/button'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Progress } from '@/components/ui/progress'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'
import { Tooltip } from '@/components/ui/tooltip'

const shapes: Record<ImageView['phase'], StateShape> = { Unknown: 'unknown', Pulling: 'changing', Ready: 'running', Failed: 'failed' }

function ImageState({ image }: { image: ImageView }) {
  const { phase, message, progress } = image
  const badge = <span><StateBadge shape={shapes[phase]} since={phase === 'Pulling' && progress && `${formatBytes(progress.bytesDone)} of ${formatBytes(progress.bytesTotal)}`}>{phase}</StateBadge></span>
  return (
    <span className="flex items-center gap-3">
      {message ? <Tooltip text={message}>{badge}</Tooltip> : badge}
      {phase === 'Pulling' && progress && <Progress label={`Pulling ${image.reference}`} value={progress.bytesDone} max={progress.bytesTotal} className="h-1 w-24" />}
    </span>
  )
}

function Pods({ tenant, image }: { tenant: string; image: ImageView }) {
  const [first, ...rest] = image.pods
  if (!first) return <span className="text-faint">{NOTHING}</span>
  return rest.length === 0
    ? <Link href={paths.pod(tenant, first.namespace, first.name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{first.name}</Link>
    : <Link href={paths.pods(tenant, { q: image.reference })} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{formatCount(image.pods.length, 'pod')}</Link>
}

const columnsOf = (tenant: string): ReadonlyArray<Column<ImageView>> => [
  { id: 'reference', header: 'Image', grow: true, cell: (image) => <code title={image.reference} className="block truncate font-mono text-xs font-medium">{image.reference}</code> },
  { id: 'state', header: 'State', cell: (image) => <ImageState image={image} /> },
  { id: 'digest', header: 'Digest', from: 'lg', cell: (image) => image.digest ? <CopyableId id={image.digest} keep={19} /> : <span className="text-faint">{NOTHING}</span> },
  { id: 'size', header: 'Size', numeric: true, from: 'sm', cell: (image) => <span className="text-soft">{image.sizeBytes === null ? NOTHING : formatBytes(image.sizeBytes)}</span> },
  { id: 'pods', header: 'Used by', from: 'sm', cell: (image) => <Pods tenant={tenant} image={image} /> },
  { id: 'updated', header: 'Updated', from: 'md', cell: (image) => <span className="text-soft"><Ago time={image.updatedAt} /></span> },
]

/** What hosts say of an image has no stream of its own: until they have it, they are asked. */
const mayChange = ({ phase, pods }: ImageView) => phase === 'Pulling' || (phase !== 'Ready' && pods.length > 0)

/** The images that the tenant's pods name, with what hosts say of them. */
export function ImageListPage({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const query = useQueryString()
  const images = useQuery({ ...trpc.image.list.queryOptions({ tenant }), refetchInterval: ({ state }) => (state.data?.items.some(mayChange) ? 2000 : false) })
  useRefreshOnPodEvents(tenant, trpc.image.list.queryKey({ tenant }))
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  const q = query.get('q').toLowerCase()
  const rows = images.data?.items.filter((image) => image.reference.toLowerCase().includes(q))
  return (
    <>
      <PageHeader title="Images" description="What the tenant’s pods name, pulled once for each host and kept by digest." />
      <DataTable
        label="Images"
        columns={columns}
        rows={rows}
        rowKey={(image) => image.reference}
        rowName={(image) => image.reference}
        error={images.error}
        onRetry={() => void images.refetch()}
        toolbar={<SearchFilter label="Filter by reference" value={query.get('q')} onChange={(next) => query.replace({ q: next || null })} />}
        empty={q
          ? <EmptyState title="No results for these filters" actions={<Button onClick={() => query.replace({ q: null })}>Clear filters</Button>} />
          : <EmptyState icon={<Image />} title="No images yet" actions={<ButtonLink variant="primary" href={paths.newPod(tenant)}>Create pod</ButtonLink>}>An image appears here as soon as a pod names it.</EmptyState>}
        footer={rows && rows.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(rows.length, 'image')}</p>}
      />
    </>
  )
}
