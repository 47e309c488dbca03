import { formatBytes } from '@/domain/shared/quantity'

export { formatBytes }

const steps: ReadonlyArray<[limit: number, unit: number, suffix: string]> = [
  [60, 1, 's'],
  [3600, 60, 'min'],
  [86_400, 3600, 'h'],
  [86_400 * 60, 86_400, 'd'],
  [Infinity, 86_400 * 30, 'mo'],
]

/** A span in its largest unit: "14 s", "3 min", "2 d". */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const [, unit, suffix] = steps.find(([limit]) => seconds < limit) ?? [0, 1, 's']
  return `${Math.floor(seconds / unit)} ${suffix}`
}

/** How long ago: "just now", "14 s ago". */
export function formatAgo(time: string, now: number): string {
  const ms = now - Date.parse(time)
  return ms < 1500 ? 'just now' : `${formatSpan(ms)} ago`
}

/** How long until then: "in 5 h"; "now" of what is due. */
export function formatIn(time: string, now: number): string {
  const ms = Date.parse(time) - now
  return ms < 1000 ? 'now' : `in ${formatSpan(ms)}`
}

/** A duration of a step: "180 ms", "1.24 s". */
export function formatMilliseconds(ms: number): string {
  if (ms < 1) return '< 1 ms'
  if (ms < 1000) return `${Math.round(ms)} ms`
  return `${(ms / 1000).toLocaleString('en', { maximumFractionDigits: ms < 10_000 ? 2 : 1 })} s`
}

/** Exact, in the reader's zone with its name: "2026-11-23 01:00:00 GMT+1". */
export function formatExact(time: string, zone: 'local' | 'UTC' = 'local'): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return time
  if (zone === 'UTC') return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
  const parts = new Intl.DateTimeFormat('sv', { dateStyle: 'short', timeStyle: 'medium' }).format(date)
  const name = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(date).find((part) => part.type === 'timeZoneName')?.value
  return name ? `${parts} ${name}` : parts
}

/** A time of a log line with milliseconds: "01:00:00.123". */
export function formatClock(time: string, zone: 'local' | 'UTC'): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return time
  if (zone === 'UTC') return date.toISOString().slice(11, 23)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

export const formatMebibytes = (mebibytes: number) => formatBytes(mebibytes * 1024 * 1024)

/** A count with its noun: "1 pod", "1,204 pods". */
export const formatCount = (count: number, noun: string, plural = `${noun}s`) => `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`

export const formatVcpus = (vcpus: number) => `${vcpus.toLocaleString('en', { maximumFractionDigits: 3 })} vCPU`

/** What stands where nothing is. */
export const NOTHING = '—'
