import { streamChannel, type StreamRequest, type StreamResult } from '@/contracts/host/v1/streams'
import type { GuestArchive, GuestProcess } from '@/host/pods/ports'
import { unlessAbandoned } from './abandoned'
import { InputQueue } from './input-queue'
import { lostPod, refusal } from './stream-failure'
import { StreamSocket, type StreamFrame } from './stream-socket'

export type CopyRequest = Extract<StreamRequest, { kind: 'copy' }>
/** Begins a copy of a container's files; throws with a message for the tenant. */
export type StartArchive = (podUid: string, container: string | null, request: Omit<GuestArchive, 'container'>) => Promise<GuestProcess>

/** What is kept of the messages of a copy, for its result. Bytes. */
const maxMessage = 2048

/**
 * Serves a tar stream out of a container or into it. The reader's pace is the guest's. Who goes away before the end has
 * the copy killed: an upload that broke off never counts as one that ended.
 */
export async function serveCopy(url: string, request: CopyRequest, start: StartArchive): Promise<void> {
  const frames = new InputQueue()
  const socket = await StreamSocket.dial(url, (frame, stream) => frames.push(frame, stream))
  const { direction, path } = request
  const messages = new Messages()
  let process: GuestProcess
  try {
    process = await start(request.podUid, request.container, {
      direction,
      path,
      onOutput: (stream, bytes) => (stream === 'stdout' ? socket.send(streamChannel.output, bytes) : messages.add(bytes)),
    })
  } catch (error) {
    return socket.finish(refusal(direction === 'out' ? `"${path}" cannot be read` : `Nothing can be written to "${path}"`, error, 'Check the path.'))
  }
  void socket.closed.then(() => process.kill('KILL').catch(() => {}))
  void frames.drain(socket, (frame) => take(frame, process))
  const end = await unlessAbandoned(result(process, request, messages), socket)
  if (end) await socket.finish(end)
}

async function result(process: GuestProcess, { direction, path }: CopyRequest, messages: Messages): Promise<StreamResult> {
  try {
    const { exitCode, signal } = await process.exited
    if (exitCode === 0) return { exitCode, error: null }
    const cause = messages.text || (signal === null ? `the copy ended with code ${exitCode}` : `the copy was ended by signal ${signal}`)
    return { exitCode, error: direction === 'out' ? `Not all of "${path}" could be read: ${cause}` : `Not all could be written to "${path}": ${cause}` }
  } catch (error) {
    return lostPod(error)
  }
}

async function take({ channel, payload }: StreamFrame, process: GuestProcess): Promise<void> {
  if (channel !== streamChannel.input) return
  if (payload.length === 0) process.endInput()
  else await process.write(payload)
}

/** The first words of a stream of messages; the rest is dropped. */
class Messages {
  private kept = Buffer.alloc(0)

  add(bytes: Uint8Array): Promise<void> {
    const room = maxMessage - this.kept.length
    if (room > 0) this.kept = Buffer.concat([this.kept, bytes.subarray(0, room)])
    return Promise.resolve()
  }

  get text(): string {
    return this.kept.toString('utf8').trim()
  }
}
