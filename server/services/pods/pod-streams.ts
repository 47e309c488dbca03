import { z } from 'zod'
import { streamChannel, streamResult, type StreamRequest, type StreamResult } from '@/contracts/host/v1'
import { podActions, type PodAction } from '@/domain/pod/transitions'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { findPod, loadPods } from '@/server/store/pods'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { podReference } from './delete-pod'
import { LineSplitter } from './line-splitter'
import { toPodView } from './pod-view'

const containerReference = podReference.extend({ container: z.string().max(63).optional() })
const command = z.array(z.string().max(128 << 10)).min(1, 'must name a program').max(1024)

export const runInput = containerReference.extend({ command, stdin: z.string().max(1 << 20).optional(), timeoutSeconds: z.number().int().min(1).max(3600).default(60) })
export const runOutput = z.object({ exitCode: z.number().int(), stdout: z.string(), stderr: z.string(), truncated: z.boolean() })
export const openTerminalInput = containerReference.extend({ command: command.optional(), columns: z.number().int().min(1).max(1000).default(80), rows: z.number().int().min(1).max(1000).default(24) })
export const openTerminalOutput = z.object({ ticket: z.string() })
export const logsInput = containerReference.extend({ tailLines: z.number().int().min(1).max(10_000).default(1000), previous: z.boolean().default(false) })
export const logLine = z.object({ time: z.string(), stream: z.enum(['stdout', 'stderr']), text: z.string() })
export const logsOutput = z.object({ lines: z.array(logLine) })
export const followLogsInput = containerReference.extend({ tailLines: z.number().int().min(0).max(10_000).default(500), sinceTime: z.string().max(40).optional(), lastEventId: z.string().max(64).nullish() })

const maxCaptured = 1 << 20
/** The shell that a terminal opens where none is named: bash where the image has it. */
const shell = ['/bin/sh', '-c', 'TERM=${TERM:-xterm-256color}; export TERM; if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi']

/** Where the pod's container is, or a clear error: unknown pod, unknown container, no host yet, an action that the state forbids. */
async function locate(ctx: ServerContext, scope: Scope, input: z.output<typeof containerReference>, action: PodAction): Promise<{ hostId: string; podUid: string; container: string }> {
  const row = await findPod(ctx.db, scope, input.namespace, input.name)
  const [record] = row ? await loadPods(ctx.db, scope, [row.uid]) : []
  if (!record) throw notFound('Pod', input.name)
  const view = toPodView(record)
  const container = input.container ?? view.spec.containers[0]?.name ?? ''
  if (!view.spec.containers.some((c) => c.name === container)) throw new DomainError('not_found', `Pod "${input.name}" has no container "${container}": it has ${view.spec.containers.map((c) => c.name).join(', ')}.`)
  const reason = podActions[action](view)
  if (reason) throw new DomainError('failed_precondition', reason)
  if (!record.pod.hostId) throw new DomainError('failed_precondition', 'The pod has no host yet.')
  return { hostId: record.pod.hostId, podUid: record.pod.uid, container }
}

/** Runs one command in a container and gives what it printed, at most 1 MiB of each stream. */
export async function runInPod(ctx: ServerContext, scope: Scope, input: z.output<typeof runInput>): Promise<z.output<typeof runOutput>> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'run')
  await recordAudit(ctx.db, scope, { action: 'pod.run', kind: 'Pod', namespace: input.namespace, name: input.name })
  const request: StreamRequest = { kind: 'exec', podUid, container, command: input.command, tty: false, stdin: input.stdin !== undefined, columns: 80, rows: 24, timeoutSeconds: input.timeoutSeconds }
  const stream = await ctx.streams.open(hostId, request, { owner: scope.tenantId })
  if (input.stdin !== undefined) {
    stream.write(Buffer.concat([Buffer.of(streamChannel.input), Buffer.from(input.stdin)]))
    stream.write(Buffer.of(streamChannel.input))
  }
  const captured = { 1: [] as Buffer[], 2: [] as Buffer[] }
  const sizes = { 1: 0, 2: 0 }
  let result: StreamResult | null = null
  for await (const message of messagesOf(stream)) {
    const channel = message[0]
    if (channel === streamChannel.output || channel === streamChannel.error) {
      const room = maxCaptured - sizes[channel]
      sizes[channel] += message.length - 1
      if (room > 0) captured[channel].push(message.subarray(1, 1 + room))
    } else if (channel === streamChannel.result) {
      result = parseResult(message)
      break
    }
  }
  stream.destroy()
  if (!result) throw new DomainError('unavailable', 'The host closed the connection before the command ended: try again.')
  if (result.error !== null || result.exitCode === null) throw new DomainError(result.error?.startsWith('timeout') ? 'timeout' : 'failed_precondition', result.error ?? 'The command could not be run.')
  const text = (channel: 1 | 2) => Buffer.concat(captured[channel]).toString('utf8')
  return { exitCode: result.exitCode, stdout: text(1), stderr: text(2), truncated: sizes[1] > maxCaptured || sizes[2] > maxCaptured }
}

/** A one-time ticket for `/ws/stream/<ticket>`. Opening and closing are audited. */
export async function openTerminal(ctx: ServerContext, scope: Scope, input: z.output<typeof openTerminalInput>): Promise<{ ticket: string }> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'openTerminal')
  const request: StreamRequest = { kind: 'exec', podUid, container, command: input.command ?? shell, tty: true, stdin: true, columns: input.columns, rows: input.rows, timeoutSeconds: null }
  const audit = async (action: string) => {
    await recordAudit(ctx.db, scope, { action, kind: 'Pod', namespace: input.namespace, name: input.name }).catch((err: unknown) => ctx.log.error({ err, action }, 'a terminal was not audited'))
  }
  return { ticket: ctx.streams.issueTicket({ hostId, request, owner: scope.tenantId, credentialId: scope.actor.credentialId, onBegin: () => audit('pod.terminal.open'), onEnd: () => audit('pod.terminal.close') }) }
}

/** The last lines of a container's log. */
export async function readLogs(ctx: ServerContext, scope: Scope, input: z.output<typeof logsInput>): Promise<z.output<typeof logsOutput>> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'readLogs')
  const stream = await ctx.streams.open(hostId, { kind: 'logs', podUid, container, follow: false, tailLines: input.tailLines, previous: input.previous, sinceTime: null }, { owner: scope.tenantId })
  const lines: z.output<typeof logLine>[] = []
  for await (const line of linesOf(stream)) lines.push(line)
  return { lines }
}

/** Lines as they come. A reconnect goes on at the last line's time: what shares it comes again, so that nothing is lost. */
export async function* followLogs(ctx: ServerContext, scope: Scope, input: z.output<typeof followLogsInput>, signal: AbortSignal): AsyncGenerator<z.output<typeof logLine>> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'readLogs')
  const since = input.lastEventId ?? input.sinceTime ?? null
  const stream = await ctx.streams.open(hostId, { kind: 'logs', podUid, container, follow: true, tailLines: since ? null : input.tailLines, previous: false, sinceTime: since }, { signal, owner: scope.tenantId })
  signal.addEventListener('abort', () => stream.destroy())
  yield* linesOf(stream)
}

async function* messagesOf(stream: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  try {
    for await (const message of stream) if (Buffer.isBuffer(message) && message.length > 0) yield message
  } catch (error) {
    // A stream that is destroyed while it is read ends like one that was closed.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE')) throw error
  }
}

function parseResult(message: Buffer): StreamResult {
  try {
    return streamResult.parse(JSON.parse(message.subarray(1).toString('utf8')))
  } catch {
    return { exitCode: null, error: 'The host gave a result that cannot be read.' }
  }
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
