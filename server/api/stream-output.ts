import { isTrackedEnvelope, tracked } from '@trpc/server'
import { z } from 'zod'

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> => typeof value === 'object' && value !== null && Symbol.asyncIterator in value

/**
 * The output schema of a subscription whose events carry an id to resume from: every event's data is checked against
 * `event` before it leaves.
 */
export const trackedEvents = <T extends z.ZodType>(event: T) =>
  z.custom<AsyncIterable<ReturnType<typeof tracked<z.input<T>>>>>(isAsyncIterable).transform(async function* (events) {
    for await (const item of events) {
      if (!isTrackedEnvelope(item)) throw new TypeError('an event without an id')
      const [id, data] = item
      yield tracked(id, event.parse(data))
    }
  })

/** Events with their resourceVersion as the id to resume from. */
export async function* trackedChanges<E extends { resourceVersion: string }>(events: AsyncIterable<E>) {
  for await (const event of events) yield tracked(event.resourceVersion, event)
}

/** A subscription's signal; one that never ends where it is called without. */
export const live = (signal: AbortSignal | undefined): AbortSignal => signal ?? new AbortController().signal
