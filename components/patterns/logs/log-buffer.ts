/** A line as the host sends it; a gap where lines were lost. */
export type LogLine = { time: string; stream: 'stdout' | 'stderr'; text: string }
export type LogEntry = (LogLine & { kind: 'line' }) | { kind: 'gap'; time: string; text: string }

const keep = 50_000

/** The lines that the viewer holds: the newest 50,000. What falls off the front is marked, never hidden. */
export class LogBuffer {
  private entries: readonly LogEntry[]
  private waiting: LogEntry[] = []
  private dropped = 0
  private frame = 0
  private readonly listeners = new Set<() => void>()

  constructor(initial: readonly LogEntry[] = []) {
    this.entries = initial
  }

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener)
    return () => { this.listeners.delete(listener) }
  }

  readonly snapshot = (): readonly LogEntry[] => this.entries

  /** Takes lines; the page hears of them once a frame, however many come. */
  append(entries: readonly LogEntry[]) {
    this.waiting.push(...entries)
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.flush() })
  }

  private flush() {
    const all = [...(this.dropped > 0 ? this.entries.slice(1) : this.entries), ...this.waiting]
    this.waiting = []
    const over = Math.max(0, all.length - keep)
    this.dropped += over
    const kept = over > 0 ? all.slice(over) : all
    const first = kept[0]
    this.entries = this.dropped > 0 && first ? [{ kind: 'gap', time: first.time, text: `${this.dropped.toLocaleString('en')} earlier lines are no longer shown here. Download the log to read them.` }, ...kept] : kept
    this.tell()
  }

  private tell() {
    for (const listener of this.listeners) listener()
  }
}
