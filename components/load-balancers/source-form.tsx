'use client'
import { useRouter } from 'next/navigation'
import type { ReactNode } from 'react'
import { QueryFailure } from '@/components/patterns/failure'
import { SidePanel } from '@/components/ui/side-panel'
import { Skeleton } from '@/components/ui/skeleton'
import { useSource, type Source } from './use-source'

/** A form of what asked for the balancer: shown once it is read. */
export function SourceForm({ title, back, children }: { title: string; back: string; children: (source: Source) => ReactNode }) {
  const router = useRouter()
  const { source, error, retry } = useSource()
  if (source) return children(source)
  return (
    <SidePanel title={title} onClose={() => router.push(back, { scroll: false })}>
      {error ? <QueryFailure error={error} title={`${title} is not possible now`} onRetry={retry} /> : <div aria-busy className="flex flex-col gap-4"><Skeleton className="h-8 w-full" /><Skeleton className="h-8 w-full" /></div>}
    </SidePanel>
  )
}
