import type { BalancerLogLine } from '@/domain/load-balancer/view'
import { parseLogLine, ring, ringName } from './access-log'
import { command, connectTo, rowsOf } from './runtime'

/** Lines of processes that a reload replaced, kept for whoever asks later. */
const earlierBytes = 64 << 10
/** HAProxy sends what its ring has in one go: what comes after so long a silence is new. */
const silentMs = 60
/** Lines that wait for a slow reader; those beyond are lost to it, as they are to one that comes later. */
const waitingLines = 2_000
/** A process that was replaced is read for so long still: an open connection keeps it from its end. */
const lastWordsMs = 2_000
/** Who follows one log at a time: each has one of the connections that HAProxy has for commands. */
const mostFollowers = 20

/** The access log of one HAProxy, through its reloads: each new process has a ring of its own. */
export class LogReader {
  private earlier: string[] = []
  private readonly followers = new Set<() => void>()
  constructor(private readonly socket: () => string | null) {}

  /** Keeps what the process has logged that is about to be replaced. */
  async keep(): Promise<void> {
    this.earlier = [...this.earlier, ...(await this.ring())]
    for (let bytes = this.earlier.reduce((sum, line) => sum + line.length, 0); bytes > earlierBytes; ) bytes -= this.earlier.shift()?.length ?? 0
  }

  /** There is a process with another ring: whoever follows reads that one too. */
  another(): void {
    for (const wake of this.followers) wake()
  }

  /** The newest lines, oldest first, and with `follow` those that come until the signal. */
  async *read({ tailLines, follow }: { tailLines: number; follow: boolean }, signal: AbortSignal): AsyncGenerator<BalancerLogLine> {
    if (!follow) {
      yield* newest([...this.earlier, ...(await this.ring())], tailLines)
      return
    }
    if (this.followers.size >= mostFollowers) throw new Error(`This log is being followed by ${mostFollowers} already: close one of them, or read it without following.`)
    const waiting: string[] = []
    let wake = () => {}
    const push = (line: string) => {
      if (waiting.length < waitingLines) waiting.push(line)
      wake()
    }
    const end = () => wake()
    let gathered: string[] | null = [...this.earlier]
    const isSilent = () => {
      const tail = gathered ?? []
      gathered = null
      for (const line of tail.slice(-Math.min(tailLines, waitingLines))) if (tailLines > 0) push(line)
    }
    // What comes is new once HAProxy was silent for a moment, or a line is younger than the question.
    const asked = Date.now()
    let silence = setTimeout(isSilent, 4 * silentMs)
    const take = (line: string) => {
      if (gathered && Date.parse(parseLogLine(line)?.time ?? '') < asked) {
        gathered.push(line)
        if (gathered.length > 2 * (tailLines + 1)) gathered = gathered.slice(-(tailLines + 1))
        clearTimeout(silence)
        silence = setTimeout(isSilent, silentMs)
      } else {
        if (gathered) isSilent()
        push(line)
      }
    }
    let current = new AbortController()
    const open = () => {
      const earlier = current
      setTimeout(() => earlier.abort(), lastWordsMs).unref()
      current = new AbortController()
      void this.follow(take, AbortSignal.any([signal, current.signal]))
    }
    this.followers.add(open)
    signal.addEventListener('abort', end)
    open()
    try {
      while (!signal.aborted) {
        const line = waiting.shift()
        if (line === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
            if (waiting.length > 0 || signal.aborted) resolve()
          })
          continue
        }
        const parsed = parseLogLine(line)
        if (parsed) yield parsed
      }
    } finally {
      clearTimeout(silence)
      this.followers.delete(open)
      signal.removeEventListener('abort', end)
    }
  }

  /** Hands over all lines of the process that serves now, until it ends or the signal. */
  private async follow(take: (line: string) => void, signal: AbortSignal): Promise<void> {
    const path = this.socket()
    if (path === null) return
    const socket = await connectTo(path).catch(() => null)
    if (!socket) return
    const close = () => socket.destroy()
    signal.addEventListener('abort', close)
    socket.setTimeout(0)
    socket.on('error', close)
    socket.write(`show events ${ringName} -w\n`)
    if (signal.aborted) close()
    try {
      for await (const line of linesOf(socket)) take(line)
    } catch {
      // It ended: another process' ring is told of by `another`.
    } finally {
      signal.removeEventListener('abort', close)
      socket.destroy()
    }
  }

  private async ring(): Promise<string[]> {
    const path = this.socket()
    const said = path === null ? '' : await command(path, `show events ${ringName}`).catch(() => '')
    return rowsOf(said).filter((line) => line.startsWith('['))
  }
}

/** Ends where a line is longer than any of HAProxy's: that is none. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + chunk.toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
    if (rest.length > 2 * ring.lineBytes) return
  }
}

const newest = (lines: readonly string[], count: number): BalancerLogLine[] => {
  const parsed = (count === 0 ? [] : lines.slice(-count)).map(parseLogLine)
  return parsed.filter((line) => line !== null)
}
