import { streamChannel, streamResult } from '@/contracts/host/v1/streams'
import { StreamSocket, type StreamFrame } from './stream-socket'

/** A server that sends nothing for this long has lost the stream. */
const silentMs = 60_000

/** Reads an upload's archive from a stream of its own; a slow disk slows the server down. Rejects unless all of it came. */
export async function readUpload(url: string, write: (chunk: Buffer) => Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  let work: Promise<void> = Promise.resolve()
  let failure: unknown = null
  let isWhole = false
  const fail = (error: unknown) => (failure ??= error)
  let socket: StreamSocket | null = null
  const silence = setTimeout(() => {
    fail(new Error('the server sends nothing'))
    socket?.terminate()
  }, silentMs)
  // Frames may come before the dialling is told as done.
  const onFrame = ({ channel, payload }: StreamFrame, stream: StreamSocket) => {
    silence.refresh()
    if (channel === streamChannel.output) {
      // One frame at a time: what the server sends meanwhile waits in the socket.
      stream.pause()
      work = work.then(() => write(payload)).then(() => stream.resume(), (error: unknown) => {
        fail(error)
        stream.terminate()
      })
    } else if (channel === streamChannel.result) {
      const result = streamResult.safeParse(parsed(payload))
      if (result.success && result.data.error === null) isWhole = true
      else fail(new Error(result.success ? (result.data.error ?? '') : 'the server ended the upload with something else than a result'))
    }
  }
  const abort = () => {
    fail(signal.reason)
    socket?.terminate()
  }
  signal.addEventListener('abort', abort)
  try {
    socket = await StreamSocket.dial(url, onFrame)
    if (signal.aborted) socket.terminate()
    await socket.closed
    await work
  } finally {
    clearTimeout(silence)
    signal.removeEventListener('abort', abort)
  }
  if (failure) throw failure instanceof Error ? failure : new Error('the upload was not read')
  if (!isWhole) throw new Error('the server ended the upload before all of it came')
}

function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString())
  } catch {
    return null
  }
}
