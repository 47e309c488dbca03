'use client'
import { Button } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'

/** A page that could not be drawn. */
export function PageFailure({ digest, onRetry }: { digest?: string | undefined; onRetry: () => void }) {
  return (
    <div className="mx-auto max-w-150 py-10">
      <Callout tone="error" title="This page cannot be shown" actions={<Button size="sm" onClick={onRetry}>Try again</Button>}>
        Something went wrong on our side. If it happens again, tell the operator{digest ? <> the number <code className="font-mono">{digest}</code></> : ' when it happened'}.
      </Callout>
    </div>
  )
}
