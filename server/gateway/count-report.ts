import { hostReports, podReportsStored, podRestartSeconds, podStartPartSeconds, podStartSeconds, schedulingSeconds } from '@/platform/metrics'
import type { RecordedStart } from '@/server/store/pod-starts'

/** Counts a report that was stored, and the starts that it was the first to tell of. */
export function countReport(pods: number, stored: number, starts: readonly RecordedStart[]): void {
  hostReports.inc()
  podReportsStored.inc({ stored: 'yes' }, stored)
  podReportsStored.inc({ stored: 'no' }, pods - stored)
  for (const { mode, first, waterfall: { wholeMs, parts, spans } } of starts) {
    if (!first) podRestartSeconds.observe({ mode }, wholeMs / 1000)
    else {
      podStartSeconds.observe({ mode }, wholeMs / 1000)
      for (const [part, ms] of Object.entries(parts)) podStartPartSeconds.observe({ part }, ms / 1000)
      const first = spans.find((span) => span.at === 0)
      schedulingSeconds.observe(first?.part === 'queued' ? first.ms / 1000 : 0)
    }
  }
}
