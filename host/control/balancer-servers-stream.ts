import type { DesiredMessage } from '@/contracts/host/v1'
import { balancerServerState, type BalancerServerState } from '@/contracts/host/v1/figures'
import { streamChannel } from '@/contracts/host/v1/streams'
import { refusal } from './stream-failure'
import { StreamSocket } from './stream-socket'

export type BalancerServersRequest = Extract<DesiredMessage, { kind: 'openBalancerServers' }>
/** Reads what a balancer's HAProxy says of its servers; throws with a message for the tenant. */
export type ReadBalancerServers = (balancerUid: string) => Promise<BalancerServerState[]>

/** So many in a frame. */
const together = 200

/** Serves a balancer's servers as they are now: a line of JSON each, on channel 1. */
export async function serveBalancerServers(url: string, { balancerUid }: BalancerServersRequest, read: ReadBalancerServers): Promise<void> {
  const socket = await StreamSocket.dial(url, () => {})
  try {
    const servers = await read(balancerUid)
    for (let at = 0; at < servers.length; at += together) await socket.send(streamChannel.output, Buffer.from(servers.slice(at, at + together).map((server) => `${JSON.stringify(balancerServerState.parse(server))}\n`).join('')))
    await socket.finish({ exitCode: 0, error: null })
  } catch (error) {
    await socket.finish(refusal('The servers of the balancer cannot be read', error, 'Look again in a moment.'))
  }
}
