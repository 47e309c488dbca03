import { streamResult, type StreamResult } from '@/contracts/host/v1/streams'

/** The messages of a host's stream; one that is destroyed while it is read ends like one that was closed. */
export async function* messagesOf(stream: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  try {
    for await (const message of stream) if (Buffer.isBuffer(message) && message.length > 0) yield message
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE')) throw error
  }
}

/** Reads a message of the result channel. */
export function parseResult(message: Buffer): StreamResult {
  try {
    return streamResult.parse(JSON.parse(message.subarray(1).toString('utf8')))
  } catch {
    return { exitCode: null, error: 'The host gave a result that cannot be read.' }
  }
}
