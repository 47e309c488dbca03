/** What follows a failed watch. `restart` reads the lists anew and watches from now. */
export type WatchStep = { do: 'restart'; afterMs: number } | { do: 'signIn' } | { do: 'stop' }

const longestMs = 30_000

/**
 * @param code our closed code of the failure, or `network`
 * @param failures how many came before it without an event between
 */
export function afterWatchFailure(code: string, failures: number): WatchStep {
  if (code === 'unauthenticated') return { do: 'signIn' }
  // What does not exist for this person, or is asked for wrongly, stays so.
  if (code === 'not_found' || code === 'invalid_input') return { do: 'stop' }
  // The feed no longer reaches back to where the watch was: nothing is wrong with a new one.
  if (code === 'gone' && failures === 0) return { do: 'restart', afterMs: 0 }
  return { do: 'restart', afterMs: Math.min(1000 * 2 ** failures, longestMs) }
}
