import type { Assignment, HostEvent, PodReport } from '@/contracts/host/v1'
import type { PodConfiguration } from '@/domain/pod/configuration'
import { podContainers } from '@/domain/pod/spec'
import { uploadName } from '@/host/images/upload/import-upload'
import type { LedgerEntry } from '@/host/ledger/entry'
import type { PodRun } from './pod-run'
import { merge, nextStep, type Wanted } from './wanted'
import type { WorkerDependencies } from './worker-dependencies'
import { WorkerSteps } from './worker-steps'

const retryMs = 2_000

/**
 * One pod on this host. A serial loop does one step at a time ({@link nextStep}); a newer wish interrupts a start or a
 * wait, never a stop. Each step leaves an entry in the ledger from which another run of the agent goes on.
 */
export class PodWorker extends WorkerSteps {
  /** Resolves when the worker has nothing more to do: the pod is gone, or this host agent ends. */
  readonly finished: Promise<void>
  /** Resolves once it is known whether a VM that an earlier host agent started still runs; at once for every other pod. */
  readonly whenTakenUp: Promise<void>
  private takenUp = (): void => {}

  constructor(deps: WorkerDependencies, assignment: Assignment, found: LedgerEntry | null = null) {
    super(deps, assignment, found, wish(assignment))
    this.whenTakenUp = this.state.stage === 'found' ? new Promise((resolve) => (this.takenUp = resolve)) : Promise.resolve()
    this.finished = this.loop()
  }

  /** The newest assignment; an older generation and what comes after a removal is left aside. */
  assign(assignment: Assignment): void {
    this.state.assign(assignment)
    this.configuration.touch()
    if (!this.state.isStale) this.run?.configured()
    this.wish(wish(assignment))
  }

  /** Something of its host's that concerns the pod. */
  tell(type: HostEvent['type'], reason: string, message: string): void {
    this.events.tell(type, reason, message)
  }

  /** The server does not know the pod any more: as a deletion without grace. */
  remove(graceSeconds: number): void {
    this.wish({ kind: 'remove', graceSeconds })
  }

  /** Stops the VM; the ledger keeps the pod, so that the next host agent starts it again. */
  suspend(graceSeconds: number): void {
    this.wish({ kind: 'suspend', graceSeconds })
  }

  /** Ends the worker and leaves the VM running for the next host agent. */
  leave(): void {
    this.wish({ kind: 'leave' })
  }

  get isGone(): boolean {
    return this.state.stage === 'gone'
  }

  protected get upRun(): PodRun | null {
    return this.isRunning ? this.run : null
  }

  get networkId(): string {
    return this.state.running.network.id
  }

  get tenantId(): string {
    return this.state.running.tenantId
  }

  /** The images of what runs and of what is assigned: as the specs name them, uploads as the store calls them, and what the VM has. */
  get usedImages(): { references: string[]; uploads: string[]; digests: string[] } {
    const both = [this.state.running, this.state.assignment]
    return {
      references: both.flatMap(({ spec }) => podContainers(spec).map((container) => container.spec.image)),
      uploads: both.flatMap(({ tenantId, uploads = [] }) => uploads.map(({ uploadId }) => uploadName(tenantId, uploadId))),
      digests: [...this.state.images.values()].map(({ digest }) => digest),
    }
  }

  report(): PodReport {
    return this.state.report(this.wanted.kind, this.now)
  }

  /** The ConfigMaps and Secrets that the pod's spec names, as they are now. */
  configure(configuration: PodConfiguration): void {
    this.configuration.take(configuration)
    this.state.configured()
    this.run?.configured()
    this.wake.wake()
  }

  private wish(next: Wanted): void {
    const merged = merge(this.wanted, next)
    const isNew = JSON.stringify(merged) !== JSON.stringify(this.wanted)
    this.wanted = merged
    if (!isNew) return
    if (merged.kind !== 'run' || this.state.isStale) this.interrupt.abort(new Error('superseded by a newer wish'))
    this.wake.wake()
    this.deps.onChange()
  }

  private async loop(): Promise<void> {
    for (;;) {
      this.wake.clear()
      this.interrupt = new AbortController()
      const step = nextStep(this.wanted.kind, this.state.observed(this.now, this.configuration.isHere))
      if (step === 'quit') break
      try {
        await this.steps[step]()
      } catch (error) {
        // No step may end the worker: what it did not foresee is told and tried again.
        this.events.warn(error, `step "${step}" of a pod failed`)
        await this.pause(retryMs)
      }
      if (this.state.stage !== 'found') this.takenUp()
      // The containers of a VM that is up tell of themselves.
      if (step === 'start' && this.run) this.deps.onProgress()
      else this.deps.onChange()
    }
    this.takenUp()
    this.deadline.disarm()
    if (this.isGone) return
    await this.run?.leave()
    await this.endLogs()
    await this.save()
  }
}

const wish = (assignment: Assignment): Wanted => (assignment.deletion ? { kind: 'remove', graceSeconds: assignment.deletion.graceSeconds } : { kind: 'run', assignment })
