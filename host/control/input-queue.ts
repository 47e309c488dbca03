import { resizeMessage } from '@/contracts/host/v1/streams'
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

  /** Hands each frame to `take`, one after another, until the socket is closed; what the receiver does not take any more is dropped. */
  async drain(socket: StreamSocket, take: (frame: StreamFrame) => Promise<void>): Promise<void> {
    const { closing } = socket
    while (!closing.aborted) {
      const frame = this.frames.shift()
      if (frame) {
        await untilClosed(take(frame), closing)
        this.bytes -= frame.payload.length
      } else {
        socket.resume()
        await untilClosed(new Promise<void>((resolve) => (this.wake = resolve)), closing)
      }
    }
    this.frames.length = 0
  }
}

/** Settles with the work, however that ends, or at the signal; leaves nothing behind on a signal that lives for long. */
function untilClosed(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', done)
    work.then(done, done)
  })
}

/** The size in a frame of the resize channel; null for what is none. */
export function sizeOf(payload: Buffer): { columns: number; rows: number } | null {
  try {
    return resizeMessage.safeParse(JSON.parse(payload.toString('utf8'))).data ?? null
  } catch {
    return null
  }
}
