import { streamChannel, type StreamRequest, type StreamResult } from '@/contracts/host/v1/streams'
import type { ContainerInput, GuestExec } from '@/host/pods/ports'
import { InputQueue, sizeOf } from './input-queue'
import { messageOf } from './stream-failure'
import { StreamSocket, type StreamFrame } from './stream-socket'

export type AttachRequest = Extract<StreamRequest, { kind: 'attach' }>
type Attached = { input: ContainerInput | null; exited: Promise<{ exitCode: number | null; signal: number | null }>; detach(): void }
/** Joins a container's own process; throws with a message for the tenant. */
export type Attach = (podUid: string, container: string | null, onOutput: GuestExec['onOutput']) => Promise<Attached>

/** What may wait for a browser that is slower than the container. Bytes. */
const maxWaiting = 1 << 20

/**
 * Serves a container's own process. Its output is its log too, so a browser that cannot keep up must not hold the
 * container: what does not fit is left out, and the gap is marked. Leaving ends nothing.
 */
export async function serveAttach(url: string, request: AttachRequest, attach: Attach): Promise<void> {
  const frames = new InputQueue()
  const socket = await StreamSocket.dial(url, (frame, stream) => frames.push(frame, stream))
  const output = new LossyOutput(socket)
  let attached: Attached
  try {
    attached = await attach(request.podUid, request.container, (stream, bytes) => output.add(stream === 'stdout' ? streamChannel.output : streamChannel.error, bytes))
  } catch (error) {
    return socket.finish({ exitCode: null, error: messageOf(error) })
  }
  const { input } = attached
  if (input) await input.resize(request.columns, request.rows).catch(() => {})
  void frames.drain(socket, (frame) => take(frame, request.stdin ? input : null, input, socket.closing))
  const result = await Promise.race([attached.exited.then(ended, (error: unknown): StreamResult => ({ exitCode: null, error: messageOf(error) })), socket.closed.then(() => null)])
  attached.detach()
  await output.flushed
  if (result) await socket.finish(result)
}

const ended = ({ exitCode, signal }: { exitCode: number | null; signal: number | null }): StreamResult =>
  exitCode === null ? { exitCode: null, error: signal === null ? 'The container ended.' : `The container was ended by signal ${signal}.` } : { exitCode, error: null }

async function take({ channel, payload }: StreamFrame, input: ContainerInput | null, terminal: ContainerInput | null, closing: AbortSignal): Promise<void> {
  if (channel === streamChannel.input && input) {
    if (payload.length === 0) input.end()
    else await input.write(payload, closing)
  } else if (channel === streamChannel.resize) {
    const size = sizeOf(payload)
    if (size) await terminal?.resize(size.columns, size.rows)
  }
}

/** Output for a reader that may be slow: a bounded part waits, the rest is counted and told as a gap. */
class LossyOutput {
  private waiting = 0
  private lost = 0
  /** Resolves when what waits was given away. */
  flushed: Promise<void> = Promise.resolve()
  constructor(private readonly socket: StreamSocket) {}

  add(channel: number, bytes: Uint8Array): Promise<void> {
    if (this.waiting + bytes.length > maxWaiting) this.lost += bytes.length
    else {
      if (this.lost > 0) this.give(streamChannel.error, Buffer.from(`\r\n[${this.lost} bytes were left out: this reader is too slow]\r\n`))
      this.lost = 0
      this.give(channel, Buffer.from(bytes))
    }
    return Promise.resolve()
  }

  private give(channel: number, bytes: Buffer): void {
    this.waiting += bytes.length
    this.flushed = this.flushed.then(() => this.socket.send(channel, bytes)).then(() => void (this.waiting -= bytes.length))
  }
}
