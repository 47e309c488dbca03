'use client'
import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { cn } from './cn'

/** Copies a text and says so for two seconds. */
export function CopyButton({ text, label = 'Copy', className, withText }: { text: string; label?: string; className?: string; withText?: boolean }) {
  const [copied, setCopied] = useState(false)
  return (
    <button
      type="button"
      aria-label={copied ? 'Copied' : label}
      title={label}
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setCopied(true)
          setTimeout(() => setCopied(false), 2000)
        })
      }}
      className={cn('inline-flex h-6 min-w-6 items-center justify-center gap-1.5 rounded-sm px-1 text-xs text-faint hover:bg-hover hover:text-content', className)}
    >
      {copied ? <Check className="size-3.5 text-success" aria-hidden /> : <Copy className="size-3.5" aria-hidden />}
      {withText && <span aria-hidden>{copied ? 'Copied' : label}</span>}
    </button>
  )
}

/** An id or a digest in monospace, shortened in the middle where it is long, whole in the tooltip and when copied. */
export function CopyableId({ id, keep }: { id: string; keep?: number }) {
  const shown = keep !== undefined && id.length > keep + 4 ? `${id.slice(0, keep)}…` : id
  return (
    <span className="group/copy inline-flex min-w-0 max-w-full items-center gap-0.5">
      <code className="truncate font-mono text-xs" title={shown === id ? undefined : id}>{shown}</code>
      <CopyButton text={id} label={`Copy ${id}`} className="opacity-60 group-hover/copy:opacity-100 focus-visible:opacity-100" />
    </span>
  )
}
