'use client'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useState, type ReactNode } from 'react'

const rowHeight = 36

/** Only the rows in sight, between two spacers; the table keeps its own scroll. */
export function VirtualRows({ label, head, count, drawRow }: { label: string; head: ReactNode; count: number; drawRow: (index: number) => ReactNode }) {
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null)
  const virtual = useVirtualizer({ count, getScrollElement: () => scroller, estimateSize: () => rowHeight, overscan: 12 })
  const items = virtual.getVirtualItems()
  const before = items[0]?.start ?? 0
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0)
  return (
    <div ref={setScroller} tabIndex={0} role="region" aria-label={`${label}, scrollable`} className="h-[calc(100dvh-260px)] min-h-80 overflow-auto">
      <table aria-label={label} aria-rowcount={count + 1} className="w-full text-sm">
        {head}
        <tbody>
          {before > 0 && <tr aria-hidden><td style={{ height: before }} /></tr>}
          {items.map((item) => drawRow(item.index))}
          {after > 0 && <tr aria-hidden><td style={{ height: after }} /></tr>}
        </tbody>
      </table>
    </div>
  )
}
