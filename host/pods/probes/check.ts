import type { LifecycleHandler, Probe } from '@/domain/pod/probe'
import { execCheck } from './exec-check'
import { grpcCheck } from './grpc-check'
import { httpCheck } from './http-check'
import { failure, success, type CheckResult } from './result'
import { connect, portOf, refusal, type CheckTarget } from './target'

/** One check of a probe. It ends within its timeout, whatever the container does; `stop` ends it before. Never rejects. */
export async function check(probe: Probe, target: CheckTarget, stop: AbortSignal): Promise<CheckResult> {
  const timeoutMs = probe.timeoutSeconds * 1000
  // No AbortSignal.any: one of a signal that lives for weeks would be remembered there for each check.
  const over = new AbortController()
  const end = () => over.abort(new Error('the check is over'))
  if (stop.aborted) end()
  stop.addEventListener('abort', end, { once: true })
  const unknown = (error: unknown): CheckResult => ({ outcome: 'unknown', message: error instanceof Error ? error.message : String(error) })
  const late = target.clock.sleep(timeoutMs, over.signal).then(() => failure(`${probe.exec ? 'command' : 'probe'} timed out after ${probe.timeoutSeconds}s`), unknown)
  const first = await Promise.race([run(probe, target, timeoutMs, over.signal).catch(unknown), late])
  stop.removeEventListener('abort', end)
  end()
  return first
}

/** What a lifecycle hook asks; it ends at the signal. Never rejects. */
export async function hook(handler: LifecycleHandler, target: CheckTarget, signal: AbortSignal): Promise<CheckResult> {
  const work = handler.sleep ? target.clock.sleep(handler.sleep.seconds * 1000, signal).then(() => success) : run({ ...handler, grpc: undefined }, target, 30_000, signal)
  const stopped = new Promise<CheckResult>((resolve) => {
    const end = () => resolve({ outcome: 'unknown', message: 'it did not end in time' })
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
  })
  return Promise.race([work.catch((error: unknown) => failure(error instanceof Error ? error.message : String(error))), stopped])
}

type Action = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'>

async function run({ exec, httpGet, tcpSocket, grpc }: Action, target: CheckTarget, timeoutMs: number, signal: AbortSignal): Promise<CheckResult> {
  if (exec) return execCheck(exec.command, target, signal)
  if (httpGet) return httpCheck(httpGet, target, timeoutMs, signal)
  if (grpc) return grpcCheck(grpc, target, timeoutMs, signal)
  if (!tcpSocket) return success
  const port = portOf(target, tcpSocket.port)
  try {
    const tunnel = await connect(target.guest, port, timeoutMs, signal)
    tunnel.destroy()
    return success
  } catch (error) {
    return failure(`dial tcp ${target.podIP}:${port}: ${refusal(error, port)}`)
  }
}
