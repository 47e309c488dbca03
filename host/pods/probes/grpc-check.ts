import { connect as http2Connect } from 'node:http2'
import type { GrpcAction } from '@/domain/pod/probe'
import { failure, quoted, success, type CheckResult } from './result'
import { connect, refusal, type CheckTarget } from './target'

/** grpc.health.v1.HealthCheckResponse.ServingStatus. */
const servingStatus = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
/** An answer is five bytes of frame and a message of two. */
const maxAnswerBytes = 1024
const unimplemented = '12'

/** grpc.health.v1.Health/Check over HTTP/2 without TLS, as Kubernetes' grpc probe asks it: only SERVING is success. */
export async function grpcCheck(action: GrpcAction, target: CheckTarget, timeoutMs: number, signal: AbortSignal): Promise<CheckResult> {
  const { port, service } = action
  let tunnel
  try {
    tunnel = await connect(target.guest, port, timeoutMs, signal)
  } catch (error) {
    return failure(`failed to connect service "${target.podIP}:${port}": ${refusal(error, port)}`)
  }
  const session = http2Connect(`http://${target.podIP}:${port}`, { createConnection: () => tunnel, settings: { enablePush: false }, maxSessionMemory: 1 })
  try {
    return await new Promise<CheckResult>((resolve) => {
      const fail = (error: Error) => resolve(failure(`the health check failed: ${refusal(error, port)}`))
      session.on('error', fail)
      session.on('close', () => fail(new Error('the connection was closed')))
      signal.addEventListener('abort', () => fail(new Error('timeout')), { once: true })
      const stream = session.request({ ':method': 'POST', ':path': '/grpc.health.v1.Health/Check', 'content-type': 'application/grpc', te: 'trailers', 'user-agent': 'kube-probe/hypernetes' })
      let body: Buffer = Buffer.alloc(0)
      let status: unknown
      let text: unknown
      const take = (headers: Record<string, unknown>) => {
        status = headers['grpc-status'] ?? status
        text = headers['grpc-message'] ?? text
      }
      stream.on('error', fail)
      stream.on('response', take)
      stream.on('trailers', take)
      stream.on('data', (chunk: Buffer) => {
        body = Buffer.concat([body, chunk])
        if (body.length > maxAnswerBytes) fail(new Error('the answer is too long'))
      })
      stream.on('close', () => resolve(judge(body, String(status ?? ''), String(text ?? ''), service)))
      stream.end(healthRequest(service))
    })
  } catch (error) {
    // A connection that was closed at once is refused by the session itself.
    return failure(`the health check failed: ${refusal(error, port)}`)
  } finally {
    session.destroy()
    tunnel.destroy()
  }
}

function judge(body: Buffer, status: string, text: string, service: string): CheckResult {
  if (status === unimplemented) return failure('this server does not implement the grpc health protocol (grpc.health.v1.Health)')
  if (status !== '0') return failure(`the health check failed with gRPC status ${quoted(status) || 'none'}${text ? `: ${quoted(text)}` : ''}`)
  const serving = healthStatus(body)
  return serving === 1 ? success : failure(`service unhealthy (responded with "${servingStatus[serving] ?? serving}"${service ? ` for "${quoted(service)}"` : ''})`)
}

/** A gRPC frame with HealthCheckRequest {string service = 1}. */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

const varint = (value: number): Buffer => Buffer.from(value < 0x80 ? [value] : [(value & 0x7f) | 0x80, value >> 7])

/** `status` (field 1, a varint) of a HealthCheckResponse in a gRPC frame; 0 where it is left out. */
export function healthStatus(frame: Buffer): number {
  const message = frame.subarray(5)
  return message.length >= 2 && message[0] === 0x08 ? (message[1] ?? 0) : 0
}
