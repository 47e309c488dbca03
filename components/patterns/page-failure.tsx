'use client'
import { buttonClass } from '@/components/ui/button-class'

/** A page that could not be drawn. It needs nothing that may itself be what failed. */
export function PageFailure({ digest, onRetry }: { digest?: string | undefined; onRetry: () => void }) {
  return (
    <div className="mx-auto my-10 max-w-150 rounded-md border border-error/40 bg-error-soft px-4 py-3 text-sm" role="alert">
      <h1 className="font-medium">This page cannot be shown</h1>
      <p className="mt-0.5 text-soft">Something went wrong on our side. If it happens again, tell the operator{digest ? <> the number <code className="font-mono">{digest}</code></> : ' when it happened'}.</p>
      <button type="button" onClick={onRetry} className={`${buttonClass({ size: 'sm' })} mt-2`}>Try again</button>
    </div>
  )
}
