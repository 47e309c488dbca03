import type { WebSocket } from 'ws'
import type { FeedReader } from '@/server/store/feed-reader'

/**
 * Open sockets of people by the credential that opened them. A revocation comes through the change feed and closes them
 * within a second; `recheck` closes those whose credential has expired since.
 */
export class LiveSockets {
  private readonly sockets = new Map<WebSocket, { credentialId: string; recheck(): Promise<boolean> }>()
  private readonly timer: NodeJS.Timeout
  private readonly unsubscribe: () => void

  constructor(feed: FeedReader, recheckMs = 30_000) {
    this.unsubscribe = feed.subscribe({
      onChanges: (changes) => {
        for (const change of changes) if (change.kind === 'Revocation') this.closeCredential(change.uid)
      },
      onReset: () => void this.recheckAll(),
    })
    this.timer = setInterval(() => void this.recheckAll(), recheckMs)
  }

  get size(): number {
    return this.sockets.size
  }

  add(socket: WebSocket, credentialId: string, recheck: () => Promise<boolean>): void {
    this.sockets.set(socket, { credentialId, recheck })
    socket.once('close', () => this.sockets.delete(socket))
    // A revocation between the upgrade's own check and this line came through the feed before the socket was known.
    void this.recheckOne(socket, recheck)
  }

  close(): void {
    clearInterval(this.timer)
    this.unsubscribe()
    for (const socket of this.sockets.keys()) socket.close(1001, 'the server stops')
  }

  private closeCredential(credentialId: string): void {
    for (const [socket, of] of this.sockets) if (of.credentialId === credentialId) endSocket(socket)
  }

  private async recheckAll(): Promise<void> {
    for (const [socket, { recheck }] of this.sockets) await this.recheckOne(socket, recheck)
  }

  private async recheckOne(socket: WebSocket, recheck: () => Promise<boolean>): Promise<void> {
    if (!(await recheck().catch(() => true))) endSocket(socket)
  }
}

/** Says why, and does not wait for a peer that does not answer. */
function endSocket(socket: WebSocket): void {
  socket.close(4401, 'signed out')
  setTimeout(() => socket.terminate(), 1000).unref()
}
