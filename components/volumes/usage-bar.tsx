import type { VolumeView } from '@/domain/volume/view'
import { formatBytes, formatExact, NOTHING } from '@/components/client/formats'
import { Properties, Property } from '@/components/patterns/properties'
import { Ago } from '@/components/patterns/time'
import { cn } from '@/components/ui/cn'
import { usageOf, type Usage } from './usage'

const solid: Readonly<Record<Usage['tone'], string>> = { accent: 'bg-accent', notice: 'bg-notice', error: 'bg-error' }
const light: Readonly<Record<Usage['tone'], string>> = { accent: 'bg-accent/35', notice: 'bg-notice/35', error: 'bg-error/35' }

/** A little is seen too. */
const width = (share: number) => (share === 0 ? '0' : `max(2px, ${(share * 100).toFixed(2)}%)`)

/** What is promised as a bar: files fill it, what is written in the store beyond them lightly. */
function Bar({ name, usage: { written, used, tone, text }, className }: { name: string; usage: Usage; className: string }) {
  return (
    <span role="meter" aria-label={`Use of ${name}`} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round((used ?? 0) * 100)} aria-valuetext={text} className={cn('relative block shrink-0 overflow-hidden rounded-full bg-press', className)}>
      {written !== null && <span className={cn('absolute inset-y-0 left-0 rounded-full transition-[width] duration-150', light[tone])} style={{ width: width(written) }} />}
      {used !== null && <span className={cn('absolute inset-y-0 left-0 rounded-full transition-[width] duration-150', solid[tone])} style={{ width: width(used) }} />}
    </span>
  )
}

/** In a row of a list: the bar, and how much of how much. */
export function UsageCell({ volume: { metadata, status } }: { volume: Pick<VolumeView, 'metadata' | 'status'> }) {
  const usage = usageOf(status)
  return <span title={cellTitle(status)} className="flex items-center gap-3 whitespace-nowrap text-soft"><Bar name={metadata.name} usage={usage} className="h-1 w-20" />{usage.text}</span>
}

function cellTitle({ filesystem, storedBytes }: VolumeView['status']): string {
  if (filesystem?.lastAt) return `Files, as the pod that had it last said (${formatExact(filesystem.lastAt)})`
  if (filesystem) return 'Files, as its pod’s machine said last'
  return storedBytes ? 'How much is on it is told while a pod has it. Its image takes that much in the store; what it shares with snapshots, or with what it was made of, is not counted' : 'Promised; nothing is written yet'
}

/** On a volume's page: the bar with what each part of it is. */
export function UsageDetail({ volume: { metadata, status } }: { volume: Pick<VolumeView, 'metadata' | 'status'> }) {
  const usage = usageOf(status)
  const { sizeBytes, storedBytes, filesystem } = status
  return (
    <div className="flex flex-col gap-4">
      <Bar name={metadata.name} usage={usage} className="h-2 w-full" />
      <Properties>
        <Property name="Promised">{formatBytes(sizeBytes)}</Property>
        <Property name="Written">{storedBytes === null ? `${NOTHING} nothing is stored yet` : <><Key className={light[usage.tone]} />{formatBytes(storedBytes)} <span className="text-faint">in the store, as its host read it last; what it shares with snapshots is not counted</span></>}</Property>
        <Property name="Files">{filesystem ? <><Key className={solid[usage.tone]} />{formatBytes(filesystem.usedBytes)} of {formatBytes(filesystem.totalBytes)} <span className="text-faint">{filesystem.type}, as its pod’s machine said {filesystem.lastAt ? <Ago time={filesystem.lastAt} /> : 'last'}</span></> : <span className="text-faint">{status.formatted === 'block' ? `${NOTHING} a block device: what is on it is its pods’` : `${NOTHING} told while a pod has it`}</span>}</Property>
      </Properties>
    </div>
  )
}

const Key = ({ className }: { className: string }) => <span aria-hidden className={cn('mr-2 inline-block size-2 rounded-full', className)} />
