import { Duplex } from 'node:stream'
import { streamChannel, streamResult } from '@/contracts/host/v1/streams'
import type { HostStream, StreamBytes } from '@/server/services/host-streams'

/**
 * One TCP connection to a port of a pod as a stream of bytes, over a host's stream of messages. It has what Node's HTTP
 * client asks of a socket; those settings mean nothing here.
 */
export class Tunnel extends Duplex {
  private isReading = false

  constructor(
    private readonly host: HostStream,
    private readonly count: StreamBytes,
  ) {
    super({ allowHalfOpen: true })
    host.on('readable', () => this.pump())
    host.once('close', () => this.destroy())
  }

  setTimeout(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }

  override _read(): void {
    this.isReading = true
    this.pump()
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    // A frame without bytes would be the end.
    if (chunk.length === 0) return done()
    this.count.toPod += chunk.length
    this.host.write(Buffer.concat([Buffer.of(streamChannel.input), chunk]), (error) => done(error ?? null))
  }

  override _final(done: (error?: Error | null) => void): void {
    this.host.write(Buffer.of(streamChannel.input), () => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.host.destroy()
    done(error)
  }

  private pump(): void {
    while (this.isReading) {
      const message: unknown = this.host.read()
      if (!Buffer.isBuffer(message)) return
      if (message[0] === streamChannel.output) {
        this.count.fromPod += message.length - 1
        this.isReading = this.push(message.length > 1 ? message.subarray(1) : null)
      } else if (message[0] === streamChannel.result) return this.ended(message)
    }
  }

  private ended(message: Buffer): void {
    const error = errorOf(message)
    if (error !== null) this.destroy(new TunnelError(error))
    else if (!this.readableEnded) this.push(null)
  }
}

/** Why there is no connection to the port, for the person who asked. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError'
}

function errorOf(message: Buffer): string | null {
  try {
    return streamResult.parse(JSON.parse(message.subarray(1).toString('utf8'))).error
  } catch {
    return 'The host gave a result that cannot be read.'
  }
}
