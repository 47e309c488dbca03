import { streamChannel, type StreamRequest } from '@/contracts/host/v1/streams'
import type { LogQuery } from '@/host/logs/log-store'
import type { LogRecord, LogStream } from '@/host/logs/record'
import { StreamSocket } from './stream-socket'

export type LogsRequest = Extract<StreamRequest, { kind: 'logs' }>
/** Reads a container's log; throws with a message for the tenant. */
export type ReadLogs = (podUid: string, container: string | null, query: LogQuery, signal: AbortSignal) => AsyncIterable<LogRecord>

const batchBytes = 32 << 10
const lineFeed = Buffer.from('\n')

/**
 * Serves a container's log: `RFC3339 text\n` on channel 1 (stdout) and 2 (stderr). Each channel is a stream of bytes: a frame
 * holds several lines, and a line of more than 16 KiB goes over several frames.
 */
export async function serveLogs(url: string, request: LogsRequest, read: ReadLogs): Promise<void> {
  const ended = new AbortController()
  const socket = await StreamSocket.dial(url, () => {})
  void socket.closed.then(() => ended.abort())
  const batch = new Batch((stream, bytes) => socket.send(stream === 'stdout' ? streamChannel.output : streamChannel.error, bytes))
  const { podUid, container, previous, tailLines, follow, sinceTime } = request
  try {
    for await (const record of read(podUid, container, { previous, tailLines, follow, since: sinceTime }, ended.signal)) await batch.add(record)
    await batch.end()
    await socket.finish({ exitCode: null, error: null })
  } catch (error) {
    await batch.end()
    await socket.finish({ exitCode: null, error: error instanceof Error ? error.message : String(error) })
  }
}

/** Collects lines of one stream into a frame; sends it when it is large, when the stream changes, or when nothing follows at once. */
class Batch {
  private stream: LogStream = 'stdout'
  private parts: Buffer[] = []
  private bytes = 0
  private readonly inLine = { stdout: false, stderr: false }
  private timer: NodeJS.Immediate | null = null
  private sending: Promise<void> = Promise.resolve()
  constructor(private readonly send: (stream: LogStream, bytes: Buffer) => Promise<void>) {}

  async add({ time, stream, whole, text }: LogRecord): Promise<void> {
    if (stream !== this.stream) await this.flush()
    this.stream = stream
    const head = this.inLine[stream] ? [] : [Buffer.from(`${time} `)]
    this.inLine[stream] = !whole
    this.parts.push(...head, text, ...(whole ? [lineFeed] : []))
    this.bytes += text.length + 32
    if (this.bytes >= batchBytes) return this.flush()
    this.timer ??= setImmediate(() => void this.flush())
  }

  async end(): Promise<void> {
    await this.flush()
  }

  private flush(): Promise<void> {
    if (this.timer) clearImmediate(this.timer)
    this.timer = null
    const { stream, parts } = this
    this.parts = []
    this.bytes = 0
    if (parts.length > 0) this.sending = this.sending.then(() => this.send(stream, Buffer.concat(parts)))
    return this.sending
  }
}
