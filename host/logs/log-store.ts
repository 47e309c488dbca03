import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { OutputSink } from '@/host/pods/ports'
import { Wake } from '@/host/pods/wake'
import { ContainerLog, type LogLimits } from './container-log'
import { findStart, readRecords, tailOf, type LogCursor } from './read-log'
import { comparableTime, type LogRecord } from './record'

/** `tailLines` counts whole lines from the end; `since` is RFC 3339, inclusive. */
export type LogQuery = { previous: boolean; tailLines: number | null; since: string | null; follow: boolean }

/** The logs of all containers of this host: `<folder>/<pod uid>/<container>/`. */
export class LogStore {
  private readonly logs = new Map<string, Map<string, ContainerLog>>()
  private readonly ended = new Set<string>()
  constructor(
    private readonly folder: string,
    private readonly now: () => number = Date.now,
    private readonly limits?: LogLimits,
  ) {}

  /** The logs of one pod, as its worker writes them. */
  pod(uid: string) {
    const open = (container: string) => {
      const log = this.log(uid, container)
      log.isFinished = false
      this.ended.delete(uid)
      const sink: OutputSink = { write: (stream, bytes) => log.write(stream, bytes), lost: (stream, bytes) => void log.lost(stream, bytes) }
      return { log, sink }
    }
    const finish = () => Promise.all([...(this.logs.get(uid)?.values() ?? [])].map((log) => log.finish()))
    return {
      begin: async (container: string): Promise<OutputSink> => {
        const { log, sink } = open(container)
        await log.begin()
        return sink
      },
      resume: (container: string): Promise<OutputSink> => Promise.resolve(open(container).sink),
      /** The last lines of the newest instance, each bounded; unfinished ones too. */
      tail: async (container: string, lines: number): Promise<string[]> => {
        const log = this.log(uid, container)
        await log.flush()
        return tailOf(log.folder, lines)
      },
      /** No container of the pod writes any more: followers end. */
      end: async (): Promise<void> => {
        this.ended.add(uid)
        await finish()
      },
      remove: async (): Promise<void> => {
        await Promise.all([...(this.logs.get(uid)?.values() ?? [])].map((log) => log.leave()))
        this.logs.delete(uid)
        this.ended.delete(uid)
        await rm(join(this.folder, uid), { recursive: true, force: true })
      },
    }
  }

  /** Removes the folders of pods that are not in `keep`. */
  async reconcile(keep: ReadonlySet<string>): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.folder)) if (!keep.has(name)) await this.pod(name).remove()
  }

  /**
   * Records from disk, oldest first; with `follow` also those written later, into the container's next instances, until
   * the pod has ended or the signal. Always read from disk: a slow reader costs no memory, it may miss what was rotated away.
   */
  async *read(uid: string, container: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogRecord> {
    const log = this.log(uid, container)
    const since = query.since === null ? null : comparableTime(query.since)
    const following = query.follow && !query.previous
    const wake = new Wake()
    const stop = log.follow(wake)
    const abort = () => wake.wake()
    signal.addEventListener('abort', abort)
    try {
      let cursor: LogCursor | null = null
      for (;;) {
        wake.clear()
        const isLast = !following || log.isFinished
        cursor ??= await findStart(log.folder, query)
        for await (const record of cursor ? readRecords(log.folder, cursor, !following) : []) {
          if (signal.aborted) return
          if (since === null || record.time >= since) yield record
        }
        if (isLast || signal.aborted) return
        await wake.wait()
      }
    } finally {
      stop()
      signal.removeEventListener('abort', abort)
    }
  }

  private log(uid: string, container: string): ContainerLog {
    const logs = this.logs.get(uid) ?? new Map<string, ContainerLog>()
    this.logs.set(uid, logs)
    const log = logs.get(container) ?? new ContainerLog(join(this.folder, uid, container), this.now, this.limits)
    if (!logs.has(container)) log.isFinished = this.ended.has(uid)
    logs.set(container, log)
    return log
  }
}
