'use client'
import { FileUp } from 'lucide-react'
import { useState } from 'react'
import { formatBytes } from '@/components/client/formats'
import { cn } from '@/components/ui/cn'
import type { FieldControl } from '@/components/ui/field'

/** Of images of containers. */
const archives = '.tar,.gz,.tgz,.zst,application/x-tar,application/gzip'

/** A place to drop a file on, or to choose one. */
export function FileDrop({ control, file, accept = archives, onFile }: { control: FieldControl; file: File | null; accept?: string; onFile: (file: File) => void }) {
  const [over, setOver] = useState(false)
  return (
    <div
      onDragOver={(event) => { event.preventDefault(); setOver(true) }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        const [dropped] = event.dataTransfer.files
        if (dropped) onFile(dropped)
      }}
      className={cn('relative flex min-h-24 flex-col items-center justify-center gap-1 rounded-md border border-dashed px-4 py-3 text-center text-sm has-focus-visible:outline-2 has-focus-visible:outline-accent', over ? 'border-accent bg-press' : 'border-stroke-strong')}
    >
      <FileUp className="size-5 text-faint" aria-hidden />
      <p>{file ? <><span className="font-medium break-all">{file.name}</span> <span className="text-faint">{formatBytes(file.size)}</span></> : 'Drop an archive here, or choose one'}</p>
      <input
        {...control}
        type="file"
        accept={accept}
        className="absolute inset-0 cursor-pointer opacity-0"
        onChange={(event) => {
          const [chosen] = event.target.files ?? []
          if (chosen) onFile(chosen)
        }}
      />
    </div>
  )
}
