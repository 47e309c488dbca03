import { probeResult, streamChannel, type ProbeResult } from '@/contracts/host/v1'
import { agrees, type ReachabilityProbe } from '@/domain/network/reachability'
import { DomainError } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '../context'
import type { HostStream } from '../host-streams'
import { streamAudit } from '../pods/streams/audit-stream'
import { locate } from '../pods/streams/locate-pod'
import { messagesOf, parseResult } from '../pods/streams/stream-messages'
import { askReachability, type Question } from './ask'

/** How long the host tries, and how long beyond that it may take to tell. */
const trySeconds = 5
const graceSeconds = 10
/** The most that an answer may be. Bytes. */
const maxAnswer = 16 << 10

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
  const result = await heard(stream, audit)
  return { target, outcome: result.outcome, milliseconds: result.milliseconds, detail: result.detail, agrees: agrees(answer, protocol, result.outcome) }
}

/** What the host says of its try, within the time. */
async function heard(stream: HostStream, audit: ReturnType<typeof streamAudit>): Promise<ProbeResult> {
  let late = false
  const timer = setTimeout(() => { late = true; stream.destroy() }, (trySeconds + graceSeconds) * 1000)
  let fromPod = 0
  let hasBegun = false
  const parts: Buffer[] = []
  try {
    await audit.onBegin()
    hasBegun = true
    for await (const message of messagesOf(stream)) {
      if (message[0] === streamChannel.result) {
        const { error } = parseResult(message)
        if (error !== null) throw new DomainError('failed_precondition', error)
        return parseProbe(Buffer.concat(parts))
      }
      if (message[0] !== streamChannel.output) continue
      fromPod += message.length - 1
      if (fromPod > maxAnswer) throw new DomainError('unavailable', 'The host sent more than the result of a try can be.')
      parts.push(message.subarray(1))
    }
  } finally {
    clearTimeout(timer)
    stream.destroy()
    if (hasBegun) await audit.onEnd({ toPod: 0, fromPod })
  }
  if (late) throw new DomainError('timeout', `The host did not tell what became of the try within ${trySeconds + graceSeconds} seconds: try again, or look at the host.`)
  throw new DomainError('unavailable', 'The host closed the connection before the try was over: try again.')
}

function parseProbe(text: Buffer): ProbeResult {
  try {
    return probeResult.parse(JSON.parse(text.toString('utf8')))
  } catch (cause) {
    throw new DomainError('unavailable', 'The host told of the try what cannot be read: it may be of another version than the server.', { cause })
  }
}
