import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { encodeFrame, FrameError, FrameType, headerBytes, maxControlBytes, nonceBytes, type FrameHeader } from '@/contracts/guest/v1/frame'
import { FrameDecoder } from '@/contracts/guest/v1/frame-decoder'
import { FairShare } from '@/host/fair-share'

export interface ConnectionEvents {
  frame(header: FrameHeader, payload: Uint8Array): void
  /** Once, at the end. Without an error the host closed it. */
  closed(error: Error | undefined): void
}

/** What a guest may have left in the socket from before: more is no remnant. */
const maxRemnantBytes = 16 * 1024 * 1024
/** All that may wait for a guest: input windows, a few requests, credits. */
const maxWaitingBytes = 8 * 1024 * 1024
/** Zero bytes between frames; only a host that attaches again has reason to send any. */
const maxPaddingBytes = 64 * 1024
/** A guest that takes nothing of what waits for it for so long has a dead agent. */
export const stalledWithinMs = 120_000
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
  private readonly share = new FairShare()
  private pause: NodeJS.Timeout | undefined
  private readonly stalled: NodeJS.Timeout
  private taken = 0
  private isStill = false

  constructor(
    socketPath: string,
    private readonly events: ConnectionEvents,
    stalledMs = stalledWithinMs,
  ) {
    this.stalled = setTimeout(() => this.checkTaken(), stalledMs).unref()
    this.socket = connect(socketPath)
    this.socket.on('connect', () => this.attach())
    this.socket.on('data', (chunk) => this.take(chunk))
    this.socket.on('error', (error) => this.close(error))
    this.socket.on('close', () => this.close(new Error('the connection to the guest was closed')))
  }

  write(frame: Uint8Array): void {
    if (this.closed) return
    if (this.socket.writableLength === 0) this.stalled.refresh()
    this.socket.write(frame, () => {
      this.taken += 1
      if (!this.closed) this.stalled.refresh()
    })
    if (this.socket.writableLength > maxWaitingBytes && !this.isStill) this.close(new FrameError('the guest does not read'))
  }

  /** A guest that stands still takes nothing, and is not to blame for it. What waits for it meanwhile its streams' windows bound. */
  standStill(isStill: boolean): void {
    this.isStill = isStill
    if (!this.closed) this.stalled.refresh()
  }

  close(error?: Error): void {
    if (this.closed) return
    this.closed = true
    clearInterval(this.reattach)
    clearTimeout(this.pause)
    clearTimeout(this.stalled)
    this.socket.destroy()
    this.events.closed(error)
  }

  /** An agent that was itself stopped for a while, and just goes on, looks at its sockets before it judges. */
  private checkTaken(): void {
    const { taken } = this
    setImmediate(() => {
      if (this.isStill) return
      if (this.attached && this.socket.writableLength > 0 && this.taken === taken) this.close(new FrameError('the guest does not read'))
    })
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
    const began = performance.now()
    this.handle(chunk)
    const pauseMs = this.share.spent(performance.now() - began)
    if (pauseMs === 0 || this.closed) return
    // The guest's own writes wait meanwhile, and nobody else does.
    this.socket.pause()
    this.pause = setTimeout(() => this.socket.resume(), pauseMs)
  }

  private handle(chunk: Buffer): void {
    try {
      const rest = this.attached ? chunk : this.afterNonce(chunk)
      if (rest && !this.closed) this.decoder.push(rest)
      if (this.decoder.paddingBytes > maxPaddingBytes) throw new FrameError('padding without an end')
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
