import { z } from 'zod'
import { streamChannel, type StreamRequest, type StreamResult } from '@/contracts/host/v1/streams'
import { DomainError } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../../context'
import { containerReference, locate } from './locate-pod'
import { messagesOf, parseResult } from './stream-messages'

export const podCommand = z.array(z.string().max(128 << 10)).min(1, 'must name a program').max(1024)
export const runInput = containerReference.extend({ command: podCommand, stdin: z.string().max(1 << 20).optional(), timeoutSeconds: z.number().int().min(1).max(3600).default(60) })
export const runOutput = z.object({ exitCode: z.number().int(), stdout: z.string(), stderr: z.string(), truncated: z.boolean() })

const maxCaptured = 1 << 20
/** Of the program's name in the audit. Characters. */
const maxName = 200

/**
 * Runs one command in a container and gives what it printed, at most 1 MiB of each stream. The audit has the program and how it
 * ended, not its arguments: they may hold secrets.
 */
export async function runInPod(ctx: ServerContext, scope: Scope, input: z.output<typeof runInput>): Promise<z.output<typeof runOutput>> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'run')
  // Quoted: a database holds no text with a zero character.
  const asked = `${JSON.stringify((input.command[0] ?? '').slice(0, maxName))} in container ${container}`
  const record = (action: string, detail: string) => recordAudit(ctx.db, scope, { action, kind: 'Pod', namespace: input.namespace, name: input.name, detail })
  await record('pod.run', asked)
  const end = (how: string) => record('pod.run.close', `${asked}, ${how}`).catch((err: unknown) => ctx.log.error({ err }, 'the end of a command was not audited'))
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
  await end(result?.exitCode == null ? 'ended without an exit code' : `exit code ${result.exitCode}`)
  if (!result) throw new DomainError('unavailable', 'The host closed the connection before the command ended: try again.')
  if (result.error !== null || result.exitCode === null) throw new DomainError(result.error?.startsWith('timeout') ? 'timeout' : 'failed_precondition', result.error ?? 'The command could not be run.')
  const text = (channel: 1 | 2) => Buffer.concat(captured[channel]).toString('utf8')
  return { exitCode: result.exitCode, stdout: text(1), stderr: text(2), truncated: sizes[1] > maxCaptured || sizes[2] > maxCaptured }
}
