/**
 * Frames between host and guest agent. A frame is a header of 12 bytes, big-endian, and a payload:
 *
 *     type u8 · channel u8 · reserved u16 (0) · stream u32 · payload length u32
 *
 * Between frames, zero bytes are padding and skipped. A virtio-serial port tells neither side
 * reliably that the other one went and came back, so each connection begins afresh: the host sends
 * `attach` with a random nonce; the guest drops what it was sending, answers with the bare nonce and
 * then its hello. The host throws away all before its nonce. Where no answer comes, the guest may be
 * waiting for the rest of a frame of the last connection: the host then pads it out and attaches again.
 */

export const headerBytes = 12

/** Of an attach frame's nonce. */
export const nonceBytes = 16

/** Payload limits. One data frame fits the 32 KiB that the guest's kernel takes in one write. */
export const maxDataBytes = 32 * 1024 - headerBytes
export const maxControlBytes = 1024 * 1024

/** How many bytes of a stream's channel may be under way without having been credited. */
export const outputWindow = 256 * 1024
export const inputWindow = 64 * 1024

export const FrameType = {
  /** Host only: begins a connection; the payload is the nonce. */
  attach: 1,
  /** JSON, UTF-8. Stream and channel are 0. */
  control: 2,
  /** Bytes of one channel of a stream. */
  data: 3,
  /** The receiver has consumed so many bytes (u32) of a channel. */
  credit: 4,
  /** No more data on this channel; no payload. */
  end: 5,
} as const

export type FrameType = (typeof FrameType)[keyof typeof FrameType]

export const Channel = { stdin: 0, stdout: 1, stderr: 2 } as const

export type Channel = (typeof Channel)[keyof typeof Channel]

export interface FrameHeader {
  type: FrameType
  channel: Channel
  stream: number
  length: number
}

/** A peer that breaks the framing, the limits or the flow control; the connection must be closed. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** Writes a header of 12 bytes at `offset` of `target`. */
export function writeHeader(target: Uint8Array, offset: number, header: FrameHeader): void {
  const view = new DataView(target.buffer, target.byteOffset + offset, headerBytes)
  view.setUint8(0, header.type)
  view.setUint8(1, header.channel)
  view.setUint16(2, 0)
  view.setUint32(4, header.stream)
  view.setUint32(8, header.length)
}

/** One whole frame. */
export function encodeFrame(type: FrameType, stream: number, channel: Channel, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerBytes + payload.length)
  writeHeader(frame, 0, { type, channel, stream, length: payload.length })
  frame.set(payload, headerBytes)
  return frame
}

/** A credit frame for `bytes` consumed. */
export function encodeCredit(stream: number, channel: Channel, bytes: number): Uint8Array {
  const payload = new Uint8Array(4)
  new DataView(payload.buffer).setUint32(0, bytes)
  return encodeFrame(FrameType.credit, stream, channel, payload)
}

/** The bytes that a credit frame grants. */
export function decodeCredit(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(0)
}

function isChannel(value: number): value is Channel {
  return value <= 2
}

/** The frame type and the exact or largest payload length that belongs to it. */
function checkedType(type: number, length: number): FrameType {
  switch (type) {
    case FrameType.attach:
      if (length !== nonceBytes) throw new FrameError(`an attach frame of ${length} bytes`)
      return type
    case FrameType.control:
      if (length > maxControlBytes) throw new FrameError(`a control frame of ${length} bytes, over the limit of ${maxControlBytes}`)
      return type
    case FrameType.data:
      if (length > maxDataBytes || length === 0) throw new FrameError(`a data frame of ${length} bytes, not within 1 to ${maxDataBytes}`)
      return type
    case FrameType.credit:
      if (length !== 4) throw new FrameError(`a credit frame of ${length} bytes`)
      return type
    case FrameType.end:
      if (length !== 0) throw new FrameError(`an end frame of ${length} bytes`)
      return type
    default:
      throw new FrameError(`an unknown frame type ${type}`)
  }
}

/** Reads and checks a header of 12 bytes. Throws FrameError on anything outside the rules. */
export function readHeader(source: Uint8Array, offset: number): FrameHeader {
  const view = new DataView(source.buffer, source.byteOffset + offset, headerBytes)
  const channel = view.getUint8(1)
  const stream = view.getUint32(4)
  const length = view.getUint32(8)
  const type = checkedType(view.getUint8(0), length)
  if (view.getUint16(2) !== 0) throw new FrameError('a frame with reserved bits')
  if (!isChannel(channel)) throw new FrameError(`an unknown channel ${channel}`)
  const ofStream = type === FrameType.data || type === FrameType.credit || type === FrameType.end
  if (ofStream !== (stream !== 0)) throw new FrameError(`frame type ${type} with stream ${stream}`)
  return { type, channel, stream, length }
}
