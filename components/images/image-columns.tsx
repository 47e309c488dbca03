import { CalendarClock, FileUp } from 'lucide-react'
import Link from 'next/link'
import type { ImageView } from '@/domain/image/view'
import { formatBytes, formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import type { Column } from '@/components/patterns/data-table/columns'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { CopyableId } from '@/components/ui/copyable'
import { Progress } from '@/components/ui/progress'
import { StateBadge, type StateShape } from '@/components/ui/state-badge'
import { Tooltip } from '@/components/ui/tooltip'
import { sentence, summary } from './words'

const shapes: Record<ImageView['phase'], StateShape> = { Unknown: 'unknown', Pulling: 'changing', Ready: 'running', Failed: 'failed' }

function ImageState({ image }: { image: ImageView }) {
  const { phase, hosts, progress } = image
  const badge = <span><StateBadge shape={shapes[phase]}>{summary(image)}</StateBadge></span>
  return (
    <span className="flex items-center gap-3">
      {hosts.length > 0 ? <Tooltip text={hosts.slice(0, 8).map(sentence).join(' ')}>{badge}</Tooltip> : badge}
      {phase === 'Pulling' && progress && <Progress label={`Pulling ${image.reference}`} value={progress.bytesDone} max={progress.bytesTotal} className="h-1 w-24" />}
    </span>
  )
}

const linkClass = 'inline-flex min-h-6 items-center hover:text-accent-content hover:underline'

function Pods({ tenant, image: { podCount, pod, reference } }: { tenant: string; image: ImageView }) {
  if (podCount === 0 || !pod) return <span className="text-faint">{NOTHING}</span>
  return podCount === 1
    ? <Link href={paths.pod(tenant, pod.namespace, pod.name)} className={linkClass}>{pod.name}</Link>
    : <Link href={paths.pods(tenant, { q: reference })} className={linkClass}>{formatCount(podCount, 'pod')}</Link>
}

export const imageColumns = (tenant: string): ReadonlyArray<Column<ImageView>> => [
  {
    id: 'reference', header: 'Image', grow: true,
    cell: ({ reference, upload, prePull }) => (
      <span className="flex min-w-0 items-center gap-2">
        <code title={reference} className="block truncate font-mono text-xs font-medium">{reference}</code>
        {upload && <Tooltip text={`Uploaded by ${upload.createdBy}: the server keeps ${formatBytes(upload.bytes)} of it.`}><span><Badge><FileUp className="size-3" aria-hidden /> Upload</Badge></span></Tooltip>}
        {prePull && <Tooltip text={`Hosts pull it ahead of pods until ${prePull.expiresAt.slice(0, 16).replace('T', ' ')} UTC.`}><span><Badge><CalendarClock className="size-3" aria-hidden /> Pre-pull</Badge></span></Tooltip>}
      </span>
    ),
  },
  { id: 'state', header: 'State', cell: (image) => <ImageState image={image} /> },
  { id: 'digest', header: 'Digest', from: 'lg', cell: ({ digest }) => digest ? <CopyableId id={digest} keep={19} /> : <span className="text-faint">{NOTHING}</span> },
  { id: 'size', header: 'Size on hosts', numeric: true, from: 'sm', cell: ({ sizeBytes }) => <span className="text-soft">{sizeBytes === null ? NOTHING : formatBytes(sizeBytes)}</span> },
  { id: 'pods', header: 'Used by', from: 'sm', cell: (image) => <Pods tenant={tenant} image={image} /> },
  { id: 'updated', header: 'Updated', from: 'md', cell: (image) => <span className="text-soft"><Ago time={image.updatedAt} /></span> },
]
