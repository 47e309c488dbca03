import { Duplex } from 'node:stream'
import type { ExecSession } from '@/host/guest/exec-session'

/**
 * One TCP connection into a guest as a stream. Ending it ends its sending half; it ends when the peer does. Destroying
 * it closes both halves in the guest. The guest's credit follows the reader.
 */
export class GuestTunnel extends Duplex {
  private gone = false

  constructor(private readonly session: ExecSession) {
    super({ allowHalfOpen: true, readableHighWaterMark: 64 * 1024, writableHighWaterMark: 64 * 1024 })
    const { stdout } = session
    stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause()
    })
    stdout.on('end', () => this.push(null))
    // A guest that goes away must not end the host for a tunnel that nobody listens to any more.
    this.on('error', () => {})
    session.exit.then(
      () => (this.gone = true),
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    )
  }

  override _read(): void {
    this.session.stdout.resume()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const { stdin } = this.session
    // The peer has closed: as on a socket that was closed, what is written goes nowhere.
    if (!stdin || stdin.destroyed) return callback()
    const done = () => {
      stdin.off('close', done)
      stdin.off('drain', done)
      callback()
    }
    if (stdin.write(chunk)) return callback()
    stdin.once('drain', done)
    stdin.once('close', done)
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.session.stdin?.end()
    callback()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.session.stdin?.destroy()
    this.session.stdout.destroy()
    if (!this.gone) void this.session.signal('KILL').catch(() => {})
    callback(error)
  }
}
