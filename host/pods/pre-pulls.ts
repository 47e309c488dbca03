import type { PrePull } from '@/contracts/host/v1'
import { failureBackoff } from './backoff'
import type { Clock } from './clock'
import type { ImagePort } from './ports'

export type PrePullDependencies = {
  images: ImagePort
  clock: Clock
  /** A reference in full. */
  nameOf: (reference: string) => string
  onProgress: (wanted: PrePull, progress: { bytesDone: number; bytesTotal: number }) => void
}

/**
 * Images that shall be here before a pod names them: pulled one at a time, after what pods wait for. What fails is tried
 * again with a growing wait, as long as the server wants it.
 */
export class PrePulls {
  private wanted: readonly PrePull[] = []
  private readonly done = new Set<string>()
  private readonly failures = new Map<string, { count: number; notBefore: number }>()
  private current: { id: string; abort: AbortController } | null = null
  private wake: AbortController | null = null
  private ended = false
  readonly finished: Promise<void>

  constructor(private readonly deps: PrePullDependencies) {
    this.finished = this.loop()
  }

  /** Carries out the complete list. */
  apply(wanted: readonly PrePull[]): void {
    this.wanted = wanted
    const ids = new Set(wanted.map(({ id }) => id))
    for (const id of [...this.done, ...this.failures.keys()]) {
      if (ids.has(id)) continue
      this.done.delete(id)
      this.failures.delete(id)
    }
    if (this.current && !ids.has(this.current.id)) this.current.abort.abort()
    this.wake?.abort()
  }

  isWanted(tenantId: string, name: string): boolean {
    return this.wanted.some((one) => one.tenantId === tenantId && this.deps.nameOf(one.reference) === name)
  }

  end(): void {
    this.ended = true
    this.current?.abort.abort()
    this.wake?.abort()
  }

  private async loop(): Promise<void> {
    while (!this.ended) {
      const open = this.wanted.filter(({ id }) => !this.done.has(id))
      const due = open.find(({ id }) => (this.failures.get(id)?.notBefore ?? 0) <= this.deps.clock.now())
      if (due) await this.pull(due)
      else await this.pause(open)
    }
  }

  private async pull(wanted: PrePull): Promise<void> {
    const { id, reference, tenantId, pullSecrets, upload } = wanted
    const abort = new AbortController()
    this.current = { id, abort }
    try {
      // What is here already is not asked for again: a newer tag is what Always of a pod is for.
      await this.deps.images.ensure(reference, { tenantId, policy: 'IfNotPresent', pullSecrets, upload: upload ?? undefined, inBackground: true, signal: abort.signal, onProgress: (progress) => this.deps.onProgress(wanted, progress) })
      this.done.add(id)
    } catch {
      // The images' adapter has told what failed.
      const count = (this.failures.get(id)?.count ?? 0) + 1
      if (!abort.signal.aborted) this.failures.set(id, { count, notBefore: this.deps.clock.now() + failureBackoff(count) })
    } finally {
      this.current = null
    }
  }

  /** Until the list changes, or what failed is due. */
  private async pause(open: readonly PrePull[]): Promise<void> {
    const wake = new AbortController()
    this.wake = wake
    const dueMs = Math.min(...open.map(({ id }) => (this.failures.get(id)?.notBefore ?? 0) - this.deps.clock.now()))
    const woken = new Promise<void>((resolve) => wake.signal.addEventListener('abort', () => resolve()))
    if (Number.isFinite(dueMs)) await Promise.race([woken, this.deps.clock.sleep(Math.max(0, dueMs), wake.signal).catch(() => {})])
    else await woken
    wake.abort()
  }
}
