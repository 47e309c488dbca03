'use client'
import type { PodView } from '@/domain/pod/view'
import { useNow } from '@/components/client/clock'
import { formatMilliseconds } from '@/components/client/formats'
import { cn } from '@/components/ui/cn'
import { Spinner } from '@/components/ui/spinner'
import { stepName } from './pod-state'

/** The steps of a start on one time line: when each began, and how long it took. */
export function StartSteps({ pod }: { pod: PodView }) {
  const now = useNow()
  const steps = pod.status.startSteps
  const first = steps[0]
  if (!first) return <p className="py-4 text-center text-sm text-faint">No step has begun yet.</p>
  const begin = Date.parse(first.startedAt)
  const placed = steps.map((step) => {
    const at = Math.max(0, Date.parse(step.startedAt) - begin)
    return { ...step, at, length: step.ms ?? Math.max(0, (now ?? begin + at) - begin - at) }
  })
  const total = Math.max(1, ...placed.map((step) => step.at + step.length))
  const done = placed.every((step) => step.ms !== null) && !['Pending', 'Scheduled', 'Starting'].includes(pod.status.phase)
  return (
    <div>
      <p className="mb-3 flex items-baseline gap-2">
        <span className="text-xl font-semibold tracking-[-0.01em]">{formatMilliseconds(total)}</span>
        <span className="text-sm text-faint">{done ? 'in all' : 'so far'}</span>
      </p>
      <ol className="flex flex-col gap-1.5">
        {placed.map((step, i) => (
          <li key={`${step.name}-${i}`} className="grid grid-cols-[minmax(96px,160px)_minmax(0,1fr)_72px] items-center gap-3 text-xs">
            <span className="truncate text-soft first-letter:uppercase" title={step.name}>{stepName(step.name)}</span>
            <span className="relative h-2 rounded-full bg-hover">
              <span
                className={cn('absolute inset-y-0 min-w-1 rounded-full', step.ms === null ? 'bg-info' : 'bg-accent')}
                style={{ left: `${Math.min(98, (step.at / total) * 100)}%`, width: `${Math.min(100 - (step.at / total) * 100, (step.length / total) * 100)}%` }}
              />
            </span>
            <span className="flex items-center justify-end gap-1.5 text-faint">{step.ms === null ? <><Spinner className="size-3" />{formatMilliseconds(step.length)}</> : formatMilliseconds(step.ms)}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}
