import { Readable } from 'node:stream'
import { FrameError, outputWindow } from '@/contracts/guest/v1/frame'

const creditStep = 32 * 1024

/**
 * One output of a process in a guest. Credit goes back only for what the reader took, so a reader
 * that does not read blocks the writer in the guest, and what it has not read is sent again on the
 * next connection. Ends with the output; fails with the connection, after what had been handed over.
 */
export class OutputStream extends Readable {
  private readonly queue: Buffer[] = []
  private uncredited = 0
  private handedOver = 0
  private wanted = false
  private ended = false
  private failure: Error | undefined
  private whenEnded: () => void = () => {}

  constructor(
    private readonly sendCredit: (bytes: number) => void,
    /** Bytes the guest had to forget before the first one here, while no host was there. */
    readonly lostBytes: number,
  ) {
    // One piece at a time is in Node's own buffer: _read then means that the reader took the last one.
    super({ highWaterMark: 1 })
    // A guest that goes away must not end the host for a stream that nobody reads any more.
    this.on('error', () => {})
  }

  /** Bytes from the guest. Throws FrameError where it sends beyond its window. */
  accept(payload: Uint8Array): void {
    if (this.ended) throw new FrameError('data after the end of an output')
    this.uncredited += payload.length
    if (this.uncredited > outputWindow) throw new FrameError('more output than credit')
    if (this.destroyed) {
      // Nobody reads; the process must not block for that.
      this.handedOver = this.uncredited
      return this.credit()
    }
    this.queue.push(Buffer.from(payload))
    this.deliver()
  }

  /** The guest says that no more comes. */
  end(): void {
    this.ended = true
    this.deliver()
    this.whenEnded()
  }

  /** Whether the guest has sent all there is; the reader may still have to take it. */
  get isEnded(): boolean {
    return this.ended
  }

  /** Calls back when the guest has sent all there is, at once where it has. */
  onEnd(action: () => void): void {
    this.whenEnded = action
    if (this.ended) action()
  }

  /** The connection is gone: what the reader has not taken comes again on the next one. */
  fail(error: Error): void {
    this.failure = error
    this.queue.length = 0
    this.deliver()
  }

  override _read(): void {
    this.wanted = true
    if (this.handedOver > 0 && (this.handedOver >= creditStep || this.queue.length === 0)) this.credit()
    this.deliver()
  }

  private deliver(): void {
    if (!this.wanted || this.destroyed) return
    const chunk = this.queue.shift()
    if (chunk) {
      this.wanted = false
      this.handedOver += chunk.length
      this.push(chunk)
    } else if (this.failure) this.destroy(this.failure)
    else if (this.ended) this.push(null)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.handedOver = this.uncredited
    this.queue.length = 0
    if (!this.failure) this.credit()
    callback(error)
  }

  private credit(): void {
    if (this.handedOver === 0) return
    this.sendCredit(this.handedOver)
    this.uncredited -= this.handedOver
    this.handedOver = 0
  }
}
