import { Duplex } from 'node:stream'
import { streamChannel, type StreamResult } from '@/contracts/host/v1/streams'
import type { HostRequest, HostStream, HostStreams } from '@/server/services/host-streams'

/** The host's end of a stream that a use case opened. */
export type HostEnd = {
  request: HostRequest
  send(channel: number, payload: Buffer | string): void
  finish(result: StreamResult): void
  /** What came on the input channel. */
  received: Buffer[]
  inputEnded: boolean
  closed: Promise<void>
}

/** Streams whose other end is a function of the test's: what a host would do. */
export const streamsTo = (serve: (host: HostEnd) => void): HostStreams['open'] => (_hostId, request) => Promise.resolve(openTo(request, serve))

function openTo(request: HostRequest, serve: (host: HostEnd) => void): HostStream {
  let close: () => void = () => {}
  const stream: HostStream = new Duplex({
    objectMode: true,
    read() {},
    write(message: Buffer, _, done) {
      if (message[0] === streamChannel.input) {
        if (message.length === 1) host.inputEnded = true
        else host.received.push(message.subarray(1))
      }
      done()
    },
    destroy(error, done) {
      close()
      done(error)
    },
  })
  const send = (channel: number, payload: Buffer | string) => void stream.push(Buffer.concat([Buffer.of(channel), Buffer.from(payload)]))
  const host: HostEnd = {
    request,
    send,
    finish: (result) => {
      send(streamChannel.result, JSON.stringify(result))
      stream.push(null)
    },
    received: [],
    inputEnded: false,
    closed: new Promise<void>((resolve) => (close = resolve)),
  }
  setImmediate(() => serve(host))
  return stream
}
