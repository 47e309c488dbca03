import { z } from 'zod'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '../../context'
import { streamAudit } from './audit-stream'
import { containerPath, containerReference, locate } from './locate-pod'

export const openCopyInput = containerReference.extend({ direction: z.enum(['out', 'in']), path: containerPath })

export const copyAsked = (direction: 'out' | 'in', path: string, container: string): string => `${direction === 'out' ? 'out of' : 'into'} ${path} of container ${container}`.slice(0, 4400)

/**
 * A one-time ticket for a tar stream on `/ws/stream/<ticket>`: out of a file or folder on channel 1, or into a folder from
 * channel 0, which ends without bytes.
 */
export async function openCopy(ctx: ServerContext, scope: Scope, { direction, path, ...input }: z.output<typeof openCopyInput>): Promise<{ ticket: string }> {
  const { hostId, podUid, container } = await locate(ctx, scope, input, 'copyFiles')
  const audit = streamAudit(ctx, scope, input, 'pod.copy', copyAsked(direction, path, container))
  return { ticket: ctx.streams.issueTicket({ hostId, request: { kind: 'copy', podUid, container, direction, path }, owner: scope.tenantId, credentialId: scope.actor.credentialId, ...audit }) }
}
