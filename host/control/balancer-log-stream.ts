import type { DesiredMessage } from '@/contracts/host/v1'
import { streamChannel } from '@/contracts/host/v1/streams'
import type { BalancerLogLine } from '@/domain/load-balancer/view'
import { StreamSocket } from './stream-socket'

export type BalancerLogRequest = Extract<DesiredMessage, { kind: 'openBalancerLog' }>
/** Reads a balancer's log; throws with a message for the tenant. */
export type ReadBalancerLog = (balancerUid: string, options: { tailLines: number; follow: boolean }, signal: AbortSignal) => AsyncIterable<BalancerLogLine>

/** Serves a balancer's access log: a line of JSON a request, on channel 1. A reader that is slow slows the reading, and misses what HAProxy no longer has then. */
export async function serveBalancerLog(url: string, { balancerUid, tailLines, follow }: BalancerLogRequest, read: ReadBalancerLog): Promise<void> {
  const ended = new AbortController()
  const socket = await StreamSocket.dial(url, () => {})
  void socket.closed.then(() => ended.abort())
  try {
    for await (const line of read(balancerUid, { tailLines, follow }, ended.signal)) await socket.send(streamChannel.output, Buffer.from(`${JSON.stringify(line)}\n`))
    await socket.finish({ exitCode: null, error: null })
  } catch (error) {
    await socket.finish({ exitCode: null, error: error instanceof Error ? error.message : String(error) })
  }
}
