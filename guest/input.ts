import * as os from 'qjs:os'
import { Channel, encodeCredit, inputWindow } from '@/contracts/guest/v1/frame'
import type { Link } from '@/guest/link'

// A pipe that polls as writable takes so much without blocking (pipe(7), PIPE_BUF).
const pipePiece = 4096
const EINTR = -4
const EAGAIN = -11

/** The standard input of a process: holds at most one window of bytes and credits what the process took. */
export class Input {
  private readonly chunks: Uint8Array<ArrayBuffer>[] = []
  private held = 0
  private at = 0
  private ending = false
  private closed = false
  private writing = false

  constructor(
    private readonly link: Link,
    private readonly stream: number,
    private readonly fd: number,
  ) {}

  /** Bytes that the host may send before the next credit. */
  get free(): number {
    return inputWindow - this.held
  }

  /** Takes bytes; false where the host sends beyond its window. */
  push(payload: Uint8Array): boolean {
    if (this.closed || this.ending) {
      // Nobody reads on: the bytes count as consumed.
      this.link.sendFrame(encodeCredit(this.stream, Channel.stdin, payload.length))
      return true
    }
    if (payload.length > this.free) return false
    this.chunks.push(new Uint8Array(payload))
    this.held += payload.length
    this.want()
    return true
  }

  /** No more input: the process reads end of file after what is held. */
  end(): void {
    this.ending = true
    if (this.held === 0) this.close()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    if (this.writing) os.setWriteHandler(this.fd, null)
    os.close(this.fd)
    if (this.held > 0) this.link.sendFrame(encodeCredit(this.stream, Channel.stdin, this.held))
    this.chunks.length = 0
    this.held = 0
  }

  private want(): void {
    if (this.writing || this.closed) return
    this.writing = true
    os.setWriteHandler(this.fd, () => this.writable())
  }

  private writable(): void {
    const chunk = this.chunks[0]
    if (chunk) {
      const wrote = os.write(this.fd, chunk.buffer, this.at, Math.min(pipePiece, chunk.length - this.at))
      if (wrote === EAGAIN || wrote === EINTR) return
      if (wrote < 0) return this.close()
      this.at += wrote
      this.held -= wrote
      this.link.sendFrame(encodeCredit(this.stream, Channel.stdin, wrote))
      if (this.at === chunk.length) {
        this.chunks.shift()
        this.at = 0
      }
    }
    if (this.chunks.length > 0) return
    this.writing = false
    os.setWriteHandler(this.fd, null)
    if (this.ending) this.close()
  }
}
