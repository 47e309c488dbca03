import type { StreamSocket } from './stream-socket'

/** For a guest to tell the end of what was killed. */
const toldWithinMs = 5_000

/**
 * Settles as the work does, or with null a while after the stream was closed: a guest that never tells an end must not
 * keep a stream of the host's.
 */
export function unlessAbandoned<T>(work: Promise<T>, { closing }: Pick<StreamSocket, 'closing'>, withinMs = toldWithinMs): Promise<T | null> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const closed = () => (timer = setTimeout(() => resolve(null), withinMs))
    if (closing.aborted) closed()
    else closing.addEventListener('abort', closed, { once: true })
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer)
      closing.removeEventListener('abort', closed)
    })
  })
}
