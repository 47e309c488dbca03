import { agrees, type ReachabilityProbe } from '@/domain/network/reachability'
import { DomainError } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '../context'
import { streamAudit } from '../pods/streams/audit-stream'
import { locate } from '../pods/streams/locate-pod'
import { askReachability, type Question } from './ask'
import { hearResult } from './hear-result'

/** How long the host tries, and how long beyond that it may take to tell. */
const trySeconds = 5
const graceSeconds = 10

/** Tries it from the pod, once, and says whether what it met is what the desired state says. Beginning and end are audited. */
export async function probeReachability(ctx: ServerContext, scope: Scope, question: Question): Promise<ReachabilityProbe> {
  const { from, protocol } = question
  const { hostId, podUid } = await locate(ctx, scope, from, 'probe')
  const answer = await askReachability(ctx, scope, question)
  if (!answer.dial) throw new DomainError('failed_precondition', `There is nothing to try. ${answer.summary} ${answer.advice ?? ''}`.trim())
  const { address, port } = answer.dial
  if (protocol !== 'icmp' && port === null) throw new DomainError('failed_precondition', 'There is nothing to try: name a port.')
  const target = port === null || protocol === 'icmp' ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  const audit = streamAudit(ctx, scope, from, 'pod.probe', `${protocol.toUpperCase()} ${target}`)
  const stream = await ctx.streams.open(hostId, { kind: 'probe', podUid, address, port: protocol === 'icmp' ? null : port, protocol, timeoutSeconds: trySeconds }, { owner: scope.tenantId })
  const result = await hearResult(stream, audit, (trySeconds + graceSeconds) * 1000)
  return { target, outcome: result.outcome, milliseconds: result.milliseconds, detail: result.detail, agrees: agrees(answer, protocol, result.outcome) }
}
