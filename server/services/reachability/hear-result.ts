import { probeResult, streamChannel, type ProbeResult } from '@/contracts/host/v1/streams'
import { DomainError } from '@/domain/shared/errors'
import type { HostStream } from '../host-streams'
import type { streamAudit } from '../pods/streams/audit-stream'
import { messagesOf, parseResult } from '../pods/streams/stream-messages'

/** The most that an answer may be. Bytes. */
const maxAnswer = 16 << 10

/** What the host says of its try; beginning and end are audited. Throws `timeout` after `withinMs`, and what the host says against it. */
export async function hearResult(stream: HostStream, audit: ReturnType<typeof streamAudit>, withinMs: number): Promise<ProbeResult> {
  let late = false
  const timer = setTimeout(() => { late = true; stream.destroy() }, withinMs)
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
  if (late) throw new DomainError('timeout', `The host did not tell what became of the try within ${withinMs / 1000} seconds: try again, or look at the host.`)
  throw new DomainError('unavailable', 'The host closed the connection before the try was over: try again.')
}

function parseProbe(text: Buffer): ProbeResult {
  try {
    return probeResult.parse(JSON.parse(text.toString('utf8')))
  } catch (cause) {
    throw new DomainError('unavailable', 'The host told of the try what cannot be read: it may be of another version than the server.', { cause })
  }
}
