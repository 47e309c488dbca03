/** Reads exact amounts of bytes from a stream of chunks. One reader, one caller at a time. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>
  #chunk: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The next bytes, at most `limit`, without copying; null at the end. */
  async some(limit: number): Promise<Buffer | null> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next()
      if (next.done) return null
      this.#chunk = next.value
    }
    const part = this.#chunk.subarray(0, limit)
    this.#chunk = this.#chunk.subarray(part.length)
    return part
  }

  /** Exactly `size` bytes, fewer only at the end of the source. */
  async take(size: number): Promise<Buffer> {
    if (this.#chunk.length >= size) {
      const part = this.#chunk.subarray(0, size)
      this.#chunk = this.#chunk.subarray(size)
      return part
    }
    const parts: Buffer[] = []
    let missing = size
    while (missing > 0) {
      const part = await this.some(missing)
      if (part === null) break
      parts.push(part)
      missing -= part.length
    }
    return Buffer.concat(parts)
  }

  /** Lets the source free what it holds (close files, end children). */
  async close(): Promise<void> {
    await this.#source.return?.()
  }
}
