'use client'
import { useMemo, useSyncExternalStore } from 'react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { useNow } from '@/components/client/clock'
import { formatCount, formatExact } from '@/components/client/formats'
import { timeTicks } from '@/components/charts/geometry'
import { cn } from '@/components/ui/cn'
import { axisOf, marksOf, timeOf, type Mark } from './timeline-marks'

const percent = (at: number) => `${(at * 100).toFixed(2)}%`
const day = 86_400_000

/** Server and first drawing know no zone: ticks come with the browser's. */
const useZone = () => useSyncExternalStore(() => () => undefined, () => new Date().getTimezoneOffset(), () => null)

/**
 * A volume's life as an axis of time: its snapshots as marks, clones that were made of them as branches, and the volume as it is now at the end. What
 * it shows stands in the list below it too, which keyboards and screen readers have.
 */
export function Timeline({ created, snapshots, onChoose }: { created: string; snapshots: readonly VolumeSnapshotView[]; onChoose: (snapshot: VolumeSnapshotView) => void }) {
  const time = useNow()
  const isTimeKnown = time !== undefined
  // A second more or less moves nothing.
  const now = Math.ceil((time ?? Date.parse(created)) / 10_000) * 10_000
  const zone = useZone()
  const axis = useMemo(() => axisOf(created, snapshots, now), [created, snapshots, now])
  // The server's HTML has the bare axis: where marks stand on it depends on what time it is.
  const marks = useMemo(() => (isTimeKnown ? marksOf(snapshots, axis) : []), [snapshots, axis, isTimeKnown])
  const ticks = zone === null ? [] : timeTicks(axis.from, axis.to, 5, zone)
  const tick = (at: number) => new Date(at).toLocaleString('en', axis.to - axis.from > 2 * day ? { day: 'numeric', month: 'short' } : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  return (
    <figure aria-label={`Timeline: ${formatCount(snapshots.length, 'snapshot')}; the list below has them all`} className="px-6 pb-2 pt-3">
      <div aria-hidden className="relative h-24">
        <span className="absolute inset-x-0 top-12 h-px bg-stroke-strong" />
        {ticks.map((at) => {
          const x = (at - axis.from) / (axis.to - axis.from)
          return <span key={at} className="absolute top-12 flex -translate-x-1/2 flex-col items-center" style={{ left: percent(x) }}><span className="h-1.5 w-px bg-stroke-strong" />{x > 0.04 && x < 0.94 && <span className="mt-4 whitespace-nowrap text-2xs text-faint">{tick(at)}</span>}</span>
        })}
        {marks.map((mark) => <TimelineMark key={mark.snapshots[0]?.metadata.uid} mark={mark} onChoose={onChoose} />)}
        <span className="absolute top-12 flex -translate-x-1/2 -translate-y-1/2 flex-col items-center" style={{ left: '100%' }} title="The volume as it is now"><span className="size-3 rounded-sm border-2 border-accent bg-raise" /><span className="absolute top-4 text-2xs text-soft">now</span></span>
      </div>
    </figure>
  )
}

function TimelineMark({ mark: { at, snapshots, clones, grouped, failed, changing }, onChoose }: { mark: Mark<VolumeSnapshotView>; onChoose: (snapshot: VolumeSnapshotView) => void }) {
  const [first] = snapshots
  if (!first) return null
  const words = snapshots.length === 1 ? `${first.metadata.name}, ${formatExact(new Date(timeOf(first)).toISOString())}` : `${formatCount(snapshots.length, 'snapshot')} from ${first.metadata.name} on`
  return (
    <button type="button" tabIndex={-1} onClick={() => onChoose(first)} title={`${words}${clones > 0 ? `; ${formatCount(clones, 'volume')} made of it` : ''}`} className="group/mark absolute top-12 flex size-6 -translate-x-1/2 -translate-y-1/2 items-center justify-center" style={{ left: percent(at) }}>
      {clones > 0 && <span className="absolute bottom-1/2 left-1/2 h-8 w-3 -translate-x-px rounded-tl-md border-l border-t border-accent/60"><span className="absolute -top-2 left-3.5 flex h-4 items-center rounded-full bg-accent-soft px-1.5 text-2xs text-accent-content">{clones}</span></span>}
      <span className={cn('flex items-center justify-center rounded-full text-2xs group-hover/mark:outline-2 group-hover/mark:outline-accent', snapshots.length > 1 ? 'h-4 min-w-4 px-1' : 'size-2.5', failed ? 'bg-error-soft text-error-content ring-1 ring-error' : changing ? 'bg-info-soft text-info-content ring-1 ring-info' : 'bg-accent-solid text-on-accent', grouped && 'ring-2 ring-accent ring-offset-2 ring-offset-raise')}>{snapshots.length > 1 && snapshots.length}</span>
    </button>
  )
}
