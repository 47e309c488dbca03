import WebSocket from 'ws'
import { streamChannel, type StreamResult } from '@/contracts/host/v1/streams'

/** Above this the sender waits until the socket has sent what it was given. Bytes. */
const highWater = 256 << 10
const maxFrameBytes = 1 << 20
const connectWithinMs = 10_000
const pingMs = 30_000
/** For a slow reader to take what is left after the end. */
const lingerMs = 60_000

/** The URL of a stream: a path of the server's origin, which is the control stream's. Throws on anything else. */
export function streamUrl(serverUrl: string, path: string): string {
  const base = new URL(serverUrl)
  const url = new URL(path, base)
  if (!path.startsWith('/') || url.host !== base.host || url.protocol !== base.protocol) throw new Error('a stream on another server')
  return url.href
}

/** One frame from the server: its channel and bytes. */
export type StreamFrame = { channel: number; payload: Buffer }

/**
 * A dialled stream: binary frames, the first byte is the channel. `send` resolves when more may be sent, so that a slow
 * browser slows the sender down; frames wait, unread in the socket, while {@link StreamSocket.pause} holds.
 */
export class StreamSocket {
  readonly closed: Promise<void>
  /** Aborted at the close. */
  readonly closing: AbortSignal
  private readonly socket: WebSocket
  private readonly pinger: NodeJS.Timeout
  private isAlive = true

  private constructor(url: string, onFrame: (frame: StreamFrame, socket: StreamSocket) => void) {
    this.socket = new WebSocket(url, { maxPayload: maxFrameBytes, perMessageDeflate: false, handshakeTimeout: connectWithinMs })
    const closing = new AbortController()
    this.closing = closing.signal
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        clearInterval(this.pinger)
        closing.abort(new Error('the stream was closed'))
        resolve()
      })
    })
    this.socket.on('error', () => this.socket.terminate())
    this.socket.on('pong', () => (this.isAlive = true))
    this.socket.on('message', (data, isBinary) => {
      this.isAlive = true
      const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)])
      if (!isBinary || bytes.length === 0) this.socket.terminate()
      else onFrame({ channel: bytes[0] ?? 0, payload: bytes.subarray(1) }, this)
    })
    this.pinger = setInterval(() => this.ping(), pingMs)
  }

  /** Dials. Rejects when the server does not take the stream, for its ticket is used up or the browser has gone. */
  static async dial(url: string, onFrame: (frame: StreamFrame, socket: StreamSocket) => void): Promise<StreamSocket> {
    const stream = new StreamSocket(url, onFrame)
    await new Promise<void>((resolve, reject) => {
      stream.socket.once('open', () => resolve())
      void stream.closed.then(() => reject(new Error('the server did not take the stream')))
    })
    return stream
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN
  }

  async send(channel: number, payload: Uint8Array): Promise<void> {
    if (!this.isOpen) return
    const sent = new Promise<void>((resolve) => this.socket.send(Buffer.concat([Buffer.of(channel), payload]), { binary: true }, () => resolve()))
    if (this.socket.bufferedAmount > highWater) await sent
  }

  /** Tells the result, then closes. */
  async finish(result: StreamResult): Promise<void> {
    await this.send(streamChannel.result, Buffer.from(JSON.stringify({ ...result, error: result.error?.slice(0, 4096) ?? null })))
    this.socket.close(1000)
    const timer = setTimeout(() => this.socket.terminate(), lingerMs)
    void this.closed.then(() => clearTimeout(timer))
  }

  pause(): void {
    if (this.isOpen) this.socket.pause()
  }

  resume(): void {
    if (this.isOpen) this.socket.resume()
  }

  terminate(): void {
    this.socket.terminate()
  }

  private ping(): void {
    // A paused socket reads no pong: its other end shows by the bytes that it takes.
    if (!this.isAlive && !this.socket.isPaused) return this.socket.terminate()
    this.isAlive = false
    if (this.isOpen) this.socket.ping()
  }
}
