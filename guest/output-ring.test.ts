import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OutputRing } from '@/guest/output-ring'

const capacity = 10_000

/** A ring beside a plain array that says what it should hold. */
class Model {
  readonly ring = new OutputRing(capacity)
  readonly all: number[] = []
  start = 0
  sent = 0
  next = 0

  write(length: number): void {
    for (let left = length; left > 0; ) {
      const room = this.ring.writable()
      const piece = Math.min(left, room.length)
      if (piece === 0) return expect(this.ring.isFull).toBe(true)
      for (let index = 0; index < piece; index += 1) {
        this.next = (this.next * 31 + 7) % 251
        room.buffer[room.offset + index] = this.next
        this.all.push(this.next)
      }
      this.ring.commit(piece)
      left -= piece
    }
  }

  take(limit: number): void {
    const target = new Uint8Array(limit + 3)
    const taken = this.ring.take(target, 3, limit)
    expect(taken).toBe(Math.min(limit, this.all.length - this.sent))
    expect([...target.subarray(3, 3 + taken)]).toEqual(this.all.slice(this.sent, this.sent + taken))
    this.sent += taken
  }

  credit(length: number): void {
    const valid = length <= this.sent - this.start
    expect(this.ring.credit(length)).toBe(valid)
    if (valid) this.start += length
  }

  drop(length: number): void {
    this.ring.dropOldest(length)
    this.start = Math.min(this.start + length, this.all.length)
    this.sent = Math.max(this.sent, this.start)
  }

  rewind(): void {
    this.ring.rewind()
    this.sent = this.start
  }
}

describe('the output ring', () => {
  it('hands out what was written, in order, through growth, wrap, credit, loss and rewind', () => {
    const step = fc.tuple(fc.constantFrom('write', 'take', 'credit', 'drop', 'rewind'), fc.nat(6000))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = new Model()
        for (const [action, amount] of steps) {
          if (action === 'write') model.write(amount)
          else if (action === 'take') model.take(amount)
          else if (action === 'credit') model.credit(amount % (model.sent - model.start + 1))
          else if (action === 'drop') model.drop(amount)
          else model.rewind()
          expect(model.ring.start).toBe(model.start)
          expect(model.ring.unsent).toBe(model.all.length - model.sent)
        }
        model.take(capacity)
      }),
    )
  })

  it('refuses credit for bytes that were not sent, and tells what was lost', () => {
    const model = new Model()
    model.write(100)
    model.take(60)
    model.credit(61)
    model.credit(50)
    expect(model.ring.acknowledged).toBe(50)
    model.drop(30)
    expect(model.ring.start - model.ring.acknowledged).toBe(30)
  })
})
