import { once } from 'node:events'
import type { WebSocket } from 'ws'
import { streamResult, type StreamResult } from '@/contracts/host/v1/streams'

/** The other end, as the server has it. */
export class Browser {
  readonly output: Record<number, Buffer[]> = { 1: [], 2: [] }
  result: StreamResult | null = null
  readonly closed: Promise<unknown>
  constructor(readonly socket: WebSocket) {
    this.closed = once(socket, 'close')
    socket.on('message', (data: Buffer) => {
      const channel = data[0] ?? 0
      if (channel === 3) this.result = streamResult.parse(JSON.parse(data.subarray(1).toString()))
      else this.output[channel]?.push(data.subarray(1))
    })
  }
  send(channel: number, text: string): void {
    this.socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)]))
  }
  bytes(channel: number): number {
    return (this.output[channel] ?? []).reduce((sum, part) => sum + part.length, 0)
  }
  text(channel: number): string {
    return Buffer.concat(this.output[channel] ?? []).toString()
  }
}
