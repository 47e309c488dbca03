import { inputWindow } from '@/contracts/guest/v1/frame'
import { results } from '@/contracts/guest/v1/answers'
import type { ExecExited } from '@/contracts/guest/v1/messages'
import type { Method } from '@/contracts/guest/v1/requests'
import { GuestConnectionError, GuestRequestError } from '@/host/guest/errors'
import { ExecSession } from '@/host/guest/exec-session'
import type { Requests } from '@/host/guest/requests'
import type { ProcessStreams, StreamTable } from '@/host/guest/stream-table'

/** Streams of containers and sessions at once: a guest that never ends any must not fill the host's memory. */
const maxStreams = 512

/** A session that is to be begun. `oneOutput`: all that it says is on stdout. */
export type SessionStart = { method: Method; stdin: boolean; oneOutput: boolean; start: (stream: number) => Promise<{ pid: number }> }

/** The commands, copies and tunnels of one connection: each has a stream of its own in the guest, and ends with the connection. */
export class ExecSessions {
  private readonly all = new Map<number, ExecSession>()
  /** Those that were killed and not ended yet. */
  private readonly doomed = new Set<number>()

  constructor(
    private readonly streams: StreamTable,
    private readonly requests: Requests,
    private readonly times: { requestTimeoutMs: number; killedWithinMs: number },
  ) {}

  /** Begins a session; resolves once it runs. Throws GuestRequestError where the guest refuses or as many are open as can be. */
  async begin({ method, stdin, oneOutput, start }: SessionStart): Promise<ExecSession> {
    if (this.streams.size >= maxStreams) throw new GuestRequestError(method, 'Unavailable', 'the pod has as many commands, copies and connections open as it can; end some of them first', '')
    const streams = this.streams.open({ stdinFree: stdin ? inputWindow : null, terminal: oneOutput })
    const { stream } = streams
    const { requestTimeoutMs } = this.times
    const session = new ExecSession(streams, {
      resize: (size) => this.requests.send('resize', { stream, ...size }, results.resize, requestTimeoutMs),
      signal: (signal) => {
        if (signal === 'KILL') this.forgetLater(streams)
        return this.requests.send('signalExec', { stream, signal }, results.signalExec, requestTimeoutMs)
      },
    })
    this.all.set(stream, session)
    try {
      session.pid = (await start(stream)).pid
      return session
    } catch (error) {
      this.all.delete(stream)
      this.streams.drop(streams)
      throw error
    }
  }

  /** The guest told the end of one; false where there is no such session. */
  ended(message: ExecExited): boolean {
    const session = this.all.get(message.stream)
    if (!session) return false
    this.all.delete(message.stream)
    this.streams.closeAfterOutput(message.stream)
    session.ended(message)
    return true
  }

  /** The connection is lost. */
  failAll(error: Error): void {
    for (const session of this.all.values()) session.fail(error)
    this.all.clear()
  }

  /** A guest that does not end what was killed keeps nothing of the host's for it; what it says of it later is ignored. */
  private forgetLater(streams: ProcessStreams): void {
    const { stream } = streams
    if (!this.streams.has(stream) || this.doomed.has(stream)) return
    this.doomed.add(stream)
    const forget = () => {
      this.doomed.delete(stream)
      if (!this.streams.has(stream)) return
      this.all.get(stream)?.fail(new GuestConnectionError('the guest did not end what was killed in time'))
      this.all.delete(stream)
      this.streams.drop(streams)
    }
    setTimeout(forget, this.times.killedWithinMs).unref()
  }
}
