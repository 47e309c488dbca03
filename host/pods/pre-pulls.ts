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
  /** It took too long and is given up for now; what else fails the images' adapter tells. */
  onTimeout: (wanted: PrePull, message: string) => void
}

/** What one pull may take: the others wait for it, and no pod does. */
const timeoutMs = 600_000
/** After an image has gone because it was not used and room was needed: at once it would only push out another one. */
const removedWaitMs = 3_600_000

/**
 * Images that shall be here before a pod names them: pulled one at a time beside what pods wait for, tenants in turn.
 * What fails is tried again with a growing wait, as long as the server wants it.
 */
export class PrePulls {
  private wanted: readonly PrePull[] = []
  /** Digests of what is here, by id. */
  private readonly done = new Map<string, string>()
  private readonly waits = new Map<string, { failures: number; notBefore: number }>()
  /** The tenants of this list that have had a turn, the one that had the last turn last. */
  private readonly served = new Set<string>()
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
    for (const id of [...this.done.keys(), ...this.waits.keys()]) {
      if (ids.has(id)) continue
      this.done.delete(id)
      this.waits.delete(id)
    }
    const tenants = new Set(wanted.map(({ tenantId }) => tenantId))
    for (const tenantId of this.served) if (!tenants.has(tenantId)) this.served.delete(tenantId)
    if (this.current && !ids.has(this.current.id)) this.current.abort.abort()
    this.wake?.abort()
  }

  isWanted(tenantId: string, name: string): boolean {
    return this.wanted.some((one) => one.tenantId === tenantId && this.deps.nameOf(one.reference) === name)
  }

  /** An image is gone from this host: it is pulled again after a while. */
  removed(digest: string): void {
    for (const [id, done] of this.done) {
      if (done !== digest) continue
      this.done.delete(id)
      this.waits.set(id, { failures: 0, notBefore: this.deps.clock.steady() + removedWaitMs })
    }
    this.wake?.abort()
  }

  end(): void {
    this.ended = true
    this.current?.abort.abort()
    this.wake?.abort()
  }

  private async loop(): Promise<void> {
    while (!this.ended) {
      const open = this.wanted.filter(({ id }) => !this.done.has(id))
      const next = this.next(open)
      if (next) await this.pull(next)
      else await this.pause(open)
    }
  }

  private notBefore({ id }: PrePull): number {
    return this.waits.get(id)?.notBefore ?? 0
  }

  /** Of what is due: of the tenant whose last turn is the longest ago what waits the longest, first what was never tried. */
  private next(open: readonly PrePull[]): PrePull | undefined {
    const turns = new Map([...this.served].map((tenantId, turn) => [tenantId, turn]))
    const turn = ({ tenantId }: PrePull) => turns.get(tenantId) ?? -1
    return open.filter((one) => this.notBefore(one) <= this.deps.clock.steady()).sort((a, b) => turn(a) - turn(b) || this.notBefore(a) - this.notBefore(b))[0]
  }

  private async pull(wanted: PrePull): Promise<void> {
    const { id, reference, tenantId, pullSecrets, upload } = wanted
    const abort = new AbortController()
    const over = new AbortController()
    let isLate = false
    this.current = { id, abort }
    this.served.delete(tenantId)
    this.served.add(tenantId)
    this.deps.clock.sleep(timeoutMs, over.signal).then(
      () => {
        isLate = true
        abort.abort()
      },
      () => {},
    )
    try {
      // What is here already is not asked for again: a newer tag is what Always of a pod is for.
      const { digest } = await this.deps.images.ensure(reference, { tenantId, policy: 'IfNotPresent', pullSecrets, upload: upload ?? undefined, inBackground: true, signal: abort.signal, onProgress: (progress) => this.deps.onProgress(wanted, progress) })
      this.done.set(id, digest)
    } catch {
      // The images' adapter has told what failed.
      const failures = (this.waits.get(id)?.failures ?? 0) + 1
      if (isLate) this.deps.onTimeout(wanted, `The image was not here within ${timeoutMs / 60_000} minutes, which is what a pull ahead of pods may take. It is tried again; a pod that names it pulls it without this bound.`)
      if (isLate || !abort.signal.aborted) this.waits.set(id, { failures, notBefore: this.deps.clock.steady() + failureBackoff(failures) })
    } finally {
      over.abort()
      this.current = null
    }
  }

  /** Until the list changes, or what failed is due. */
  private async pause(open: readonly PrePull[]): Promise<void> {
    const wake = new AbortController()
    this.wake = wake
    const dueMs = Math.min(...open.map((one) => this.notBefore(one) - this.deps.clock.steady()))
    const woken = new Promise<void>((resolve) => wake.signal.addEventListener('abort', () => resolve()))
    if (Number.isFinite(dueMs)) await Promise.race([woken, this.deps.clock.sleep(Math.max(0, dueMs), wake.signal).catch(() => {})])
    else await woken
    wake.abort()
  }
}
