import { z } from 'zod'
import type { StreamRequest } from '@/contracts/host/v1/streams'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '../../context'
import { streamAudit } from './audit-stream'
import { containerReference, locate } from './locate-pod'
import { podCommand } from './run-in-pod'

const side = z.number().int().min(1).max(1000)
export const openTerminalInput = containerReference.extend({ command: podCommand.optional(), columns: side.default(80), rows: side.default(24) })
export const openAttachInput = containerReference.extend({ stdin: z.boolean().default(true), columns: side.default(80), rows: side.default(24) })

/** The shell that a terminal opens where none is named: bash where the image has it. */
const shell = ['/bin/sh', '-c', 'TERM=${TERM:-xterm-256color}; export TERM; if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi']

/** A one-time ticket for `/ws/stream/<ticket>`. Opening and closing are audited. */
export async function openTerminal(ctx: ServerContext, scope: Scope, input: z.output<typeof openTerminalInput>): Promise<{ ticket: string }> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'openTerminal')
  const request: StreamRequest = { kind: 'exec', podUid, container, command: input.command ?? shell, tty: true, stdin: true, columns: input.columns, rows: input.rows, timeoutSeconds: null }
  return { ticket: ctx.streams.issueTicket({ hostId, request, owner: scope.tenantId, credentialId: scope.actor.credentialId, ...streamAudit(ctx, scope, input, 'pod.terminal', `container ${container}`) }) }
}

/** The same for a container's own process: what it prints from now on, and its input where its spec has `stdin`. */
export async function openAttach(ctx: ServerContext, scope: Scope, input: z.output<typeof openAttachInput>): Promise<{ ticket: string }> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'attach')
  const request: StreamRequest = { kind: 'attach', podUid, container, stdin: input.stdin, columns: input.columns, rows: input.rows }
  return { ticket: ctx.streams.issueTicket({ hostId, request, owner: scope.tenantId, credentialId: scope.actor.credentialId, ...streamAudit(ctx, scope, input, 'pod.attach', `container ${container}`) }) }
}
