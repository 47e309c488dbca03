import { resizeMessage } from '@/contracts/host/v1'
import type { StreamFrame, StreamSocket } from './stream-socket'

/** What may wait here before the socket is paused. Bytes. */
const highWater = 256 << 10

/** Frames in their order, the socket paused while more wait than a bound. */
export class InputQueue {
  private readonly frames: StreamFrame[] = []
  private bytes = 0
  private wake: () => void = () => {}

  push(frame: StreamFrame, socket: StreamSocket): void {
    this.frames.push(frame)
    this.bytes += frame.payload.length
    if (this.bytes > highWater) socket.pause()
    this.wake()
  }

  /** Hands each frame to `take`, one after another; what the receiver does not take any more is dropped. */
  async drain(take: (frame: StreamFrame) => Promise<void>, onEmpty: () => void): Promise<never> {
    for (;;) {
      const frame = this.frames.shift()
      if (frame) {
        await take(frame).catch(() => {})
        this.bytes -= frame.payload.length
      } else {
        onEmpty()
        await new Promise<void>((resolve) => (this.wake = resolve))
      }
    }
  }
}

/** The size in a frame of the resize channel; null for what is none. */
export function sizeOf(payload: Buffer): { columns: number; rows: number } | null {
  try {
    return resizeMessage.safeParse(JSON.parse(payload.toString('utf8'))).data ?? null
  } catch {
    return null
  }
}
