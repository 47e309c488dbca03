import type { Assignment } from '@/contracts/host/v1'
import { persistentVolumes } from '@/domain/pod/persistent-volumes'
import type { LedgerEntry } from '@/host/ledger/entry'
import { adoptMachine } from './adopt-machine'
import { Configuration } from './configuration/configuration'
import { momentOf, type Moment } from './clock'
import { PodDeadline } from './deadline'
import type { StopBound } from './lifecycle/until'
import { makeRun } from './make-run'
import { PodEvents } from './pod-events'
import type { PodRun, RunOutcome } from './pod-run'
import { PodState } from './pod-state'
import { GuestRefusal, StepError, type Guest, type Machine, type MountImage, type PullProgress, type ReadyImage } from './ports'
import { Reach } from './reach'
import { imageMounter, startMachine, undoStart } from './start-machine'
import { StepRecorder } from './step-recorder'
import { Wake } from './wake'
import type { WorkerDependencies } from './worker-dependencies'
import { graceSecondsOf, type Step, type Wanted } from './wanted'

const retryMs = 2_000
const notCleaned = "The host could not yet remove all that belonged to the pod, and tries again. If it goes on, the operator finds the cause in the host's log."

/** What a pod's worker does in each of its steps, one at a time: start, adopt, watch, stop, undo. */
export abstract class WorkerSteps extends Reach {
  protected readonly state: PodState
  protected readonly wake = new Wake()
  protected interrupt = new AbortController()
  protected run: PodRun | null = null
  protected readonly events: PodEvents
  private isForgotten = false
  protected readonly configuration: Configuration
  protected readonly deadline: PodDeadline

  constructor(
    protected readonly deps: WorkerDependencies,
    assignment: Assignment,
    found: LedgerEntry | null,
    protected wanted: Wanted,
  ) {
    super()
    this.events = new PodEvents(assignment.uid, deps, deps.ports.clock)
    this.state = new PodState(assignment, found?.vmUid ?? deps.vmUids.take(), found, this.now, deps.machineBoot)
    this.configuration = new Configuration(() => this.state.assignment, deps.hostName ?? '', deps.configuration ?? null)
    this.deadline = new PodDeadline(deps.ports.clock)
    this.armDeadline()
    if (this.state.stage === 'ended') void this.endLogs()
  }

  get spec(): Assignment['spec'] {
    return this.state.running.spec
  }

  get isRunning(): boolean {
    return this.state.stage === 'up'
  }

  protected get standsStill(): string | null {
    return this.deps.ports.volumes?.pausedBecause(this.state.identity.uid) ?? null
  }

  protected get now(): Moment {
    return momentOf(this.deps.ports.clock)
  }

  protected readonly steps: Record<Exclude<Step, 'quit'>, () => Promise<void>> = {
    adopt: () => this.adopt(),
    undo: () => this.undo(),
    wait: () => this.pause(this.state.waitMs(this.now)),
    start: () => this.start(),
    watch: () => this.watch(),
    stop: () => this.stop(),
    forget: () => this.forget(),
    refit: () => this.refit(),
    renew: () => {
      this.state.renew(this.now)
      this.armDeadline()
      return this.save()
    },
    configure: () => {
      this.state.unconfigured()
      this.deps.onChange()
      return this.wake.wait()
    },
    attach: () => {
      this.waits('The pod waits for its volumes: not all of them are free for it yet. The condition VolumesAvailable says why. It starts by itself once they are.')
      return this.wake.wait()
    },
    conclude: async () => {
      this.state.conclude(this.now)
      await this.deps.logs.end()
      await this.save()
    },
  }

  private readonly waits = (reason: string): void => {
    this.state.waitsForVolumes(reason)
    this.deps.onChange()
  }

  private async start(): Promise<void> {
    const { state } = this
    const { ports } = this.deps
    const recorder = new StepRecorder(ports.clock, this.deps.onProgress)
    const isAnother = state.isStale
    state.beginStart(recorder.steps, this.now)
    if (isAnother) this.armDeadline()
    void this.save()
    const progress = {
      recorder,
      pullSecrets: this.configuration.pullSecrets,
      volumes: { names: persistentVolumes(state.running.spec).map(({ name }) => name), assigned: () => state.assignment.volumes ?? [] },
      waits: this.waits,
      pulling: (reference: string, pulled: PullProgress) => this.events.pulled(reference, pulled),
      imagesReady: (images: Map<string, ReadyImage>) => {
        state.imagesFound(images)
        this.events.imagesReady()
      },
    }
    try {
      const up = await startMachine(ports, state.running, state.identity, progress, this.interrupt.signal)
      state.startMode = up.machine.mode
      state.vmRecord = up.machine.record
      this.events.tell('Normal', 'VMStarted', `Started the virtual machine ${up.machine.mode === 'template' ? 'from a template' : 'by a cold boot'}.`)
      this.begin(this.makeRun(up.machine, up.guest, up.mount, recorder), up.leaveGate)
    } catch (error) {
      if (this.interrupt.signal.aborted) return
      const step = recorder.failed ?? 'start'
      const disk = await this.diskProblem(error)
      if (this.interrupt.signal.aborted) return
      const { about, reason, message } = state.startFailed(disk ?? error, step, this.now)
      this.events.tell('Warning', about === 'ImagesReady' ? 'Failed' : reason, message)
      this.events.warn(error, `a pod could not be started (step "${step}")`)
    }
  }

  /** The host's disk may be the cause of what failed, whichever program of a step it was. */
  private async diskProblem(error: unknown): Promise<StepError | null> {
    if (error instanceof StepError || error instanceof GuestRefusal) return null
    const problem = await this.deps.ports.disk?.problem().catch(() => null)
    return problem ? new StepError(problem.reason, `${problem.found} ${problem.action}`, { cause: error }) : null
  }

  private begin(run: PodRun, leaveGate: () => void): void {
    this.run = run
    this.state.up(this.now)
    void this.save()
    Promise.race([run.containers.isUnderWay, run.begun]).then(leaveGate, leaveGate)
  }

  private makeRun(machine: Machine, guest: Guest, mount: MountImage, recorder: StepRecorder | null): PodRun {
    const { running: assignment, records, images } = this.state
    const { logs, ports: { clock, volumes } } = this.deps
    const changed = (tell: () => void) => () => {
      this.state.containersChanged()
      void this.save()
      tell()
    }
    const { onChange, onProgress } = this.deps
    const evict = (message: string) => this.fail('Evicted', message)
    return makeRun({ machine, guest, assignment, records, images, mount, configuration: this.configuration, logs, clock, recorder, onChange: changed(onChange), onProgress: changed(onProgress), event: this.events.tell, evict, volumes })
  }

  /** Ends the pod for good, in whatever state it is. */
  private fail(reason: string, message: string): void {
    if (this.wanted.kind !== 'run' || !this.state.fail({ reason, message })) return
    this.events.tell('Warning', reason, message)
    this.interrupt.abort(new Error(reason))
    this.wake.wake()
    this.deps.onChange()
  }

  protected armDeadline(): void {
    this.deadline.arm(this.state.assignment.spec.activeDeadlineSeconds, this.state.accepted.steady, (message) => this.fail('DeadlineExceeded', message))
  }

  private async adopt(): Promise<void> {
    const { state, deps: { ports } } = this
    const found = await adoptMachine(ports, state.identity, state.vmRecord, this.interrupt.signal)
    if ('machine' in found) return this.begin(this.makeRun(found.machine, found.guest, imageMounter(found.machine, found.guest, state.images), null), () => {})
    if (found.error !== null) this.events.warn(found.error, 'a VM could not be taken up')
    await this.vmEnded(found.cause)
  }

  private async watch(): Promise<void> {
    const { run } = this
    if (!run || !this.isRunning) return this.wake.wait()
    const outcome = await Promise.race([run.outcome, this.wake.wait().then(() => null)])
    if (outcome) await this.onOutcome(run, outcome)
  }

  private async onOutcome(run: PodRun, outcome: RunOutcome): Promise<void> {
    this.run = null
    if (outcome.kind === 'ended') {
      // Sidecars are ended after the containers have; there is nothing else to end.
      await run.stop(this.stopBound(), 'Completed')
      this.state.stage = 'ended'
      await this.deps.logs.end()
      return this.save()
    }
    await run.endMachine()
    this.events.warn(new Error(outcome.cause), 'a VM ended')
    // QEMU's own words come after the colon; they may name what is the host's.
    await this.vmEnded(outcome.cause.split(': ', 1)[0] ?? '')
  }

  private async vmEnded(cause: string): Promise<void> {
    this.state.vmEnded(cause, this.now)
    this.events.tell('Warning', 'VMFailed', `The pod's virtual machine ended: ${cause}.`)
    if (this.state.stage === 'ended') await this.deps.logs.end()
    await this.save()
  }

  private async stop(): Promise<void> {
    this.events.tell('Normal', 'Killing', 'Stopping the containers of the pod.')
    this.deps.onChange()
    const suspended = this.wanted.kind === 'suspend'
    await this.run?.stop(this.stopBound(), this.state.failure?.reason ?? (suspended ? 'HostStopped' : 'Stopped'))
    this.run = null
    this.state.stopped(suspended, this.now)
    if (this.state.stage === 'ended') await this.deps.logs.end()
    await this.save()
  }

  /** The pod's grace from now on, which a removal may shorten. */
  private stopBound(): StopBound {
    const since = this.now.steady
    const changed = () => {
      this.wake.clear()
      return this.wake.wait()
    }
    return { deadline: () => since + graceSecondsOf(this.wanted, this.state.failure?.reason === 'Evicted', this.spec) * 1000, changed }
  }

  private async undo(): Promise<void> {
    try {
      await undoStart(this.deps.ports, this.state.identity, this.state.vmRecord)
    } catch (error) {
      this.state.leftover = notCleaned
      this.events.warn(error, 'a pod could not be cleaned up')
      this.deps.onChange()
      return this.pause(retryMs)
    }
    this.state.undone()
    await this.save()
  }

  private async forget(): Promise<void> {
    this.isForgotten = true
    await this.deps.logs.remove()
    await this.deps.ledger.remove(this.state.assignment.uid)
    this.deps.vmUids.giveBack(this.state.vmUid)
    this.state.stage = 'gone'
  }

  /** Applies the network's switches to what runs, which is watched meanwhile. */
  private async refit(): Promise<void> {
    const { run, interrupt } = this
    if (!run) return this.attachAgain(interrupt.signal)
    const applied = this.attachAgain(interrupt.signal).catch((error: unknown) => {
      if (interrupt.signal.aborted) return
      this.events.warn(error, 'step "refit" of a pod failed')
      return this.pause(retryMs)
    })
    const outcome = await Promise.race([run.outcome, applied.then(() => null)])
    if (!outcome) return
    interrupt.abort(new Error('the virtual machine ended'))
    await this.onOutcome(run, outcome)
  }

  /** Repeating the attachment applies the network's switches. */
  private async attachAgain(signal: AbortSignal): Promise<void> {
    const { network } = this.state.assignment
    const { ready } = await this.deps.ports.network.attach({ ...this.state.identity, network }, signal)
    await ready
    signal.throwIfAborted()
    this.state.running = { ...this.state.running, network }
    await this.save()
  }

  /** Waits, until something newer is wanted. */
  protected async pause(ms: number): Promise<void> {
    const timer = new AbortController()
    await Promise.race([this.wake.wait(), this.deps.ports.clock.sleep(ms, timer.signal).catch(() => {})])
    timer.abort()
  }

  /** Where no step would try it again. */
  protected async endLogs(): Promise<void> {
    await this.deps.logs.end().catch((error: unknown) => this.events.warn(error, "a pod's log could not be ended"))
  }

  protected save(): Promise<void> {
    return this.isForgotten ? Promise.resolve() : this.deps.ledger.save(this.state.entry(this.wanted))
  }
}
