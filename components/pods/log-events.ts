import { z } from 'zod'
import type { LogEntry } from '@/components/patterns/logs/log-buffer'

const line = z.object({ time: z.string(), stream: z.enum(['stdout', 'stderr']), text: z.string() })
const event = z.union([
  z.object({ lines: z.array(line) }),
  z.object({ gap: z.object({ time: z.string(), lines: z.number().nullish(), message: z.string().nullish() }) }),
  line,
])
const tracked = z.object({ id: z.string(), data: event })

/** What `pod.followLogs` sends, as entries of the viewer. A gap stands where the host could not keep lines. */
export function readLogEvent(data: unknown): LogEntry[] {
  const held = tracked.safeParse(data)
  const parsed = held.success ? held.data.data : event.safeParse(data).data
  if (!parsed) return []
  if ('lines' in parsed) return parsed.lines.map((each) => ({ kind: 'line', ...each }))
  if ('gap' in parsed) return [{ kind: 'gap', time: parsed.gap.time, text: parsed.gap.message ?? `${parsed.gap.lines ?? 'Some'} lines are missing here.` }]
  return [{ kind: 'line', ...parsed }]
}
