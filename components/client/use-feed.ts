'use client'
import { useEffect, useRef, useState } from 'react'
import { toFailure, type Failure } from './errors'
import { leaveToSignIn } from './signed-out'
import { afterWatchFailure } from './watch-failure'

/** What a subscription to a feed is given: where to begin, and whom to tell. */
export type FeedWatch<E> = { resume: { resourceVersion?: string }; on: { onStarted: () => void; onData: (message: { data: E }) => void; onError: (error: unknown) => void } }

type Handlers<E> = {
  /** The resourceVersion of what is shown already; without it the watch begins now. */
  from?: string | undefined
  /** All but bookmarks. */
  onEvent: (event: E) => void
  /** The watch begins at a point that joins on to nothing shown: what is shown must be asked for anew. */
  onRestart: () => void
}

/**
 * Follows what a subscription of the server tells over the one WebSocket, for as long as the page is shown. Gives why it is not
 * followed any more, where trying again would be no use; null while it is.
 * @param useWatch subscribes, with what it is given
 */
export function useFeed<E extends { type: string }>(useWatch: (watch: FeedWatch<E>) => { reset: () => void }, { from, onEvent, onRestart }: Handlers<E>): Failure | null {
  const [resourceVersion, setResourceVersion] = useState(from)
  const [stopped, setStopped] = useState<Failure | null>(null)
  const failures = useRef(0)
  const begins = useRef(false)
  const restart = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(restart.current), [])
  const fail = (failure: Failure) => {
    const next = afterWatchFailure(failure.code, failures.current++)
    if (next.do === 'signIn') return leaveToSignIn()
    if (next.do === 'stop') {
      setStopped(failure)
      return onRestart()
    }
    clearTimeout(restart.current)
    // Another input makes another subscription; the same input must be asked to begin again.
    restart.current = setTimeout(() => (resourceVersion === undefined ? watch.reset() : setResourceVersion(undefined)), next.afterMs)
  }
  const watch = useWatch({
    resume: resourceVersion === undefined ? {} : { resourceVersion },
    on: {
      onStarted: () => { begins.current = resourceVersion === undefined },
      onData: ({ data: event }) => {
        failures.current = 0
        // The first event tells that the server has its place in the feed: what is read from now on misses nothing.
        if (begins.current) onRestart()
        begins.current = false
        if (event.type !== 'bookmark') onEvent(event)
      },
      onError: (error) => fail(toFailure(error)),
    },
  })
  return stopped
}
