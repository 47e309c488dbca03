'use client'
import type { Failure } from '@/components/client/errors'
import { toFailure } from '@/components/client/errors'
import { Button } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'

/** The one surface of an error: cause, next action and the request's id. */
export function FailureCallout({ failure, title, onRetry }: { failure: Failure; title: string; onRetry?: () => void }) {
  return (
    <Callout tone="error" title={title} actions={onRetry && <Button size="sm" onClick={onRetry}>Try again</Button>}>
      <p className="whitespace-pre-line break-words">{failure.message}</p>
      {failure.requestId && <p className="mt-1 flex items-center gap-1.5 text-xs text-faint">Request <CopyableId id={failure.requestId} /></p>}
    </Callout>
  )
}

export function QueryFailure({ error, title, onRetry }: { error: unknown; title: string; onRetry?: () => void }) {
  return <FailureCallout failure={toFailure(error)} title={title} {...(onRetry && { onRetry })} />
}
