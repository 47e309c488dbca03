import type { LogEntry, LogLine } from './log-buffer'

const keyOf = ({ time, stream, text }: LogLine) => `${time} ${stream} ${text}`

/**
 * Drops lines that are shown already. A stream of lines that is begun again, after a break or because it was asked for
 * anew, repeats some of the last lines: the one at which it goes on, or its whole tail.
 */
export class ReplayFilter {
  private shown: string[] = []
  private repeatable = new Map<string, number>()

  /** @param tailLines how many lines a stream that is begun anew may repeat */
  constructor(private readonly tailLines: number) {}

  /** The stream begins, for the first time or again. */
  begin() {
    this.repeatable = new Map()
    for (const key of this.shown.slice(-this.tailLines)) this.repeatable.set(key, (this.repeatable.get(key) ?? 0) + 1)
  }

  /** What of the entries is new. Equal lines of one stream are all kept: only as many are dropped as had been shown. */
  take(entries: readonly LogEntry[]): LogEntry[] {
    return entries.filter((entry) => entry.kind !== 'line' || this.isNew(entry))
  }

  private isNew(line: LogLine): boolean {
    const key = keyOf(line)
    const left = this.repeatable.get(key) ?? 0
    if (left > 0) {
      this.repeatable.set(key, left - 1)
      return false
    }
    this.shown.push(key)
    // Cut now and then, not at every line.
    if (this.shown.length > 2 * this.tailLines) this.shown = this.shown.slice(-this.tailLines)
    return true
  }
}
