import { balancerLogLine, type BalancerLogLine } from '@/domain/load-balancer/view'
import { formatBytes, formatMilliseconds } from '@/components/client/formats'
import type { LogEntry } from '@/components/patterns/logs/log-buffer'

/** Which lines of a log are shown. */
export const logFilters = ['all', 'errors', 'slow'] as const
export type LogFilter = (typeof logFilters)[number]

/** A request that was answered by an error, or not at all. HAProxy writes -1 where it has no status, and how a session ended beside it. */
const isError = ({ status, method, termination }: BalancerLogLine) => (method === null ? !/^--/.test(termination) && termination !== '' : status === null || status < 100 || status >= 400)
export const passesFilter = (line: BalancerLogLine, filter: LogFilter): boolean => filter === 'all' || (filter === 'errors' ? isError(line) : line.milliseconds >= 1000)

/** A request as a line: who asked for what, how it was answered, by whom, how long it took. */
export function logText(line: BalancerLogLine): string {
  const { client, listener, method, host, path, status, backend, server, milliseconds, bytesIn, bytesOut, termination } = line
  const asked = method === null ? `:${listener}` : `${method} ${host ?? ''}${path ?? ''}`
  const answered = method === null ? '' : ` ${status === null || status < 100 ? 'no answer' : status}`
  const to = backend === null ? 'no rule fits' : `${backend}${server === null ? '' : `/${server}`}`
  const ended = termination !== '' && !/^-+$/.test(termination) ? ` [${termination}]` : ''
  return `${client} ${asked}${answered} ${formatMilliseconds(milliseconds)} → ${to} in ${formatBytes(bytesIn)} out ${formatBytes(bytesOut)}${ended}`
}

/** A line of the stream, or of an answer; null for what is none. */
export function readLogLine(value: unknown): BalancerLogLine | null {
  const parsed = balancerLogLine.safeParse(value)
  return parsed.success ? parsed.data : null
}

export const logEntry = (line: BalancerLogLine): LogEntry => ({ kind: 'line', time: line.time, stream: isError(line) ? 'stderr' : 'stdout', text: logText(line) })

/** Lines of JSON out of pieces of bytes, however they are cut. What is no JSON is left out. */
export class LineReader {
  private readonly decoder = new TextDecoder()
  private rest = ''

  read(bytes: Uint8Array): unknown[] {
    const lines = (this.rest + this.decoder.decode(bytes, { stream: true })).split('\n')
    this.rest = lines.pop() ?? ''
    return lines.flatMap((line) => jsonOf(line))
  }
}

function jsonOf(line: string): unknown[] {
  try {
    const value: unknown = JSON.parse(line)
    return [value]
  } catch {
    return []
  }
}
