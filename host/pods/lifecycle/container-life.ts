import type { SignalName } from '@/contracts/guest/v1/requests'
import type { ContainerRole, ContainerSpec } from '@/domain/pod/spec'
import { allDone } from '@/host/network/serial'
import { longestWaitMs } from '../backoff'
import type { Clock } from '../clock'
import { stopSignal } from '../container-process'
import { creating, exited, found, refused, started, stopped, vmLost, waiting, type ContainerRecord, type LastWords } from '../container-record'
import { GuestRefusal, StepError, type GuestExit } from '../ports'
import type { PodContext } from './context'
import { newSink, prepareProcess, resumedSink, type NotYet } from './create-container'
import { postStart, watchInstance, type Guarded, type StatusChange } from './guard-instance'
import { Instance } from './instance'
import { lastWords, tailLines } from './last-words'
import { terminate } from './terminate'
import type { StopBound } from './until'

/**
 * One container in a running VM: started, watched by its probes, started again by its restart policy, ended on request.
 * `stopping` is aborted when the pod is stopped: nothing is started any more.
 */
export class ContainerLife {
  private readonly name: string
  private instance: Instance | null = null
  private starting: Promise<unknown> = Promise.resolve()
  private task: Promise<void> = Promise.resolve()
  private wasTried: () => void = () => {}
  private hasStarted: () => void = () => {}
  private doesRun: () => void = () => {}
  /** Resolves when its process runs for the first time, before any hook. */
  readonly runs: Promise<void> = new Promise((resolve) => (this.doesRun = resolve))
  /** Resolves when its start was tried once, its postStart hook included, or it has to wait. */
  readonly tried: Promise<void> = new Promise((resolve) => (this.wasTried = resolve))
  /** Resolves when its startup probe, where it has one, has succeeded for the first time. */
  readonly startedUp: Promise<void> = new Promise((resolve) => (this.hasStarted = resolve))

  constructor(
    private readonly context: PodContext,
    private readonly index: number,
    readonly spec: ContainerSpec,
    readonly role: ContainerRole,
    private readonly stopping: AbortSignal,
    private readonly onRecord: (isProgress: boolean) => void,
    /** What its instances' ends are called once the pod is being stopped. */
    private readonly stopReason: () => string,
  ) {
    this.name = spec.name
  }

  get record(): ContainerRecord {
    const record = this.context.records[this.index]
    if (!record) throw new Error('a container without a record')
    return record
  }

  get isRunning(): boolean {
    return this.instance !== null && !this.instance.hasEnded
  }

  /** Whether the guest has an instance whose end this host has not dealt with. A lost one is dealt with here. */
  isPresent(): boolean {
    const { guest, clock, assignment, images } = this.context
    const { record } = this
    if (record.done) return false
    const known = guest.containers.find((c) => c.container === this.name)
    if (known && record.status.state !== 'Running' && known.exited === null) this.set(started(record, images.get(this.spec.image)?.digest ?? '', clock.now(), this.waits))
    else if (!known && record.status.state === 'Running') this.set(vmLost(record, 'the guest does not know it any more', assignment.spec.restartPolicy, clock.now()))
    return known !== undefined && this.record.status.state === 'Running'
  }

  /** Begins its life; resolves when it is over for good, or stopped. Rejects when the guest did not do what it must. */
  live(present: boolean): Promise<void> {
    this.task = this.supervise(present)
    this.task.catch(() => {})
    return this.task
  }

  /** Resolves when it has ended for good or is stopped, however. */
  async over(): Promise<void> {
    await this.task.catch(() => {})
  }

  /** Resolves when no start is under way; only after `stopping`. */
  async frozen(): Promise<void> {
    this.instance?.watching.abort(new Error('the pod is being stopped'))
    await this.starting.catch(() => {})
  }

  /** Ends the instance that runs; resolves when it is gone, or when all was tried. */
  async end(bound: StopBound, turn?: Promise<unknown>): Promise<void> {
    if (this.instance && !this.instance.hasEnded) await terminate(this.context, this.spec, this.instance, this.signal, bound, turn)
  }

  private get signal(): SignalName {
    const image = this.context.images.get(this.spec.image)
    return image ? stopSignal(image.config) : 'TERM'
  }

  private get waits() {
    return { startup: this.spec.startupProbe !== undefined, readiness: this.spec.readinessProbe !== undefined }
  }

  private set(record: ContainerRecord, isProgress = false): void {
    this.context.records[this.index] = record
    this.onRecord(isProgress)
  }

  private async supervise(present: boolean): Promise<void> {
    const { clock } = this.context
    if (present) this.takeUp()
    for (;;) {
      const waitMs = this.instance ? 0 : waitOf(this.record, clock)
      if (waitMs > 0) {
        this.wasTried()
        await clock.sleep(waitMs, this.stopping).catch(() => {})
      }
      if (!this.instance) {
        if (this.stopping.aborted) return
        await this.start()
      }
      this.wasTried()
      const { instance } = this
      if (instance) {
        const exit = await instance.exit
        await this.onEnd(instance, exit)
        this.instance = null
      }
      if (this.record.done || this.stopping.aborted) return
    }
  }

  private async onEnd(instance: Instance, exit: GuestExit): Promise<void> {
    const { attachments, clock, assignment, logs } = this.context
    attachments.ended(this.name, { exitCode: exit.exitCode, signal: exit.signal })
    const words: LastWords = lastWords(this.spec, exit, await logs.tail(this.name, tailLines).catch(() => []))
    if (this.stopping.aborted) return this.set(stopped(this.record, exit, this.stopReason(), clock.now(), words))
    const next = exited(this.record, exit, assignment.spec.restartPolicy, clock.now(), words, instance.cause)
    this.set(next)
    this.told(next, exit.exitCode === 0 && !instance.cause)
  }

  private told({ status }: ContainerRecord, well: boolean): void {
    this.context.event(well ? 'Normal' : 'Warning', status.reason === 'CrashLoopBackOff' ? 'BackOff' : status.reason, status.message)
  }

  private async start(): Promise<void> {
    const { clock, images, mount, assignment, configuration, files } = this.context
    const image = images.get(this.spec.image)
    if (!image) throw new StepError('Internal', 'A container has no image on this host.')
    this.set(creating(this.record), true)
    const { record } = this
    try {
      for (;;) {
        const { key, done: mounted } = await mount(image)
        mounted.catch(() => {})
        // What came meanwhile may still be on its way into the guest, and no other change would tell.
        if (files.problem !== null) await files.write()
        const process = prepareProcess(this.context, this.spec, image, key)
        if (!('reason' in process)) {
          const launch = this.launch(record, process, mounted)
          this.starting = launch
          await launch
          break
        }
        this.notYet(process)
        await Promise.race([configuration.changed(), aborted(this.stopping)])
        if (this.stopping.aborted) return
        await files.write()
      }
    } catch (error) {
      if (this.stopping.aborted) throw error
      if (!(error instanceof GuestRefusal || (error instanceof StepError && error.reason === 'NoCommand'))) throw error
      const problem = { code: error instanceof GuestRefusal ? error.code : error.reason, message: error.message }
      const next = refused(record, problem, assignment.spec.restartPolicy, clock.now())
      this.set(next)
      this.told(next, false)
      return
    }
    this.set(started(record, image.digest, clock.now(), this.waits))
    this.context.onStarted(this.name)
    this.context.event('Normal', 'Started', `Started container "${this.name}".`)
    this.doesRun()
    const { instance } = this
    if (!instance) return
    await postStart(this.guarded(instance))
    this.watch(instance)
  }

  private async launch(record: ContainerRecord, process: Exclude<ReturnType<typeof prepareProcess>, NotYet>, mounted: Promise<void>): Promise<void> {
    const { guest } = this.context
    this.stopping.throwIfAborted()
    if (record.starts > 0 || guest.containers.some((c) => c.container === this.name)) await guest.removeContainer(this.name)
    const sink = await newSink(this.context, this.name)
    this.stopping.throwIfAborted()
    const instance = new Instance()
    // The guest takes requests in their order: no container waits here for the answer that its image is mounted. Where it is not, that is what is told.
    await allDone([mounted, guest.startContainer(process, sink, instance.resolve)])
    this.instance = instance
  }

  private notYet({ reason, message }: NotYet): void {
    const { status } = this.record
    this.wasTried()
    if (status.reason === reason && status.message === message) return
    this.set(waiting(this.record, reason, message))
    this.context.event('Warning', reason, `Container "${this.name}" waits: ${message}`)
  }

  /** A container that runs, or ended, since before this host agent did. */
  private takeUp(): void {
    const instance = new Instance()
    this.instance = instance
    this.context.guest.attachContainer(this.name, resumedSink(this.context, this.name), instance.resolve)
    this.watch(instance)
  }

  private watch(instance: Instance): void {
    if (this.record.status.started && !instance.cause) this.hasStarted()
    watchInstance(this.guarded(instance))
  }

  private guarded(instance: Instance): Guarded {
    const startedUp = () => this.hasStarted()
    const { context, spec, signal, stopping } = this
    return { context, spec, instance, signal, stopping, status: this.record.status, change: (change) => this.change(change), startedUp }
  }

  /** What a probe found; nothing where the instance has ended. */
  private change(change: StatusChange): void {
    const { status } = this.record
    if (!this.isRunning || (status.ready === change.ready && status.started === (change.started ?? status.started) && status.message === (change.message ?? status.message))) return
    this.set(found(this.record, change))
  }
}

/** What is left of its back-off. The record's time is the wall's, which may have been set back since. */
const waitOf = ({ notBefore }: ContainerRecord, clock: Clock): number => Math.min(longestWaitMs, (notBefore ?? 0) - clock.now())

const aborted = (signal: AbortSignal): Promise<void> => new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
