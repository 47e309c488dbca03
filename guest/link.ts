import * as os from 'qjs:os'
import { encodeFrame, FrameError, FrameType, headerBytes, maxControlBytes, maxDataBytes, writeHeader, type Channel, type FrameHeader } from '@/contracts/guest/v1/frame'
import { FrameDecoder } from '@/contracts/guest/v1/frame-decoder'
import { encodeText } from '@/guest/text'

const EINTR = -4
const EAGAIN = -11
const nonBlocking = 0o4000
// So that reading from containers and from the host gets its turn between writes.
const framesPerTurn = 8

/** Something with bytes for the host: an output channel. */
export interface Source {
  readonly stream: number
  readonly channel: Channel
  /** Data waits to be sent, or the end of it. */
  hasFrame(): boolean
  /** Copies up to `limit` bytes to `offset`; 0 means that the end is reached and to be told. */
  take(target: Uint8Array, offset: number, limit: number): number
}

export interface LinkEvents {
  /** The host is there afresh: everything of the last connection is void. Returns the hello. */
  attached(): object
  frame(header: FrameHeader, payload: Uint8Array): void
  /** The host is gone; output is kept as far as there is room. */
  detached(): void
}

/** The connection to the host over the virtio-serial port. Never blocks; survives that the host goes and comes. */
export class Link {
  connected = false
  private readonly readBuffer = new Uint8Array(32 * 1024)
  private readonly decoder = new FrameDecoder((header, payload) => this.takeFrame(header, payload))
  private readonly writeBuffer = new Uint8Array(headerBytes + maxDataBytes)
  private pending: Uint8Array<ArrayBuffer> | undefined
  private pendingAt = 0
  private pendingTo = 0
  private readonly urgent: Uint8Array<ArrayBuffer>[] = []
  private readonly sources = new Set<Source>()
  private writing = false

  constructor(
    private readonly fd: number,
    private readonly events: LinkEvents,
  ) {
    this.awaitHost()
  }

  /** Opens the device of a port. The kernel busy-waits in a blocking write to a slow host, so it is opened non-blocking. */
  static open(device: string, events: LinkEvents): Link {
    const fd = os.open(device, os.O_RDWR | nonBlocking)
    if (fd < 0) throw new Error(`cannot open ${device}: errno ${-fd}`)
    return new Link(fd, events)
  }

  /** Sends a control message; without a host it is dropped, for the next hello tells the state. */
  send(message: object): void {
    const payload = encodeText(JSON.stringify(message))
    if (payload.length > maxControlBytes) throw new FrameError('a message over the limit')
    this.sendFrame(encodeFrame(FrameType.control, 0, 0, payload))
  }

  sendFrame(frame: Uint8Array): void {
    if (!this.connected) return
    this.urgent.push(new Uint8Array(frame))
    this.wantWrite()
  }

  /** A source has something to send. */
  offer(source: Source): void {
    if (!this.connected || !source.hasFrame()) return
    this.sources.add(source)
    this.wantWrite()
  }

  withdraw(source: Source): void {
    this.sources.delete(source)
  }

  /** Without a host the port polls as hung up for ever, but is writable only once a host is there. */
  private awaitHost(): void {
    os.setReadHandler(this.fd, null)
    os.setWriteHandler(this.fd, () => {
      os.setWriteHandler(this.fd, null)
      this.writing = false
      os.setReadHandler(this.fd, () => this.readable())
    })
  }

  private lose(): void {
    const was = this.connected
    this.connected = false
    this.decoder.reset()
    this.dropOutgoing()
    this.awaitHost()
    if (was) this.events.detached()
  }

  private dropOutgoing(): void {
    this.pending = undefined
    this.urgent.length = 0
    this.sources.clear()
  }

  private readable(): void {
    const got = os.read(this.fd, this.readBuffer.buffer, 0, this.readBuffer.length)
    if (got === EAGAIN || got === EINTR) return
    if (got <= 0) return this.lose()
    try {
      this.decoder.push(this.readBuffer.subarray(0, got))
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      // The bytes make no sense, as after a connection that was cut within a frame: wait for the next attach.
      this.decoder.reset()
    }
  }

  private takeFrame(header: FrameHeader, payload: Uint8Array): void {
    if (header.type === FrameType.attach) return this.attach(new Uint8Array(payload))
    if (this.connected) this.events.frame(header, payload)
  }

  private attach(nonce: Uint8Array<ArrayBuffer>): void {
    this.dropOutgoing()
    this.connected = true
    this.urgent.push(nonce)
    this.send(this.events.attached())
  }

  private wantWrite(): void {
    if (this.writing) return
    this.writing = true
    os.setWriteHandler(this.fd, () => this.writable())
  }

  private writable(): void {
    for (let turn = 0; turn < framesPerTurn; turn += 1) {
      if (!this.pending && !this.nextFrame()) {
        this.writing = false
        os.setWriteHandler(this.fd, null)
        return
      }
      if (!this.flush()) return
    }
  }

  /** Writes what it can of the pending frame; false where the port takes no more now. */
  private flush(): boolean {
    const frame = this.pending
    if (!frame) return true
    const wrote = os.write(this.fd, frame.buffer, this.pendingAt, this.pendingTo - this.pendingAt)
    if (wrote <= 0) return false
    this.pendingAt += wrote
    if (this.pendingAt < this.pendingTo) return true
    this.pending = undefined
    return true
  }

  private nextFrame(): boolean {
    const urgent = this.urgent.shift()
    if (urgent) return this.begin(urgent, urgent.length)
    for (const source of this.sources) {
      // To the end of the line, so that sources take turns.
      this.sources.delete(source)
      if (!source.hasFrame()) continue
      const length = source.take(this.writeBuffer, headerBytes, maxDataBytes)
      const type = length > 0 ? FrameType.data : FrameType.end
      writeHeader(this.writeBuffer, 0, { type, channel: source.channel, stream: source.stream, length })
      if (source.hasFrame()) this.sources.add(source)
      return this.begin(this.writeBuffer, headerBytes + length)
    }
    return false
  }

  private begin(frame: Uint8Array<ArrayBuffer>, length: number): boolean {
    this.pending = frame
    this.pendingAt = 0
    this.pendingTo = length
    return true
  }
}

/** The device of a virtio-serial port by its name, or undefined. */
export function findPort(name: string, readText: (path: string) => string | undefined, listFolder: (path: string) => string[]): string | undefined {
  const base = '/sys/class/virtio-ports'
  const port = listFolder(base).find((entry) => readText(`${base}/${entry}/name`)?.trim() === name)
  return port && `/dev/${port}`
}
