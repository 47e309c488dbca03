'use client'
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDownToLine } from 'lucide-react'
import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from 'react'
import { Button } from '@/components/ui/button'
import { cn } from '@/components/ui/cn'
import type { LogBuffer, LogEntry } from './log-buffer'
import { LogRow } from './log-row'
import { LogToolbar, type LogOptions } from './log-toolbar'

const rowHeight = 20

type LogViewerProps = {
  label: string
  buffer: LogBuffer
  /** The name of the file that Download saves. */
  fileName: string
  toolbar?: ReactNode
  status?: ReactNode
  /** Shown while there are no lines. */
  empty: ReactNode
}

/** Lines as they come. It follows the end until one scrolls up, and says so. */
export function LogViewer({ label, buffer, fileName, toolbar, status, empty }: LogViewerProps) {
  const entries = useSyncExternalStore(buffer.subscribe, buffer.snapshot, buffer.snapshot)
  const [options, setOptions] = useState<LogOptions>({ wrap: true, zone: 'local', times: true, search: '' })
  const [following, setFollowing] = useState(true)
  const [match, setMatch] = useState(0)
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null)
  const lastTop = useRef(0)

  const needle = options.search.toLowerCase()
  const matches = useMemo(() => (needle ? entries.flatMap((entry, i) => (entry.text.toLowerCase().includes(needle) ? [i] : [])) : []), [entries, needle])
  const virtual = useVirtualizer({ count: entries.length, getScrollElement: () => scroller, estimateSize: () => rowHeight, overscan: 20 })

  useEffect(() => {
    if (following && entries.length > 0) virtual.scrollToIndex(entries.length - 1, { align: 'end' })
  }, [entries.length, following, options.wrap, virtual])

  const goTo = (n: number) => {
    const next = matches.length === 0 ? 0 : (n + matches.length) % matches.length
    setMatch(next)
    const index = matches[next]
    if (index === undefined) return
    setFollowing(false)
    virtual.scrollToIndex(index, { align: 'center' })
  }
  const onScroll = (element: HTMLDivElement) => {
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < rowHeight * 2
    if (element.scrollTop < lastTop.current && !atEnd) setFollowing(false)
    else if (atEnd) setFollowing(true)
    lastTop.current = element.scrollTop
  }

  return (
    <section aria-label={label} className="relative flex h-[calc(100dvh-184px)] min-h-80 flex-col overflow-hidden rounded-lg border border-stroke bg-sunken">
      <LogToolbar
        options={options}
        onChange={(next) => { setOptions(next); if (next.search !== options.search) setMatch(0) }}
        matches={matches.length}
        match={match}
        onMatch={goTo}
        onDownload={() => download(fileName, entries)}
        leading={toolbar}
        status={status}
      />
      <div
        ref={setScroller}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={label}
        onScroll={(event) => onScroll(event.currentTarget)}
        className={cn('min-h-0 flex-1 overflow-auto py-2 font-mono text-xs leading-5 focus-visible:-outline-offset-2', !options.wrap && 'whitespace-pre')}
      >
        {entries.length === 0
          ? <div className="flex h-full items-center justify-center p-8 font-sans text-sm text-faint">{empty}</div>
          : (
            <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
              {virtual.getVirtualItems().map((item) => {
                const entry = entries[item.index]
                return entry && (
                  <div key={item.key} ref={virtual.measureElement} data-index={item.index} className="absolute left-0 min-w-full" style={{ transform: `translateY(${item.start}px)`, ...(options.wrap && { width: '100%' }) }}>
                    <LogRow entry={entry} options={options} current={matches[match] === item.index} />
                  </div>
                )
              })}
            </div>
          )}
      </div>
      {!following && (
        <Button size="sm" className="absolute bottom-3 right-5 shadow-overlay" icon={<ArrowDownToLine className="size-3.5" />} onClick={() => setFollowing(true)}>Follow the end</Button>
      )}
    </section>
  )
}

function download(name: string, entries: readonly LogEntry[]) {
  const text = entries.map((entry) => (entry.kind === 'gap' ? `--- ${entry.text}` : `${entry.time} ${entry.stream} ${entry.text}`)).join('\n')
  const url = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }))
  const link = Object.assign(document.createElement('a'), { href: url, download: name })
  link.click()
  URL.revokeObjectURL(url)
}
