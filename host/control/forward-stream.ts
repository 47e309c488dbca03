import type { Duplex } from 'node:stream'
import { streamChannel, type StreamRequest, type StreamResult } from '@/contracts/host/v1/streams'
import { InputQueue } from './input-queue'
import { messageOf } from './stream-failure'
import { StreamSocket, type StreamFrame } from './stream-socket'

export type ForwardRequest = Extract<StreamRequest, { kind: 'portForward' }>
/** Connects to a port of a pod; throws with a message for the tenant. */
export type OpenTunnel = (podUid: string, port: number, timeoutMs: number) => Promise<Duplex>

const connectWithinMs = 10_000
const nothing = new Uint8Array(0)

/**
 * Serves one TCP connection to a port of a pod. Each half ends by itself: a frame without bytes says so. Each side is
 * read as fast as the other takes it. The stream is over when both halves are, or when either side breaks.
 */
export async function serveForward(url: string, request: ForwardRequest, open: OpenTunnel): Promise<void> {
  const frames = new InputQueue()
  const socket = await StreamSocket.dial(url, (frame, stream) => frames.push(frame, stream))
  let tunnel: Duplex
  try {
    tunnel = await open(request.podUid, request.port, connectWithinMs)
  } catch (error) {
    return socket.finish({ exitCode: null, error: messageOf(error) })
  }
  const ended = new Promise<StreamResult>((resolve) => {
    let cause: string | null = null
    tunnel.once('error', (error) => (cause = error.message))
    tunnel.once('close', () => resolve({ exitCode: cause === null ? 0 : null, error: cause === null ? null : `The connection to port ${request.port} broke off: ${cause}` }))
  })
  void socket.closed.then(() => tunnel.destroy())
  void frames.drain(socket, (frame) => take(frame, tunnel))
  void giveBack(tunnel, socket)
  await socket.finish(await ended)
}

async function take({ channel, payload }: StreamFrame, tunnel: Duplex): Promise<void> {
  if (channel !== streamChannel.input || tunnel.destroyed || tunnel.writableEnded) return
  if (payload.length === 0) tunnel.end()
  else if (!tunnel.write(payload)) await takesMore(tunnel)
}

/** Until it has room again, or has gone. */
function takesMore(tunnel: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'error']) tunnel.off(event, done)
      resolve()
    }
    for (const event of ['drain', 'close', 'error']) tunnel.on(event, done)
  })
}

async function giveBack(tunnel: Duplex, socket: StreamSocket): Promise<void> {
  try {
    // Reading to the end must not close the other half.
    for await (const chunk of tunnel.iterator({ destroyOnReturn: false })) if (chunk instanceof Uint8Array) await socket.send(streamChannel.output, chunk)
    await socket.send(streamChannel.output, nothing)
  } catch {
    // The tunnel's own end says why.
    tunnel.destroy()
  }
}
