import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Channel, encodeCredit, encodeFrame, FrameError, FrameType, headerBytes, maxControlBytes, maxDataBytes, type FrameHeader } from './frame'
import { FrameDecoder } from './frame-decoder'

interface Seen {
  header: FrameHeader
  payload: string
}

function decode(chunks: Uint8Array[]): Seen[] {
  const seen: Seen[] = []
  const decoder = new FrameDecoder((header, payload) => seen.push({ header, payload: Buffer.from(payload).toString('hex') }))
  for (const chunk of chunks) decoder.push(chunk)
  return seen
}

function cut(bytes: Uint8Array, at: number[]): Uint8Array[] {
  const points = [0, ...at.map((point) => point % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return points.slice(1).map((point, index) => bytes.subarray(points[index], point))
}

const frames = [
  encodeFrame(FrameType.attach, 0, Channel.stdin, new Uint8Array(16).fill(9)),
  encodeFrame(FrameType.control, 0, Channel.stdin, Buffer.from('{"id":1}')),
  encodeFrame(FrameType.data, 7, Channel.stderr, Buffer.alloc(300, 1)),
  encodeCredit(7, Channel.stdout, 0xffff_fffe),
  encodeFrame(FrameType.end, 0xffff_ffff, Channel.stdout, new Uint8Array(0)),
]

describe('frames', () => {
  it('come out whole, however the bytes are cut and padded', () => {
    const whole = decode([Buffer.concat(frames)])
    expect(whole.map(({ header }) => header.type)).toEqual([1, 2, 3, 4, 5])
    expect(whole[3]?.payload).toBe('fffffffe')
    fc.assert(
      fc.property(fc.array(fc.nat(2000), { maxLength: 30 }), fc.array(fc.nat(40), { minLength: 5, maxLength: 5 }), (points, gaps) => {
        const bytes = Buffer.concat(frames.flatMap((frame, index) => [Buffer.alloc(gaps[index] ?? 0), frame]))
        expect(decode(cut(bytes, points))).toEqual(whole)
      }),
    )
  })

  it('are refused over a limit before their payload is awaited', () => {
    const header = (type: number, length: number, stream = 1, channel = 0, reserved = 0) => {
      const bytes = Buffer.alloc(headerBytes)
      bytes.writeUInt8(type, 0)
      bytes.writeUInt8(channel, 1)
      bytes.writeUInt16BE(reserved, 2)
      bytes.writeUInt32BE(stream, 4)
      bytes.writeUInt32BE(length, 8)
      return bytes
    }
    const refused = [
      header(FrameType.data, maxDataBytes + 1),
      header(FrameType.data, 0),
      header(FrameType.data, 0xffff_ffff),
      header(FrameType.data, 1, 0),
      header(FrameType.control, maxControlBytes + 1, 0),
      header(FrameType.control, 2, 1),
      header(FrameType.credit, 5),
      header(FrameType.end, 1),
      header(FrameType.attach, 17, 0),
      header(FrameType.data, 1, 1, 3),
      header(FrameType.data, 1, 1, 1, 1),
      header(6, 0),
      header(255, 0),
    ]
    for (const bytes of refused) expect(() => decode([bytes]), bytes.toString('hex')).toThrow(FrameError)
  })

  it('of random bytes end in a FrameError or in silence, nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        try {
          decode(chunks)
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
        }
      }),
    )
  })

  it('begin afresh after a reset', () => {
    const seen: number[] = []
    const decoder = new FrameDecoder((header) => seen.push(header.type))
    decoder.push(Buffer.concat(frames).subarray(0, 100))
    decoder.reset()
    decoder.push(frames[3] ?? new Uint8Array(0))
    expect(seen).toEqual([1, 2, 4])
  })
})
