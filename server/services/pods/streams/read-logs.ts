import { z } from 'zod'
import { streamChannel } from '@/contracts/host/v1/streams'
import { DomainError } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '../../context'
import { LineSplitter } from '../line-splitter'
import { containerReference, locate } from './locate-pod'
import { messagesOf, parseResult } from './stream-messages'

export const logsInput = containerReference.extend({ tailLines: z.number().int().min(1).max(10_000).default(1000), previous: z.boolean().default(false) })
export const logLine = z.object({ time: z.string(), stream: z.enum(['stdout', 'stderr']), text: z.string() })
export const logsOutput = z.object({ lines: z.array(logLine) })
export const followLogsInput = containerReference.extend({ tailLines: z.number().int().min(0).max(10_000).default(500), sinceTime: z.string().max(40).optional(), lastEventId: z.string().max(64).nullish() })

/** What one call gives. Bytes of text. */
const maxText = 16 << 20

/** The last lines of a container's log. What is over {@link maxText} is left out at the beginning, and marked as a host marks what it lost. */
export async function readLogs(ctx: ServerContext, scope: Scope, input: z.output<typeof logsInput>): Promise<z.output<typeof logsOutput>> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'readLogs')
  const stream = await ctx.streams.open(hostId, { kind: 'logs', podUid, container, follow: false, tailLines: input.tailLines, previous: input.previous, sinceTime: null }, { owner: scope.tenantId })
  const lines: z.output<typeof logLine>[] = []
  let [size, left] = [0, 0]
  for await (const line of linesOf(stream)) {
    size += sizeOf(line)
    lines.push(line)
    for (; size > maxText; left += 1) size -= sizeOf(lines.shift())
  }
  const [oldest] = lines
  if (left > 0 && oldest) lines.unshift({ time: oldest.time, stream: 'stderr', text: `[hypernetes: ${left} earlier line${left === 1 ? ' was' : 's were'} left out here, for one answer holds 16 MiB: follow the log to read all]` })
  return { lines }
}

const sizeOf = (line: z.output<typeof logLine> | undefined): number => (line === undefined ? 0 : Buffer.byteLength(line.text) + line.time.length)

/** Lines as they come. A reconnect goes on at the last line's time: what shares it comes again, so that nothing is lost. */
export async function* followLogs(ctx: ServerContext, scope: Scope, input: z.output<typeof followLogsInput>, signal: AbortSignal): AsyncGenerator<z.output<typeof logLine>> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'readLogs')
  const since = input.lastEventId ?? input.sinceTime ?? null
  const stream = await ctx.streams.open(hostId, { kind: 'logs', podUid, container, follow: true, tailLines: since ? null : input.tailLines, previous: false, sinceTime: since }, { signal, owner: scope.tenantId })
  signal.addEventListener('abort', () => stream.destroy())
  yield* linesOf(stream)
}

/** Splits channels 1 and 2 into lines `RFC3339 text`; a result with an error becomes an error. */
async function* linesOf(stream: AsyncIterable<unknown> & { destroy(): void }): AsyncGenerator<z.output<typeof logLine>> {
  const splitters = { 1: new LineSplitter(), 2: new LineSplitter() }
  try {
    for await (const message of messagesOf(stream)) {
      const channel = message[0]
      if (channel === streamChannel.result) {
        const { error } = parseResult(message)
        if (error) throw new DomainError('failed_precondition', error)
        return
      }
      if (channel !== streamChannel.output && channel !== streamChannel.error) continue
      for (const part of splitters[channel].lines(message.subarray(1))) {
        const space = part.indexOf(' ')
        if (space > 0) yield { time: part.slice(0, space), stream: channel === streamChannel.output ? 'stdout' : 'stderr', text: part.slice(space + 1) }
      }
    }
  } finally {
    stream.destroy()
  }
}
