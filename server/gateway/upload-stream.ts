import { createReadStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { streamChannel } from '@/contracts/host/v1/streams'
import type { HostStream } from '@/server/services/host-streams'

const frameBytes = 256 << 10
const output = Buffer.of(streamChannel.output)
const whole = Buffer.concat([Buffer.of(streamChannel.result), Buffer.from(JSON.stringify({ exitCode: 0, error: null }))])

/** Sends an upload's archive on channel 1 and then a result. Without one the host knows that it did not get all. */
export async function sendUpload(stream: HostStream, path: string): Promise<void> {
  const frames = new Transform({
    writableObjectMode: false,
    readableObjectMode: true,
    readableHighWaterMark: 4,
    transform: (chunk: Buffer, _encoding, done) => done(null, Buffer.concat([output, chunk])),
    flush: (done) => done(null, whole),
  })
  // What the host sends is nothing but the end.
  stream.resume()
  await pipeline(createReadStream(path, { highWaterMark: frameBytes }), frames, stream)
}
