import { startParts, type Waterfall } from '@/domain/pod/waterfall'
import { formatWhole, partNames } from './parts'

type WaterfallBarsProps = { waterfall: Pick<Waterfall, 'wholeMs' | 'parts' | 'spans'>; label: string }

/** The parts of a start, each where it was on one time line; together they are the whole. Parts that took no time are left out. */
export function WaterfallBars({ waterfall: { wholeMs, parts, spans }, label }: WaterfallBarsProps) {
  const whole = Math.max(1, wholeMs)
  return (
    <ol aria-label={label} className="flex flex-col gap-1.5">
      {startParts.filter((part) => parts[part] > 0).map((part) => (
        <li key={part} className="grid grid-cols-[minmax(96px,140px)_minmax(0,1fr)_84px] items-center gap-3 text-xs">
          <span className="truncate text-soft" title={partNames[part].says}>{partNames[part].name}</span>
          <span aria-hidden className="relative h-2 rounded-full bg-hover">
            {spans.filter((span) => span.part === part).map((span) => (
              <span key={span.at} className="absolute inset-y-0 min-w-1 rounded-full" style={{ left: `${Math.min(98, (span.at / whole) * 100)}%`, width: `${(span.ms / whole) * 100}%`, background: partNames[part].colour }} />
            ))}
          </span>
          <span data-part={part} className="text-right text-faint">{formatWhole(parts[part])}</span>
        </li>
      ))}
    </ol>
  )
}
