import { z } from 'zod'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '../../context'
import { podReference } from '../delete-pod'
import { streamAudit } from './audit-stream'
import { locate } from './locate-pod'

export const portForwardInput = podReference.extend({ port: z.number().int().min(1, 'must be from 1 to 65535').max(65535, 'must be from 1 to 65535') })

/** A one-time ticket for one TCP connection to a port of the pod on `/ws/stream/<ticket>`. */
export async function openPortForward(ctx: ServerContext, scope: Scope, { port, ...input }: z.output<typeof portForwardInput>): Promise<{ ticket: string }> {
  const { hostId, podUid } = await locate(ctx, scope, input, 'portForward')
  return { ticket: ctx.streams.issueTicket({ hostId, request: { kind: 'portForward', podUid, port }, owner: scope.tenantId, credentialId: scope.actor.credentialId, ...streamAudit(ctx, scope, input, 'pod.portForward', `port ${port}`) }) }
}

export const openInBrowserOutput = z.object({ url: z.string() })

/** An address, good once and for 30 s, at which a browser sees what the port serves over HTTP, on an origin of its own. */
export async function openPortInBrowser(ctx: ServerContext, scope: Scope, { port, ...input }: z.output<typeof portForwardInput>): Promise<{ url: string }> {
  const { hostId, podUid } = await locate(ctx, scope, input, 'portForward')
  return { url: ctx.forwards.open({ hostId, podUid, port, owner: scope.tenantId, actor: scope.actor, ...streamAudit(ctx, scope, input, 'pod.portForward', `port ${port} in a browser`) }) }
}
