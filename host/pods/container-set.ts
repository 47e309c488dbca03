import { podContainers } from '@/domain/pod/spec'
import type { ContainerRecord } from './container-record'
import { ContainerLife } from './lifecycle/container-life'
import type { PodContext } from './lifecycle/context'
import { hasEnded, isInitialized } from './lifecycle/phases'
import type { StopBound } from './lifecycle/until'
import type { StepRecorder } from './step-recorder'
import { Wake } from './wake'

export type { PodLogPort } from './lifecycle/context'

/**
 * The containers of a running VM in Kubernetes' order: each init container to its success, sidecars among them until they
 * have started, then the containers; all are started again by their restart policy and ended on request.
 */
export class ContainerSet {
  private readonly stopping = new AbortController()
  private readonly settled = new Wake()
  private readonly lives: ContainerLife[]
  private reason = 'Stopped'
  private lose: (error: unknown) => void = () => {}
  /** Rejects when the guest did not carry out what it must. */
  readonly lost: Promise<never> = new Promise((_, reject) => (this.lose = reject))
  private leaveGate: () => void = () => {}
  /** Resolves when the start takes no more of the host: all containers were tried, or the first one waits or runs for long. */
  readonly isUnderWay: Promise<void> = new Promise((resolve) => (this.leaveGate = resolve))

  constructor(private readonly context: PodContext) {
    this.lost.catch(() => {})
    const onRecord = (isProgress: boolean) => {
      this.settled.wake()
      if (isProgress) context.onProgress()
      else context.onChange()
    }
    this.lives = podContainers(context.assignment.spec).map(({ spec, role }, index) => new ContainerLife(context, index, spec, role, this.stopping.signal, onRecord, () => this.reason))
  }

  get records(): ContainerRecord[] {
    return this.context.records
  }

  /** Starts what shall run, one after another; resolves when each was tried once or the pod has ended. Steps are measured where a recorder is given. */
  async startAll(recorder: StepRecorder | null): Promise<void> {
    await this.startInOrder(recorder)
    this.leaveGate()
  }

  private async startInOrder(recorder: StepRecorder | null): Promise<void> {
    const { files } = this.context
    if (!files.isEmpty) await (recorder ? recorder.measure('configuration', () => files.write()) : files.write())
    // What runs since before this host agent is taken up first: nothing of it waits for another one's start.
    const present = this.lives.map((life) => life.isPresent())
    const isAdopted = isInitialized(this.records)
    for (const [index, life] of this.lives.entries()) if (present[index]) this.keep(life, true)
    for (const [index, life] of this.lives.entries()) {
      if (this.stopping.signal.aborted || hasEnded(this.records)) return
      if (life.record.done) continue
      const step = async () => {
        if (!present[index]) this.keep(life, false)
        await Promise.race([this.turn(life, isAdopted), this.stopped])
      }
      await (recorder ? recorder.measure(`${life.role} ${life.spec.name}`.slice(0, 64), step) : step())
    }
  }

  /** Resolves when the pod has ended by itself. */
  async ended(): Promise<void> {
    while (!hasEnded(this.records)) {
      this.settled.clear()
      await this.settled.wait()
    }
  }

  /** No container is started any more; resolves when no start is under way. */
  async freeze(): Promise<void> {
    this.stopping.abort(new Error('the pod is being stopped'))
    this.leaveGate()
    await Promise.all(this.lives.map((life) => life.frozen()))
  }

  /**
   * Ends what runs: all containers side by side, then the sidecars in the reverse order, each with its preStop hook and its
   * signal, and KILLs what is left at the deadline. `reason` is what these ends are called. Only after {@link freeze}.
   */
  async stop(bound: StopBound, reason: string): Promise<void> {
    this.reason = reason
    const ends: Promise<void>[] = []
    const sidecars = this.lives.filter((life) => life.role === 'sidecar')
    for (const life of this.lives.filter((each) => each.role !== 'sidecar')) ends.push(life.end(bound))
    let before: Promise<unknown> = Promise.all(ends)
    for (const life of sidecars.toReversed()) {
      const end = life.end(bound, before)
      ends.push(end)
      before = Promise.all([before, end])
    }
    await Promise.all(ends)
  }

  /** Resolves when no container runs; only after {@link freeze}. */
  async allStopped(): Promise<void> {
    await Promise.all(this.lives.map((life) => life.over()))
  }

  private readonly stopped = new Promise<void>((resolve) => this.stopping.signal.addEventListener('abort', () => resolve(), { once: true }))

  /** Until the next container may be started. */
  private async turn(life: ContainerLife, isAdopted: boolean): Promise<void> {
    // What runs for long before the last container does must not keep other pods from their start.
    if (life.role !== 'container' || life.spec.lifecycle?.postStart) void Promise.race([life.runs, life.tried]).then(this.leaveGate)
    if (life.role === 'container' || isAdopted) return life.tried
    return life.role === 'sidecar' ? life.startedUp : life.over()
  }

  private keep(life: ContainerLife, present: boolean): void {
    life.live(present).catch((error: unknown) => {
      if (!this.stopping.signal.aborted) this.lose(error)
    })
  }
}
