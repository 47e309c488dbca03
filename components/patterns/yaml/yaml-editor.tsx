'use client'
import { lazy, Suspense } from 'react'
import { Skeleton } from '@/components/ui/skeleton'
import { cn } from '@/components/ui/cn'

const Editor = lazy(() => import('./code-mirror').then((module) => ({ default: module.YamlCodeMirror })))

/** Where a text is wrong; `line` from 1. */
export type LineProblem = { path: string; line: number | null; message: string }

export type YamlEditorProps = {
  label: string
  value: string
  /** None: the text can be read and copied only. */
  onChange?: (next: string) => void
  problems?: readonly LineProblem[]
  className?: string
}

/** YAML with marks on the lines that are wrong. The editor itself is loaded when it is shown. */
export function YamlEditor({ className, ...props }: YamlEditorProps) {
  return (
    <div className={cn('min-h-0 overflow-hidden rounded-lg border border-stroke bg-raise focus-within:border-stroke-control', className)}>
      <Suspense fallback={<div className="flex h-full min-h-64 flex-col gap-2.5 p-4">{[40, 28, 52, 36, 44].map((w) => <Skeleton key={w} className={cn('h-3', w > 40 ? 'w-64' : 'w-40')} />)}</div>}>
        <Editor {...props} />
      </Suspense>
    </div>
  )
}
