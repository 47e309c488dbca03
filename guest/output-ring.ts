const initialCapacity = 4096

/**
 * The bytes of one output that the host has not credited yet: those sent and those still to send.
 * Positions count from the output's first byte. Memory grows with need up to the capacity.
 */
export class OutputRing {
  private buffer: Uint8Array<ArrayBuffer>
  private begin = 0
  private sentTo = 0
  private stop = 0
  private credited = 0

  constructor(private readonly capacity: number) {
    this.buffer = new Uint8Array(Math.min(initialCapacity, capacity))
  }

  /** Position of the first byte kept. */
  get start(): number {
    return this.begin
  }

  /** Position up to which the host has credited. Below `start`, the difference was lost. */
  get acknowledged(): number {
    return this.credited
  }

  get unsent(): number {
    return this.stop - this.sentTo
  }

  get isFull(): boolean {
    return this.stop - this.begin === this.capacity
  }

  /** The next writable piece: fill it from its start, then tell `commit` how much. Length 0 only when full. */
  writable(): { buffer: Uint8Array<ArrayBuffer>; offset: number; length: number } {
    if (this.stop - this.begin === this.buffer.length && this.buffer.length < this.capacity) this.grow()
    const size = this.buffer.length
    const used = this.stop - this.begin
    const offset = this.stop % size
    return { buffer: this.buffer, offset, length: Math.min(size - used, size - offset) }
  }

  commit(length: number): void {
    this.stop += length
  }

  /** Copies up to `limit` unsent bytes to `offset` of the target, marks them sent and returns how many. */
  take(target: Uint8Array, offset: number, limit: number): number {
    const length = Math.min(limit, this.unsent)
    const from = this.sentTo % this.buffer.length
    const first = Math.min(length, this.buffer.length - from)
    target.set(this.buffer.subarray(from, from + first), offset)
    if (first < length) target.set(this.buffer.subarray(0, length - first), offset + first)
    this.sentTo += length
    return length
  }

  /** The host has consumed so many of the bytes sent. False where it claims more than it was sent. */
  credit(length: number): boolean {
    if (length > this.sentTo - this.begin) return false
    this.begin += length
    this.credited = this.begin
    return true
  }

  /** Makes room by forgetting the oldest bytes; they are lost. */
  dropOldest(length: number): void {
    this.begin = Math.min(this.begin + length, this.stop)
    this.sentTo = Math.max(this.sentTo, this.begin)
  }

  /** A new connection: what was sent and not credited is to be sent again. */
  rewind(): void {
    this.sentTo = this.begin
  }

  private grow(): void {
    const grown = new Uint8Array(Math.min(this.buffer.length * 4, this.capacity))
    const old = this.buffer
    for (let position = this.begin; position < this.stop; ) {
      const from = position % old.length
      const to = position % grown.length
      const length = Math.min(this.stop - position, old.length - from, grown.length - to)
      grown.set(old.subarray(from, from + length), to)
      position += length
    }
    this.buffer = grown
  }
}
