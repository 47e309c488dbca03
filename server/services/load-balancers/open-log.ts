import { z } from 'zod'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { findLoadBalancer } from '@/server/store/balancer-views'
import type { ServerContext } from '../context'
import { askedFor, balancerReference } from './read-balancers'

export const openLogInput = balancerReference.extend({ tailLines: z.number().int().min(0).max(10_000).default(1000), follow: z.boolean().default(false) })
export const openLogOutput = z.object({ ticket: z.string() })

/**
 * A one-time ticket for `/ws/stream/<ticket>`: the balancer's newest lines as its host has them, one JSON object each (domain/load-balancer/view.ts, balancerLogLine), and with `follow` those
 * that come, until the balancer moves. As with pods' logs, no reading of it is audited.
 */
export async function openLog(ctx: ServerContext, scope: Scope, { source, namespace, name, tailLines, follow }: z.output<typeof openLogInput>): Promise<z.output<typeof openLogOutput>> {
  const row = await findLoadBalancer(ctx.db, scope, source, namespace, name)
  if (!row && !(await askedFor(ctx.db, scope, { source, namespace, name }))) throw notFound('LoadBalancer', name)
  if (!row?.hostId) throw new DomainError('failed_precondition', `The load balancer of ${source} "${name}" runs on no host, and has no log there: see its conditions, and try again once it runs.`)
  const nothing = () => Promise.resolve()
  return { ticket: ctx.streams.issueTicket({ hostId: row.hostId, request: { kind: 'balancerLog', balancerUid: row.uid, tailLines, follow }, owner: scope.tenantId, credentialId: scope.actor.credentialId, onBegin: nothing, onEnd: nothing }) }
}
