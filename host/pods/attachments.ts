import type { Clock } from './clock'
import { StepError, type GuestExec, type OutputSink } from './ports'

/** How an attached container ended. */
export type AttachedEnd = { exitCode: number | null; signal: number | null }
export type Attachment = { exited: Promise<AttachedEnd>; detach: () => void }

type Listener = { onOutput: GuestExec['onOutput']; resolve: (end: AttachedEnd) => void; reject: (error: Error) => void }

/** Who takes nothing for so long is detached: a reader that went away must not stop the container for ever. */
const takenWithinMs = 5_000

/** Who listens to the output of which container, beside its log. What is written is first in the log. */
export class Attachments {
  private readonly listeners = new Map<string, Set<Listener>>()
  constructor(private readonly clock: Clock) {}

  /** The container's output goes to its log and to all who are attached; a listener that is slow slows the container down. */
  tee(container: string, log: OutputSink): OutputSink {
    return {
      write: async (stream, bytes) => {
        await log.write(stream, bytes)
        const all = this.listeners.get(container)
        if (all?.size) await Promise.all([...all].map((listener) => this.hand(container, listener, stream, bytes)))
      },
      lost: (stream, bytes) => log.lost(stream, bytes),
    }
  }

  add(container: string, onOutput: GuestExec['onOutput']): Attachment {
    let listener: Listener | undefined
    const exited = new Promise<AttachedEnd>((resolve, reject) => (listener = { onOutput, resolve, reject }))
    exited.catch(() => {})
    const all = this.listeners.get(container) ?? new Set()
    this.listeners.set(container, all)
    if (listener) all.add(listener)
    return { exited, detach: () => listener && this.remove(container, listener) }
  }

  /** This instance of the container has ended, after all of its output. */
  ended(container: string, end: AttachedEnd): void {
    for (const listener of this.listeners.get(container) ?? []) listener.resolve(end)
    this.listeners.delete(container)
  }

  /** The machine is gone, or is left to another host agent. */
  lost(cause: string): void {
    for (const all of this.listeners.values()) for (const listener of all) listener.reject(new StepError('NotRunning', `The connection to the container was lost: ${cause}.`))
    this.listeners.clear()
  }

  private remove(container: string, listener: Listener): void {
    this.listeners.get(container)?.delete(listener)
  }

  private async hand(container: string, listener: Listener, stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
    const timer = new AbortController()
    const late = this.clock.sleep(takenWithinMs, timer.signal).then(() => true, () => false)
    try {
      const isLate = await Promise.race([listener.onOutput(stream, bytes).then(() => false), late])
      if (!isLate) return
      listener.reject(new StepError('TooSlow', 'The output was not taken in time, so the connection to the container was ended. Attach again.'))
    } catch (error) {
      listener.reject(error instanceof Error ? error : new Error(String(error)))
    } finally {
      timer.abort()
    }
    this.remove(container, listener)
  }
}
