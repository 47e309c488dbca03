import type { ExecExited } from '@/contracts/guest/v1/messages'
import type { SignalName } from '@/contracts/guest/v1/requests'
import type { InputStream } from '@/host/guest/input-stream'
import type { OutputStream } from '@/host/guest/output-stream'
import type { ProcessStreams } from '@/host/guest/stream-table'

export interface ExecExit {
  /** 128 + signal where a signal ended it. */
  exitCode: number
  signal: number | null
}

/** What a session asks of its guest. */
export interface SessionRequests {
  resize(size: { columns: number; rows: number }): Promise<unknown>
  signal(signal: SignalName): Promise<unknown>
}

/** One command that runs in a container. It ends with its connection. */
export class ExecSession {
  pid = 0
  readonly stream: number
  readonly stdin: InputStream | undefined
  /** Must be read to its end, as stderr, for the command to go on. */
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** How the command ended; its outputs may end a moment later. Rejects when the connection is lost. */
  readonly exit: Promise<ExecExit>
  private settle: { resolve: (exit: ExecExit) => void; reject: (error: Error) => void } | undefined

  constructor(
    streams: ProcessStreams,
    private readonly requests: SessionRequests,
  ) {
    this.stream = streams.stream
    this.stdin = streams.stdin
    this.stdout = streams.stdout
    this.stderr = streams.stderr
    this.exit = new Promise((resolve, reject) => (this.settle = { resolve, reject }))
    // A caller that only reads the outputs hears of a lost connection there.
    this.exit.catch(() => {})
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.requests.resize({ columns, rows })
  }

  async signal(signal: SignalName): Promise<void> {
    await this.requests.signal(signal)
  }

  /** For the client: the guest told the end. */
  ended({ exitCode, signal }: ExecExited): void {
    this.stdin?.destroy()
    this.settle?.resolve({ exitCode, signal })
  }

  /** For the client: the connection is lost. */
  fail(error: Error): void {
    this.settle?.reject(error)
  }
}
