'use client'
import { useState, type DragEvent, type ReactNode } from 'react'

const hasFiles = (event: DragEvent): boolean => event.dataTransfer.types.includes('Files')

/** Takes files that are dropped on it. The same can be done by a button, for those who drag nothing. */
export function DropArea({ hint, onDrop, children }: { hint: string; onDrop: (items: DataTransferItemList) => void; children: ReactNode }) {
  // Entering a child comes before leaving its parent.
  const [depth, setDepth] = useState(0)
  return (
    <div
      className="relative"
      onDragEnter={(event) => { if (hasFiles(event)) setDepth((n) => n + 1) }}
      onDragLeave={(event) => { if (hasFiles(event)) setDepth((n) => Math.max(0, n - 1)) }}
      onDragOver={(event) => { if (hasFiles(event)) event.preventDefault() }}
      onDrop={(event) => {
        if (!hasFiles(event)) return
        event.preventDefault()
        setDepth(0)
        onDrop(event.dataTransfer.items)
      }}
    >
      {children}
      {depth > 0 && <div aria-hidden className="pointer-events-none absolute inset-0 flex items-center justify-center rounded-lg border-2 border-dashed border-accent bg-accent-soft/90 text-sm font-medium">{hint}</div>}
    </div>
  )
}
