export type LogStream = 'stdout' | 'stderr'

/** One record of a log: a line, or a part of one (`whole` false) that the next record of its stream goes on with. */
export type LogRecord = { time: string; stream: LogStream; whole: boolean; text: Buffer }

/** Longer lines are split, as the kubelet's runtimes do. */
export const maxLineBytes = 16 * 1024

/** A time and a counter of nanoseconds, so that records of one millisecond stay in order. RFC 3339 with nanoseconds. */
export const nanoTime = (ms: number, nanoseconds: number): string => nanoTimeOf(milliTime(ms), nanoseconds)

/** A time up to its milliseconds, for {@link nanoTimeOf}: made once for the many records of one millisecond. */
export const milliTime = (ms: number): string => new Date(ms).toISOString().slice(0, -1)

export const nanoTimeOf = (milliseconds: string, nanoseconds: number): string => `${milliseconds}${String(nanoseconds % 1_000_000).padStart(6, '0')}Z`

/** A time of a query as records have it, so that both compare as texts; null where it is none. */
export function comparableTime(text: string): string | null {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) return null
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? ''
  return `${new Date(ms).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`
}

/** Kubernetes' CRI log format, a line a record: `time stream F|P text`. One buffer for all: short lines come by the million. */
export function encodeRecords(records: readonly LogRecord[]): Buffer {
  const heads = records.map((record) => `${record.time} ${record.stream} ${record.whole ? 'F' : 'P'} `)
  const bytes = Buffer.allocUnsafe(records.reduce((sum, { text }, i) => sum + (heads[i]?.length ?? 0) + text.length + 1, 0))
  let at = 0
  for (const [i, { text }] of records.entries()) {
    at += bytes.write(heads[i] ?? '', at, 'latin1')
    at += text.copy(bytes, at)
    at = bytes.writeUInt8(0x0a, at)
  }
  return bytes
}

const head = /^(\S{20,40}) (stdout|stderr) ([FP]) $/

/** One line of a log file without its line feed, or null where it is none of ours (a write that a crash cut off). */
export function decodeRecord(line: Buffer): LogRecord | null {
  let end = -1
  for (let spaces = 0; spaces < 3; spaces += 1) {
    end = line.indexOf(0x20, end + 1)
    if (end < 0) return null
  }
  const match = head.exec(line.subarray(0, end + 1).toString('latin1'))
  if (!match?.[1]) return null
  return { time: match[1], stream: match[2] === 'stderr' ? 'stderr' : 'stdout', whole: match[3] === 'F', text: line.subarray(end + 1) }
}

/** The bytes in pieces of at most so many lines; one piece where there are no more. */
export function* linesApart(bytes: Uint8Array, lines: number): Generator<Uint8Array> {
  let from = 0
  let seen = 0
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    seen += 1
    if (seen < lines) continue
    yield bytes.subarray(from, at + 1)
    from = at + 1
    seen = 0
  }
  if (from < bytes.length) yield bytes.subarray(from)
}

/** Cuts the bytes of one stream into records; holds at most one unfinished part of {@link maxLineBytes}. */
export class LineSplitter {
  private rest = Buffer.alloc(0)
  constructor(private readonly stream: LogStream) {}

  /** Records that are complete with these bytes. `time` is asked for each. */
  push(bytes: Uint8Array, time: () => string): LogRecord[] {
    const records: LogRecord[] = []
    let data = Buffer.concat([this.rest, bytes])
    for (;;) {
      const at = data.indexOf(0x0a)
      if (at >= 0 && at <= maxLineBytes) {
        records.push({ time: time(), stream: this.stream, whole: true, text: data.subarray(0, at) })
        data = data.subarray(at + 1)
      } else if (data.length > maxLineBytes) {
        records.push({ time: time(), stream: this.stream, whole: false, text: data.subarray(0, maxLineBytes) })
        data = data.subarray(maxLineBytes)
      } else break
    }
    this.rest = Buffer.from(data)
    return records
  }

  /** What came without a line feed at the end. */
  end(time: () => string): LogRecord[] {
    if (this.rest.length === 0) return []
    const text = this.rest
    this.rest = Buffer.alloc(0)
    return [{ time: time(), stream: this.stream, whole: true, text }]
  }
}
