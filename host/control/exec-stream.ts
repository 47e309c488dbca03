import { streamChannel, type StreamRequest, type StreamResult } from '@/contracts/host/v1/streams'
import type { GuestExec, GuestProcess } from '@/host/pods/ports'
import { unlessAbandoned } from './abandoned'
import { InputQueue, sizeOf } from './input-queue'
import { StreamSocket, type StreamFrame } from './stream-socket'

export type ExecRequest = Extract<StreamRequest, { kind: 'exec' }>
/** Starts a process in a container of a pod; throws with a message for the tenant. */
export type StartExec = (podUid: string, container: string | null, request: Omit<GuestExec, 'container'>) => Promise<GuestProcess>

/** Serves a terminal or a one-off command: input and sizes to the process, output and result back. Either end ends the other. */
export async function serveExec(url: string, request: ExecRequest, start: StartExec): Promise<void> {
  const frames = new InputQueue()
  const socket = await StreamSocket.dial(url, (frame, stream) => frames.push(frame, stream))
  const channels = { stdout: streamChannel.output, stderr: streamChannel.error }
  let process: GuestProcess
  try {
    process = await start(request.podUid, request.container, {
      args: request.command,
      stdin: request.stdin,
      terminal: request.tty ? { columns: request.columns, rows: request.rows } : null,
      onOutput: (stream, bytes) => socket.send(channels[stream], bytes),
    })
  } catch (error) {
    return socket.finish({ exitCode: null, error: error instanceof Error ? error.message : String(error) })
  }
  void socket.closed.then(() => process.kill('KILL').catch(() => {}))
  void frames.drain(socket, (frame) => take(frame, process))
  const end = await unlessAbandoned(result(process, request.timeoutSeconds), socket)
  if (end) await socket.finish(end)
}

async function result(process: GuestProcess, timeoutSeconds: number | null): Promise<StreamResult> {
  const exited = process.exited.then(
    ({ exitCode }): StreamResult => ({ exitCode, error: null }),
    (error: unknown): StreamResult => ({ exitCode: null, error: `The connection to the pod was lost: ${error instanceof Error ? error.message : String(error)}` }),
  )
  if (timeoutSeconds === null) return exited
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<StreamResult>((resolve) => {
    timer = setTimeout(() => {
      void process.kill('KILL').catch(() => {})
      resolve({ exitCode: null, error: `The command did not end within ${timeoutSeconds} s and was killed. Give it more time with timeoutSeconds.` })
    }, timeoutSeconds * 1000)
  })
  const first = await Promise.race([exited, late])
  clearTimeout(timer)
  return first
}

async function take({ channel, payload }: StreamFrame, process: GuestProcess): Promise<void> {
  if (channel === streamChannel.input) {
    if (payload.length === 0) process.endInput()
    else await process.write(payload)
  } else if (channel === streamChannel.resize) {
    const size = sizeOf(payload)
    if (size) await process.resize(size.columns, size.rows)
  }
}
