import * as os from 'qjs:os'
import { outputWindow, type Channel } from '@/contracts/guest/v1/frame'
import type { Link, Source } from '@/guest/link'
import { OutputRing } from '@/guest/output-ring'

const EINTR = -4
const EAGAIN = -11
const dropStep = 32 * 1024

/**
 * One output of a process: reads its pipe as far as the host gives credit, so that a flood blocks
 * its writer and not the VM's memory. A kept output is read on without a host, forgetting the oldest.
 */
export class Output implements Source {
  private readonly ring = new OutputRing(outputWindow)
  private ended = false
  private endSent = false
  private reading = false
  private idle = false

  constructor(
    private readonly link: Link,
    readonly stream: number,
    readonly channel: Channel,
    private readonly fd: number,
    private readonly kept: boolean,
  ) {
    this.read()
  }

  /** What the host has credited and what is still here. */
  state(): { acknowledged: number; start: number } {
    return { acknowledged: this.ring.acknowledged, start: this.ring.start }
  }

  hasFrame(): boolean {
    return this.ring.unsent > 0 || (this.ended && !this.endSent)
  }

  take(target: Uint8Array, offset: number, limit: number): number {
    const length = this.ring.take(target, offset, limit)
    if (length === 0) this.endSent = true
    return length
  }

  /** The host consumed bytes. False where it never had them. */
  credit(bytes: number): boolean {
    const valid = this.ring.credit(bytes)
    this.read()
    return valid
  }

  /** The host is there afresh and gets all that it has not credited. */
  attached(): void {
    this.ring.rewind()
    this.endSent = false
    this.link.offer(this)
    this.read()
  }

  /** The host is gone: a kept output makes room by itself. */
  detached(): void {
    this.read()
  }

  /** All is sent, the end included. */
  get isFinished(): boolean {
    return this.endSent
  }

  /** Ends where nothing came since the last call though there was room: for a pipe that somebody holds open in vain. */
  endIfIdle(): void {
    const idle = this.idle && !this.ring.isFull
    this.idle = true
    if (idle) this.end()
  }

  /** Ends at once; what is not sent is lost. */
  discard(): void {
    this.end()
    this.endSent = true
    this.link.withdraw(this)
  }

  private read(): void {
    const wanted = !this.ended && (!this.ring.isFull || (this.kept && !this.link.connected))
    if (wanted === this.reading) return
    this.reading = wanted
    os.setReadHandler(this.fd, wanted ? () => this.readable() : null)
  }

  private readable(): void {
    this.step()
    // Out of the poll list and in again at its end: the first ready one of the list is served first.
    if (this.reading) {
      this.reading = false
      os.setReadHandler(this.fd, null)
    }
    this.read()
  }

  private step(): void {
    if (this.ring.isFull) this.ring.dropOldest(dropStep)
    const room = this.ring.writable()
    const got = os.read(this.fd, room.buffer.buffer, room.offset, room.length)
    if (got === EAGAIN || got === EINTR) return
    // A terminal says EIO when its last user is gone.
    if (got <= 0) return this.end()
    this.ring.commit(got)
    this.idle = false
    this.link.offer(this)
  }

  private end(): void {
    if (this.ended) return
    this.ended = true
    this.read()
    os.close(this.fd)
    this.link.offer(this)
  }
}
