import { StringDecoder } from 'node:string_decoder'

/** Longer lines are cut, so that a process that prints no line's end costs bounded memory and time. */
export const maxLineLength = 64 << 10

/** Splits a byte stream into lines of UTF-8; a character that is cut between two chunks stays whole. */
export class LineSplitter {
  private readonly decoder = new StringDecoder('utf8')
  private parts: string[] = []
  private length = 0

  private keep(piece: string): void {
    const room = maxLineLength - this.length
    if (room <= 0 || piece === '') return
    this.parts.push(piece.slice(0, room))
    this.length += Math.min(piece.length, room)
  }

  /** The lines that this chunk completes, without their ends. */
  *lines(chunk: Buffer): Generator<string> {
    const pieces = this.decoder.write(chunk).split('\n')
    const last = pieces.pop() ?? ''
    for (const piece of pieces) {
      this.keep(piece)
      yield this.parts.join('')
      this.parts = []
      this.length = 0
    }
    this.keep(last)
  }
}
