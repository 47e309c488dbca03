import type { Change, Cursor } from './change-feed'
import { currentCursor, listenForWakes, readChanges } from './change-feed'
import type { DatabaseClient } from './database'
import { DomainError } from '@/domain/shared/errors'

type Listener = { onChanges(changes: Change[]): void; onReset(): void }

/**
 * One reader of the change feed a process; controllers, gateways and live pages hang on it. It wakes by NOTIFY and by a
 * timer, so a lost notification costs half a second and no change. `onReset` means: what you knew is void, list again.
 */
export class FeedReader {
  private readonly listeners = new Set<Listener>()
  private cursor: Cursor | null = null
  private reading = false
  private again = false
  private closed = false
  private timer: NodeJS.Timeout | undefined
  private wakes: { close(): Promise<void> } | null = null

  constructor(
    private readonly db: DatabaseClient,
    private readonly url: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  async start(): Promise<void> {
    this.cursor = await currentCursor(this.db)
    this.wakes = listenForWakes(this.url, () => this.wake())
    this.schedule(500)
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.timer)
    await this.wakes?.close()
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Reads now. Calls while a read is under way lead to one more read. */
  wake(): void {
    if (this.reading) this.again = true
    else void this.read()
  }

  private async read(): Promise<void> {
    if (this.closed || !this.cursor) return
    this.reading = true
    let behind = false
    try {
      do {
        this.again = false
        const result = await readChanges(this.db, this.cursor)
        behind = result.behind
        const last = result.changes[result.changes.length - 1]
        if (last) {
          this.cursor = last.cursor
          for (const listener of this.listeners) listener.onChanges(result.changes)
        }
      } while ((this.again || behind) && !this.closed && (await pause(behind && !this.again ? 5 : 0)))
    } catch (error) {
      if (error instanceof DomainError && error.code === 'gone') await this.reset()
      else this.onError(error)
    } finally {
      this.reading = false
      this.schedule(500)
    }
  }

  private async reset(): Promise<void> {
    this.cursor = await currentCursor(this.db).catch(() => this.cursor)
    for (const listener of this.listeners) listener.onReset()
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer)
    if (!this.closed) this.timer = setTimeout(() => this.wake(), ms)
  }
}

const pause = (ms: number) => new Promise<true>((resolve) => setTimeout(() => resolve(true), ms))
