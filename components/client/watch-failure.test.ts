import { describe, expect, it } from 'vitest'
import { afterWatchFailure } from './watch-failure'

describe('afterWatchFailure', () => {
  it('begins anew at once where the feed no longer reaches back, but not in a circle', () => {
    expect(afterWatchFailure('gone', 0)).toEqual({ do: 'restart', afterMs: 0 })
    expect(afterWatchFailure('gone', 1)).toEqual({ do: 'restart', afterMs: 2000 })
  })
  it('asks to sign in', () => expect(afterWatchFailure('unauthenticated', 0)).toEqual({ do: 'signIn' }))
  it.each(['not_found', 'invalid_input'])('stops at %s', (code) => expect(afterWatchFailure(code, 0)).toEqual({ do: 'stop' }))
  it.each(['internal', 'unavailable', 'rate_limited', 'timeout', 'network'])('waits longer each time at %s, 30 s at most', (code) => {
    expect([0, 1, 2, 5, 500].map((failures) => afterWatchFailure(code, failures))).toEqual([1000, 2000, 4000, 30_000, 30_000].map((afterMs) => ({ do: 'restart', afterMs })))
  })
})
