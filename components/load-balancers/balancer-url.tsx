'use client'
import { ExternalLink } from 'lucide-react'
import { CopyButton } from '@/components/ui/copyable'

/** An address of a tenant's own page: opened apart from the console, which tells it nothing of where one comes from. */
export function BalancerUrl({ url, copy = true }: { url: string; copy?: boolean }) {
  // Whatever the server sends, nothing but a web page is opened.
  if (!/^https?:\/\//.test(url)) return <code className="font-mono text-xs">{url}</code>
  return (
    <span className="inline-flex min-w-0 max-w-full items-center gap-0.5">
      <a href={url} target="_blank" rel="noopener noreferrer" className="inline-flex min-h-6 min-w-0 items-center gap-1 rounded-sm font-mono text-xs text-accent-content hover:underline">
        <span className="truncate">{url}</span>
        <ExternalLink className="size-3 shrink-0" aria-hidden />
        <span className="sr-only">(opens a new tab)</span>
      </a>
      {copy && <CopyButton text={url} label={`Copy ${url}`} />}
    </span>
  )
}
