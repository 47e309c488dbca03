'use client'
import { Fragment } from 'react'
import { formatClock, formatExact } from '@/components/client/formats'
import { cn } from '@/components/ui/cn'
import type { LogEntry } from './log-buffer'
import type { LogOptions } from './log-toolbar'

/** One line: time, stream (a bar, and a word for readers), text with what is searched for. */
export function LogRow({ entry, options, current }: { entry: LogEntry; options: LogOptions; current: boolean }) {
  if (entry.kind === 'gap') {
    return <div role="separator" className="my-1 flex items-center gap-3 px-3 font-sans text-xs text-notice-content before:h-px before:flex-1 before:bg-notice/40 after:h-px after:flex-1 after:bg-notice/40">{entry.text}</div>
  }
  return (
    <div className={cn('flex gap-3 px-3 hover:bg-hover/60', current && 'bg-accent-soft')}>
      {options.times && <time dateTime={entry.time} title={formatExact(entry.time, options.zone)} className="shrink-0 select-none text-faint">{formatClock(entry.time, options.zone)}</time>}
      <span className={cn('min-w-0 border-l-2 pl-2', entry.stream === 'stderr' ? 'border-error' : 'border-transparent', options.wrap && 'whitespace-pre-wrap break-all')}>
        {entry.stream === 'stderr' && <span className="sr-only">error output: </span>}
        <Marked text={entry.text} needle={options.search} />
      </span>
    </div>
  )
}

function Marked({ text, needle }: { text: string; needle: string }) {
  if (!needle) return text || ' '
  const lower = text.toLowerCase()
  const parts: { text: string; hit: boolean }[] = []
  let at = 0
  for (let hit = lower.indexOf(needle.toLowerCase()); hit >= 0; hit = lower.indexOf(needle.toLowerCase(), at)) {
    parts.push({ text: text.slice(at, hit), hit: false }, { text: text.slice(hit, hit + needle.length), hit: true })
    at = hit + needle.length
  }
  parts.push({ text: text.slice(at), hit: false })
  return parts.map((part, i) => part.hit ? <mark key={i} className="rounded-sm bg-notice text-[oklch(0.2_0.02_80)]">{part.text}</mark> : <Fragment key={i}>{part.text}</Fragment>)
}
