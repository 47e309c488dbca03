/** A whole line, or why the sender is to be left. */
export type Line = Buffer | 'too long' | 'too many values'

const [lineFeed, comma, openList, openObject] = [0x0a, 0x2c, 0x5b, 0x7b]
const firstBytes = 4096
const none = Buffer.alloc(0)

/** Cuts the bytes of a monitor into lines. Holds at most one line of the given length, and twice that in memory, however small its pieces are. */
export class LineReader {
  /** A line that has begun. */
  private begun = none
  private bytes = 0

  constructor(
    private readonly maxBytes: number,
    private readonly maxValues: number,
  ) {}

  /** The lines that are complete with these bytes, without their ends. After a text there is no use in going on. */
  *push(chunk: Buffer): Generator<Line> {
    let from = 0
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      const piece = chunk.subarray(from, end)
      from = end + 1
      if (this.bytes + piece.length > this.maxBytes) {
        this.forget()
        yield 'too long'
      } else yield this.checked(this.bytes === 0 ? piece : this.whole(piece))
    }
    const rest = chunk.subarray(from)
    if (this.bytes + rest.length > this.maxBytes) {
      this.forget()
      yield 'too long'
    } else this.keep(rest)
  }

  /** Gives its memory back. */
  forget(): void {
    this.begun = none
    this.bytes = 0
  }

  private keep(piece: Buffer): void {
    const bytes = this.bytes + piece.length
    if (bytes > this.begun.length) {
      const larger = Buffer.allocUnsafe(Math.max(firstBytes, bytes, Math.min(2 * this.begun.length, this.maxBytes)))
      this.begun.copy(larger, 0, 0, this.bytes)
      this.begun = larger
    }
    piece.copy(this.begun, this.bytes)
    this.bytes = bytes
  }

  private whole(end: Buffer): Buffer {
    this.keep(end)
    const line = this.begun.subarray(0, this.bytes)
    this.forget()
    return line
  }

  private checked(line: Buffer): Line {
    return this.values(line) > this.maxValues ? 'too many values' : line
  }

  /** At most how many values are in a line of JSON; those within texts are counted too. */
  private values(line: Buffer): number {
    if (line.length <= this.maxValues) return 0
    let values = 0
    for (const byte of line) if (byte === comma || byte === openList || byte === openObject) values += 1
    return values
  }
}
