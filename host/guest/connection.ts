import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { encodeFrame, FrameError, FrameType, headerBytes, maxControlBytes, nonceBytes, type FrameHeader } from '@/contracts/guest/v1/frame'
import { FrameDecoder } from '@/contracts/guest/v1/frame-decoder'

export interface ConnectionEvents {
  frame(header: FrameHeader, payload: Uint8Array): void
  /** Once, at the end. Without an error the host closed it. */
  closed(error: Error | undefined): void
}

/** What a guest may have left in the socket from before: more is no remnant. */
const maxRemnantBytes = 16 * 1024 * 1024
/** All that may wait for a guest: input windows, a few requests, credits. */
const maxWaitingBytes = 8 * 1024 * 1024
const reattachMilliseconds = 8000

/**
 * A byte-level connection to a guest agent through QEMU's socket: attaches, cuts frames, and closes
 * at the first thing that breaks the rules. It knows no messages.
 */
export class Connection {
  private readonly socket: Socket
  private nonce = randomBytes(nonceBytes)
  private readonly decoder = new FrameDecoder((header, payload) => this.takeFrame(header, payload))
  private remnant = Buffer.alloc(0)
  private remnantBytes = 0
  private attached = false
  private closed = false
  private reattach: NodeJS.Timeout | undefined

  constructor(
    socketPath: string,
    private readonly events: ConnectionEvents,
  ) {
    this.socket = connect(socketPath)
    this.socket.on('connect', () => this.attach())
    this.socket.on('data', (chunk) => this.take(chunk))
    this.socket.on('error', (error) => this.close(error))
    this.socket.on('close', () => this.close(new Error('the connection to the guest was closed')))
  }

  write(frame: Uint8Array): void {
    if (this.closed) return
    this.socket.write(frame)
    if (this.socket.writableLength > maxWaitingBytes) this.close(new FrameError('the guest does not read'))
  }

  close(error?: Error): void {
    if (this.closed) return
    this.closed = true
    clearInterval(this.reattach)
    this.socket.destroy()
    this.events.closed(error)
  }

  private attach(): void {
    this.socket.write(encodeFrame(FrameType.attach, 0, 0, this.nonce))
    // No answer: the guest boots still, or it waits for the rest of a frame that a former host began.
    this.reattach = setInterval(() => {
      if (this.socket.writableLength > 0) return
      // The guest answers every attach it reads, and only the answer to the last one is a beginning.
      this.nonce = randomBytes(nonceBytes)
      this.socket.write(new Uint8Array(maxControlBytes + headerBytes))
      this.socket.write(encodeFrame(FrameType.attach, 0, 0, this.nonce))
    }, reattachMilliseconds)
  }

  private take(chunk: Buffer): void {
    try {
      const rest = this.attached ? chunk : this.afterNonce(chunk)
      if (rest && !this.closed) this.decoder.push(rest)
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Throws away what comes before our nonce. */
  private afterNonce(chunk: Buffer): Buffer | undefined {
    this.remnant = Buffer.concat([this.remnant, chunk])
    const at = this.remnant.indexOf(this.nonce)
    if (at < 0) {
      this.remnantBytes += chunk.length
      if (this.remnantBytes > maxRemnantBytes) throw new FrameError('the guest does not answer, yet sends')
      this.remnant = Buffer.from(this.remnant.subarray(-(nonceBytes - 1)))
      return undefined
    }
    const rest = this.remnant.subarray(at + nonceBytes)
    this.remnant = Buffer.alloc(0)
    this.attached = true
    clearInterval(this.reattach)
    return rest
  }

  private takeFrame(header: FrameHeader, payload: Uint8Array): void {
    if (this.closed) return
    if (header.type === FrameType.attach) throw new FrameError('an attach frame from the guest')
    this.events.frame(header, payload)
  }
}
