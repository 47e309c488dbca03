'use client'
import { ChevronDown, ChevronUp, Clock, Download, WrapText } from 'lucide-react'
import { useRef, type ReactNode } from 'react'
import { useShortcut } from '@/components/client/shortcuts'
import { IconButton } from '@/components/ui/button'
import { Input } from '@/components/ui/input'
import { Segmented } from '@/components/ui/segmented'

export type LogOptions = { wrap: boolean; zone: 'local' | 'UTC'; times: boolean; search: string }

type LogToolbarProps = { options: LogOptions; onChange: (next: LogOptions) => void; matches: number; match: number; onMatch: (n: number) => void; onDownload: () => void; leading: ReactNode; status: ReactNode }

export function LogToolbar({ options, onChange, matches, match, onMatch, onDownload, leading, status }: LogToolbarProps) {
  const input = useRef<HTMLInputElement>(null)
  useShortcut('/', 'Search the log', () => input.current?.focus())
  return (
    <div className="flex min-h-11 flex-wrap items-center gap-2 border-b border-stroke bg-raise px-3 py-1.5">
      {leading}
      <span className="w-48 max-w-full"><Input
        ref={input}
        type="text"
        aria-label="Search the log"
        placeholder="Search the log"
        value={options.search}
        spellCheck={false}
        onChange={(event) => onChange({ ...options, search: event.target.value })}
        onKeyDown={(event) => {
          if (event.key === 'Enter') onMatch(match + (event.shiftKey ? -1 : 1))
          if (event.key === 'Escape') onChange({ ...options, search: '' })
        }}
      /></span>
      {options.search && (
        <span className="flex items-center gap-0.5 text-xs text-faint">
          <span role="status">{matches === 0 ? 'No matches' : `${match + 1} of ${matches.toLocaleString('en')}`}</span>
          <IconButton label="Previous match" icon={<ChevronUp className="size-4" />} onClick={() => onMatch(match - 1)} />
          <IconButton label="Next match" icon={<ChevronDown className="size-4" />} onClick={() => onMatch(match + 1)} />
        </span>
      )}
      <div className="ml-auto flex items-center gap-1">
        <span className="mr-2 text-xs text-faint">{status}</span>
        <IconButton label="Show times" aria-pressed={options.times} icon={<Clock className="size-4" />} onClick={() => onChange({ ...options, times: !options.times })} />
        <IconButton label="Wrap lines" aria-pressed={options.wrap} icon={<WrapText className="size-4" />} onClick={() => onChange({ ...options, wrap: !options.wrap })} />
        <Segmented size="sm" label="Time zone" value={options.zone} onChange={(zone) => onChange({ ...options, zone })} options={[{ value: 'local', label: 'Local' }, { value: 'UTC', label: 'UTC' }]} />
        <IconButton label="Download the log" icon={<Download className="size-4" />} onClick={onDownload} />
      </div>
    </div>
  )
}
