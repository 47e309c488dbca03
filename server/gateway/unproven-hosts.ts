import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'

/** What a challenge and a hello need, several times over. A report, which may be large, comes after them. */
const maxBytes = 64 << 10
const maxOfAddress = 64
const maxSockets = 512

export type UnprovenLimits = { maxOfAddress: number; maxSockets: number }
type Unproven = { socket: WebSocket; address: string; prove(): void }

/**
 * Hosts' sockets that have not said hello yet. Anybody may open one, so together they hold little: each is ended after
 * 64 KiB, counted as they arrive since an unfinished message is held too; and where there are too many, of one address or
 * in all, the oldest goes. A host says its hello at once: only who waits is ended by others.
 */
export class UnprovenHosts {
  private readonly all = new Map<WebSocket, Unproven>()

  constructor(private readonly limits: UnprovenLimits = { maxOfAddress, maxSockets }) {}

  get size(): number {
    return this.all.size
  }

  /** @param raw the connection below the WebSocket, whose bytes are counted */
  add(socket: WebSocket, raw: Duplex, address: string): void {
    const ofAddress = [...this.all.values()].filter((each) => each.address === address)
    if (ofAddress.length >= this.limits.maxOfAddress) this.end(ofAddress[0])
    else if (this.all.size >= this.limits.maxSockets) this.end(this.all.values().next().value)
    let bytes = 0
    const count = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) this.end(this.all.get(socket))
    }
    const prove = () => {
      this.all.delete(socket)
      raw.off('data', count)
    }
    this.all.set(socket, { socket, address, prove })
    // Before the WebSocket's own listener, which would hold these bytes first.
    raw.prependListener('data', count)
    socket.once('close', prove)
  }

  /** The host has said hello: it is known, and its messages may be large. */
  prove(socket: WebSocket): void {
    this.all.get(socket)?.prove()
  }

  private end(unproven: Unproven | undefined): void {
    unproven?.prove()
    unproven?.socket.terminate()
  }
}
