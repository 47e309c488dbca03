import { probeResult, streamChannel, type ProbeResult, type StreamRequest } from '@/contracts/host/v1/streams'
import { isIp } from '@/domain/shared/ip'
import { storableText } from '@/host/pods/storable-text'
import { unlessAbandoned } from './abandoned'
import { refusal } from './stream-failure'
import { StreamSocket } from './stream-socket'

export type ProbeRequest = Extract<StreamRequest, { kind: 'probe' }>
/** Tries to reach an address from a pod; throws with a message for the tenant. */
export type Probe = (podUid: string, request: Pick<ProbeRequest, 'address' | 'port' | 'protocol' | 'timeoutSeconds'>) => Promise<ProbeResult>

/** Serves one try to reach an address from a pod's own network: its result is one frame. What the guest says of it is bounded: it is the tenant's word. */
export async function serveProbe(url: string, { podUid, address, port, protocol, timeoutSeconds }: ProbeRequest, probe: Probe): Promise<void> {
  const socket = await StreamSocket.dial(url, () => {})
  try {
    if (!isIp(address)) return await socket.finish({ exitCode: null, error: `"${address}" is not an address. Name an IPv4 or IPv6 address.` })
    if (protocol !== 'icmp' && port === null) return await socket.finish({ exitCode: null, error: `A port is needed to try ${protocol.toUpperCase()}. Name one, or try ICMP.` })
    const result = await unlessAbandoned(probe(podUid, { address, port, protocol, timeoutSeconds }), socket, 0)
    if (result === null) return
    const { outcome, milliseconds, detail } = result
    await socket.send(streamChannel.output, Buffer.from(JSON.stringify(probeResult.parse({ outcome, milliseconds, detail: storableText(detail, 512) }))))
    await socket.finish({ exitCode: 0, error: null })
  } catch (error) {
    await socket.finish(refusal(`${address} cannot be tried from the pod`, error, 'Try again in a moment.'))
  }
}
