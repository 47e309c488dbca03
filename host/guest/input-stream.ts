import { Writable } from 'node:stream'
import { FrameError, maxDataBytes } from '@/contracts/guest/v1/frame'

/** The standard input of a process in a guest: writes as far as the guest gives credit. Ending it ends the input. */
export class InputStream extends Writable {
  private rest: Uint8Array = new Uint8Array(0)
  private written: ((error?: Error | null) => void) | undefined

  constructor(
    private readonly sendData: (bytes: Uint8Array) => void,
    private readonly sendEnd: () => void,
    private free: number,
    private readonly window: number,
  ) {
    super({ decodeStrings: true })
    // A guest that goes away must not end the host for a stream that nobody writes any more.
    this.on('error', () => {})
    // All that are attached to one container may wait for it at once.
    this.setMaxListeners(100)
  }

  /** The guest consumed bytes. Throws FrameError where it never had so many. */
  grant(bytes: number): void {
    if (this.free + bytes > this.window) throw new FrameError('credit for input that was never sent')
    this.free += bytes
    this.advance()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.rest = chunk
    this.written = callback
    this.advance()
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.sendEnd()
    callback()
  }

  private advance(): void {
    while (this.rest.length > 0 && this.free > 0) {
      const piece = this.rest.subarray(0, Math.min(this.rest.length, this.free, maxDataBytes))
      this.rest = this.rest.subarray(piece.length)
      this.free -= piece.length
      this.sendData(piece)
    }
    if (this.rest.length > 0 || !this.written) return
    const done = this.written
    this.written = undefined
    done()
  }
}
