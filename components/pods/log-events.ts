import { z } from 'zod'
import type { LogEntry } from '@/components/patterns/logs/log-buffer'

const line = z.object({ time: z.string(), stream: z.enum(['stdout', 'stderr']), text: z.string() })
const event = z.union([z.object({ id: z.string(), data: line }).transform((tracked) => tracked.data), line])

/** What `pod.followLogs` sends, as entries of the viewer; a tracked line carries its id beside the data. */
export function readLogEvent(data: unknown): LogEntry[] {
  const parsed = event.safeParse(data)
  return parsed.success ? [{ kind: 'line', ...parsed.data }] : []
}
