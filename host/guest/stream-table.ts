import { Channel, decodeCredit, encodeCredit, encodeFrame, FrameError, FrameType, inputWindow, type FrameHeader } from '@/contracts/guest/v1/frame'
import { InputStream } from '@/host/guest/input-stream'
import { OutputStream } from '@/host/guest/output-stream'

export interface ProcessStreams {
  stream: number
  stdout: OutputStream
  /** With a terminal it ends at once, for all output is on stdout. */
  stderr: OutputStream
  /** Undefined for a process without input. */
  stdin: InputStream | undefined
}

const nothing = new Uint8Array(0)
/** Frames for streams that are gone are normal for a moment, not for ever; so is a second end, or credit of nothing. */
const maxStrayFrames = 10_000

/** The streams of one connection: routes frames to them; only the host makes new ones. */
export class StreamTable {
  private readonly all = new Map<number, ProcessStreams>()
  private next = 1
  private stray = 0

  constructor(private readonly write: (frame: Uint8Array) => void) {}

  /** Makes the streams of a process that is to be started; `stdinFree` null is no input. */
  open(options: { stdinFree: number | null; terminal: boolean; stream?: number; lost?: { stdout: number; stderr: number } }): ProcessStreams {
    const stream = options.stream ?? this.next
    this.next = Math.max(this.next, stream + 1)
    const output = (channel: Channel, lost: number) => new OutputStream((bytes) => this.write(encodeCredit(stream, channel, bytes)), lost)
    const streams: ProcessStreams = {
      stream,
      stdout: output(Channel.stdout, options.lost?.stdout ?? 0),
      stderr: output(Channel.stderr, options.lost?.stderr ?? 0),
      stdin: options.stdinFree === null ? undefined : this.input(stream, options.stdinFree),
    }
    if (options.terminal) streams.stderr.end()
    this.all.set(stream, streams)
    return streams
  }

  private input(stream: number, free: number): InputStream {
    const data = (bytes: Uint8Array) => this.write(encodeFrame(FrameType.data, stream, Channel.stdin, bytes))
    const end = () => this.write(encodeFrame(FrameType.end, stream, Channel.stdin, nothing))
    return new InputStream(data, end, free, inputWindow)
  }

  get size(): number {
    return this.all.size
  }

  has(stream: number): boolean {
    return this.all.has(stream)
  }

  /** Forgets streams whose process is gone; frames for them are ignored from now on. */
  drop(streams: ProcessStreams): void {
    this.all.delete(streams.stream)
    streams.stdin?.destroy()
    streams.stdout.end()
    streams.stderr.end()
  }

  /** Forgets streams once both outputs have ended. */
  closeAfterOutput(stream: number): void {
    const streams = this.all.get(stream)
    if (!streams) return
    const forget = () => {
      if (streams.stdout.isEnded && streams.stderr.isEnded) this.all.delete(stream)
    }
    streams.stdout.onEnd(forget)
    streams.stderr.onEnd(forget)
  }

  /** Routes a data, credit or end frame. Throws FrameError on what no honest guest sends. */
  accept(header: FrameHeader, payload: Uint8Array): void {
    const streams = this.all.get(header.stream)
    if (!streams) return this.countStray()
    if (header.channel === Channel.stdin) {
      if (header.type !== FrameType.credit) throw new FrameError('input from the guest')
      const bytes = decodeCredit(payload)
      if (bytes === 0 || !streams.stdin) return this.countStray()
      return streams.stdin.grant(bytes)
    }
    const output = header.channel === Channel.stdout ? streams.stdout : streams.stderr
    if (header.type === FrameType.data) output.accept(payload)
    else if (header.type === FrameType.end) {
      if (output.isEnded) this.countStray()
      output.end()
    } else throw new FrameError('credit for an output')
  }

  /** What says nothing is ignored, as long as it is not all that comes. */
  private countStray(): void {
    this.stray += 1
    if (this.stray > maxStrayFrames) throw new FrameError('too many frames that say nothing, or for streams that do not exist')
  }

  /** The connection is gone. */
  failAll(error: Error): void {
    for (const { stdin, stdout, stderr } of this.all.values()) {
      stdin?.destroy(error)
      stdout.fail(error)
      stderr.fail(error)
    }
    this.all.clear()
  }
}
