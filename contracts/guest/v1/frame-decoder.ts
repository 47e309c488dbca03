import { FrameError, FrameType, headerBytes, readHeader, type FrameHeader } from './frame'

/** Takes one frame. The payload is valid during the call only: it may lie in a reused buffer. */
export type FrameSink = (header: FrameHeader, payload: Uint8Array) => void

const empty = new Uint8Array(0)

/**
 * Cuts a byte stream into frames. It holds at most one frame's announced and checked length, and
 * allocates for a frame only when the frame does not lie whole in one chunk.
 */
export class FrameDecoder {
  private readonly partialHeader = new Uint8Array(headerBytes)
  private headerFill = 0
  private header: FrameHeader | undefined
  private partial: Uint8Array = empty
  private fill = 0
  private generation = 0
  /** How many bytes of padding there were; whoever knows that none is due may end it. */
  paddingBytes = 0

  constructor(private readonly sink: FrameSink) {}

  /** Forgets a frame that has begun. The rest of the chunk being pushed is thrown away if asked from within the sink. */
  reset(): void {
    this.headerFill = 0
    this.header = undefined
    this.partial = empty
    this.fill = 0
    this.generation += 1
  }

  /** Takes the next bytes and calls the sink for every whole frame. Throws FrameError; use no decoder again that threw. */
  push(chunk: Uint8Array): void {
    const generation = this.generation
    let at = 0
    while (at < chunk.length && generation === this.generation) {
      at = this.header ? this.takePayload(chunk, at, this.header) : this.takeHeader(chunk, at)
    }
  }

  private takeHeader(chunk: Uint8Array, from: number): number {
    let at = from
    if (this.headerFill === 0) {
      while (at < chunk.length && chunk[at] === 0) at += 1
      this.paddingBytes += at - from
    }
    const take = Math.min(headerBytes - this.headerFill, chunk.length - at)
    this.partialHeader.set(chunk.subarray(at, at + take), this.headerFill)
    this.headerFill += take
    if (this.headerFill < headerBytes) return at + take
    const header = readHeader(this.partialHeader, 0)
    this.headerFill = 0
    if (header.length === 0) this.sink(header, empty)
    else this.header = header
    return at + take
  }

  private takePayload(chunk: Uint8Array, from: number, header: FrameHeader): number {
    const take = Math.min(header.length - this.fill, chunk.length - from)
    const bytes = chunk.subarray(from, from + take)
    if (this.fill === 0 && take === header.length) {
      this.header = undefined
      this.sink(header, bytes)
      return from + take
    }
    if (this.fill === 0) this.partial = new Uint8Array(header.length)
    this.partial.set(bytes, this.fill)
    this.fill += take
    if (this.fill === header.length) {
      const payload = this.partial
      this.partial = empty
      this.fill = 0
      this.header = undefined
      this.sink(header, payload)
    }
    return from + take
  }
}

/** Refuses a type that only one side may send. */
export function refuseType(header: FrameHeader, refused: FrameType): void {
  if (header.type === refused) throw new FrameError(`frame type ${refused} from the wrong side`)
}
