import type { Assignment, HostEvent, PodReport } from '@/contracts/host/v1'
import type { LedgerEntry } from '@/host/ledger/entry'
import { failureBackoff, restartBackoff } from './backoff'
import { timestamp } from './clock'
import { newRecord, stopped, vmLost, type ContainerRecord } from './container-record'
import { ContainerSet, type PodLogPort } from './container-set'
import { podConditions, podReport, type PodFacts, type Problem } from './pod-report'
import { PodRun, type RunOutcome } from './pod-run'
import { ImageProblem, StepError, type GuestExec, type GuestProcess, type PodIdentity, type PullProgress, type ReadyImage } from './ports'
import { imageMounter, startMachine, undoStart, type StartPorts } from './start-machine'
import { StepRecorder } from './step-recorder'
import { Wake } from './wake'
import { merge, nextStep, type Stage, type Wanted } from './wanted'

/** What a worker needs of the rest; `ports` make and undo, the others are told. */
export type WorkerDependencies = {
  ports: StartPorts
  vmUids: { take(): number; giveBack(uid: number): void }
  logs: PodLogPort & { end(): Promise<void>; remove(): Promise<void> }
  ledger: { save(entry: LedgerEntry): Promise<void>; remove(uid: string): Promise<void> }
  onChange: () => void
  onEvent: (event: HostEvent) => void
  onPull: (reference: string, progress: PullProgress) => void
  /** For the operator: what the tenant's message does not hold. */
  log: { warn(fields: object, text: string): void; info(fields: object, text: string): void }
}

const undoRetryMs = 2_000
const adoptWithinMs = 20_000

/**
 * One pod on this host. A serial loop does one step at a time ({@link nextStep}); a newer wish interrupts a start or a
 * wait, never a stop. Each step leaves an {@link LedgerEntry} from which another run of the agent goes on.
 */
export class PodWorker {
  private wanted: Wanted
  private assignment: Assignment
  private stage: Stage = 'idle'
  private dirty = false
  private readonly wake = new Wake()
  private interrupt = new AbortController()
  private run: PodRun | null = null
  private records: ContainerRecord[]
  /** Images that are being pulled for this start. */
  private readonly pulled = new Set<string>()
  private images = new Map<string, ReadyImage>()
  private imagesReady = false
  private problem: Problem | null = null
  private leftover: string | null = null
  private notBefore: number | null = null
  private failures = 0
  private vmBackoffMs = 0
  private upSince = 0
  private conditions: PodReport['conditions'] = []
  private startMode: 'template' | 'cold' | null = null
  private startSteps: PodReport['startSteps'] = []
  private startedAt: string | null = null
  private vmRecord: unknown = null
  private readonly vmUid: number
  /** The assignment that the VM was started from. */
  private running: Assignment
  /** Resolves when the worker has nothing more to do: the pod is gone, or this host agent ends. */
  readonly finished: Promise<void>

  constructor(
    private readonly deps: WorkerDependencies,
    assignment: Assignment,
    found: LedgerEntry | null = null,
  ) {
    this.assignment = assignment
    this.running = found?.assignment ?? assignment
    this.wanted = wish(assignment)
    this.vmUid = found?.vmUid ?? deps.vmUids.take()
    this.records = found?.containers ?? assignment.spec.containers.map(newRecord)
    if (found) this.restore(found)
    this.finished = this.loop()
  }

  /** The newest assignment; an older generation and what comes after a removal is left aside. */
  assign(assignment: Assignment): void {
    if (assignment.generation >= this.assignment.generation) this.assignment = assignment
    this.wish(wish(assignment))
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
    return this.stage === 'gone'
  }

  get isRunning(): boolean {
    return this.stage === 'up'
  }

  get spec(): Assignment['spec'] {
    return this.running.spec
  }

  report(): PodReport {
    const now = timestamp(this.deps.ports.clock)
    const facts = this.facts()
    this.conditions = podConditions(facts, now)
    return podReport({ ...facts, conditions: this.conditions }, now)
  }

  /** Starts a process in a running container (null: the first). Throws {@link StepError} with what to do. */
  async exec(container: string | null, request: Omit<GuestExec, 'container'>): Promise<GuestProcess> {
    const name = container ?? this.running.spec.containers[0]?.name ?? ''
    if (!this.running.spec.containers.some((c) => c.name === name)) throw new StepError('NotFound', `The pod has no container "${name}". Choose one of: ${this.running.spec.containers.map((c) => c.name).join(', ')}.`)
    if (!this.run || this.stage !== 'up') throw new StepError('NotRunning', 'The pod does not run. Look at its state for the cause.')
    return this.run.exec({ ...request, container: name })
  }

  private restore(found: LedgerEntry): void {
    this.dirty = true
    this.stage = found.stage === 'up' ? 'found' : found.stage === 'ended' ? 'ended' : 'idle'
    this.images = new Map(found.images.map(({ wanted, image }) => [wanted, image]))
    this.imagesReady = found.images.length > 0
    this.conditions = found.conditions
    this.startMode = found.startMode
    this.startSteps = found.startSteps
    this.startedAt = found.startedAt
    this.vmBackoffMs = found.vmBackoffMs
    this.vmRecord = found.vm
    if (this.stage === 'ended') void this.deps.logs.end()
  }

  private wish(next: Wanted): void {
    const merged = merge(this.wanted, next)
    const isNew = JSON.stringify(merged) !== JSON.stringify(this.wanted)
    this.wanted = merged
    if (!isNew) return
    const unchanged = merged.kind === 'run' && !this.isStale()
    if (!unchanged) {
      this.notBefore = null
      this.failures = 0
      this.interrupt.abort(new Error('superseded by a newer wish'))
    }
    this.wake.wake()
    this.deps.onChange()
  }

  /** Whether what runs, or is being started, differs from what is assigned. */
  private isStale(): boolean {
    return whatRuns(this.assignment) !== whatRuns(this.running)
  }

  /** Whether a switch of the network was turned, which applies to a running VM. */
  private needsRefit(): boolean {
    return this.assignment.network.outbound !== this.running.network.outbound
  }

  private async loop(): Promise<void> {
    for (;;) {
      this.wake.clear()
      this.interrupt = new AbortController()
      const waiting = this.notBefore !== null && this.notBefore > this.deps.ports.clock.now()
      const step = nextStep(this.wanted.kind, { stage: this.stage, dirty: this.dirty, stale: this.isStale(), refit: this.needsRefit(), waiting })
      if (step === 'quit') break
      try {
        await this.perform(step)
      } catch (error) {
        // No step may end the worker: what it did not foresee is told and tried again.
        this.deps.log.warn({ pod: this.assignment.uid, step, err: error }, 'a step of a pod failed')
        await this.pause(undoRetryMs)
      }
      this.deps.onChange()
    }
    if (this.stage === 'gone') return
    await this.run?.leave()
    await this.deps.logs.end()
    await this.save()
  }

  private perform(step: Exclude<ReturnType<typeof nextStep>, 'quit'>): Promise<void> {
    switch (step) {
      case 'adopt':
        return this.adopt()
      case 'undo':
        return this.undo()
      case 'wait':
        return this.pause((this.notBefore ?? 0) - this.deps.ports.clock.now())
      case 'start':
        return this.start()
      case 'watch':
        return this.watch()
      case 'stop':
        return this.stop()
      case 'forget':
        return this.forget()
      case 'renew':
        return this.renew()
      case 'refit':
        return this.refit()
    }
  }

  private async start(): Promise<void> {
    const { ports } = this.deps
    if (this.isStale()) this.records = this.assignment.spec.containers.map(newRecord)
    this.running = this.assignment
    this.dirty = true
    this.notBefore = null
    this.startedAt = null
    this.imagesReady = false
    this.vmRecord = null
    const recorder = new StepRecorder(ports.clock, () => this.deps.onChange())
    this.startSteps = recorder.steps
    this.startMode = null
    void this.save()
    const progress = {
      recorder,
      pulling: (reference: string, pulled: PullProgress) => this.pulling(reference, pulled),
      imagesReady: (images: Map<string, ReadyImage>) => {
        this.images = images
        this.imagesReady = true
        for (const reference of this.pulled) this.event('Normal', 'Pulled', `Pulled image "${reference}".`)
        this.pulled.clear()
        if (this.problem?.about === 'ImagesReady') this.problem = null
      },
    }
    try {
      const up = await startMachine(ports, this.running, this.identity(), progress, this.interrupt.signal)
      this.startMode = up.machine.mode
      this.event('Normal', 'VMStarted', `Started the virtual machine ${up.machine.mode === 'template' ? 'from a template' : 'by a cold boot'}.`)
      this.vmRecord = up.machine.record
      this.begin(new PodRun(up.machine, up.guest, this.containerSet(up.guest, up.mount), ports.clock), recorder, up.leaveGate)
    } catch (error) {
      if (!this.interrupt.signal.aborted) this.startFailed(error, recorder.failed ?? 'start')
    }
  }

  private pulling(reference: string, progress: PullProgress): void {
    if (!this.pulled.has(reference)) this.event('Normal', 'Pulling', `Pulling image "${reference}".`)
    this.pulled.add(reference)
    this.deps.onPull(reference, progress)
  }

  private begin(run: PodRun, recorder: StepRecorder | null, leaveGate: () => void): void {
    this.run = run
    this.stage = 'up'
    this.upSince = this.deps.ports.clock.now()
    this.problem = null
    this.failures = 0
    void this.save()
    const begun = recorder ? recorder.measure('containers', () => run.begun) : run.begun
    begun.then(leaveGate, leaveGate)
  }

  private containerSet(guest: ConstructorParameters<typeof ContainerSet>[0]['guest'], mount: (image: ReadyImage) => Promise<string>): ContainerSet {
    return new ContainerSet({
      assignment: this.running,
      guest,
      records: this.records,
      images: this.images,
      mount,
      logs: this.deps.logs,
      clock: this.deps.ports.clock,
      onChange: () => this.containersChanged(),
      event: (type, reason, message) => this.event(type, reason, message),
    })
  }

  private containersChanged(): void {
    this.startedAt ??= this.records.find((r) => r.status.state === 'Running')?.status.startedAt ?? null
    void this.save()
    this.deps.onChange()
  }

  private startFailed(error: unknown, step: string): void {
    this.failures += 1
    const delayMs = failureBackoff(this.failures)
    this.notBefore = this.deps.ports.clock.now() + delayMs
    const again = `It is tried again in ${Math.round(delayMs / 1000)} s.`
    if (error instanceof ImageProblem) this.problem = { about: 'ImagesReady', reason: error.reason, message: `${error.message} ${again}`, waiting: true }
    else if (error instanceof StepError) this.problem = { about: 'VMReady', reason: error.reason, message: `${error.message} ${again}`, waiting: true }
    else this.problem = { about: 'VMReady', reason: 'StartFailed', message: `The host could not start the pod's virtual machine (step "${step}"). ${again} If it goes on, the operator finds the cause in the host's log.`, waiting: true }
    this.event('Warning', this.problem.about === 'ImagesReady' ? 'Failed' : this.problem.reason, this.problem.message)
    this.deps.log.warn({ pod: this.assignment.uid, step, err: error }, 'a pod could not be started')
  }

  private async adopt(): Promise<void> {
    const { ports } = this.deps
    const signal = AbortSignal.timeout(adoptWithinMs)
    let cause = 'it ended while the host agent was not running'
    try {
      const machine = await ports.machines.adopt(this.identity(), this.vmRecord)
      if (machine) {
        cause = 'its guest agent did not answer after the host agent was started again'
        const guest = await machine.connect(signal)
        if (guest.isSetUp) return this.begin(new PodRun(machine, guest, this.containerSet(guest, imageMounter(machine, guest, this.images)), ports.clock), null, () => {})
        guest.close()
      }
    } catch (error) {
      this.deps.log.warn({ pod: this.assignment.uid, err: error }, 'a VM could not be taken up')
    }
    await this.vmEnded(cause)
  }

  private async watch(): Promise<void> {
    const run = this.run
    if (!run || this.stage !== 'up') return this.wake.wait()
    const outcome = await Promise.race([run.outcome, this.wake.wait().then(() => null)])
    if (outcome) await this.onOutcome(run, outcome)
  }

  private async onOutcome(run: PodRun, outcome: RunOutcome): Promise<void> {
    this.run = null
    if (outcome.kind === 'ended') {
      await run.end()
      this.stage = 'ended'
      await this.deps.logs.end()
    } else {
      await run.endMachine()
      await this.vmEnded(outcome.cause)
    }
    await this.save()
  }

  /** The VM is not there any more, and nobody asked for that. */
  private async vmEnded(cause: string): Promise<void> {
    const { clock } = this.deps.ports
    const policy = this.running.spec.restartPolicy
    this.run = null
    this.records = this.records.map((record) => vmLost(record, cause, policy, clock.now()))
    this.event('Warning', 'VMFailed', `The pod's virtual machine ended: ${cause}.`)
    if (this.records.every((record) => record.done)) {
      this.stage = 'ended'
      await this.deps.logs.end()
      return
    }
    this.stage = 'idle'
    const { delayMs, nextMs } = restartBackoff(this.vmBackoffMs, clock.now() - this.upSince)
    this.vmBackoffMs = nextMs
    this.notBefore = clock.now() + delayMs
    this.problem = { about: 'VMReady', reason: 'VMFailed', message: `The pod's virtual machine ended: ${cause}. It is started again ${delayMs === 0 ? 'now' : `in ${Math.round(delayMs / 1000)} s`}, for the restart policy is ${policy}.`, waiting: delayMs > 0 }
  }

  private async stop(): Promise<void> {
    const run = this.run
    const { clock } = this.deps.ports
    if (run) {
      const since = clock.now()
      this.event('Normal', 'Killing', 'Stopping the containers of the pod.')
      this.deps.onChange()
      await run.stop({
        deadline: () => since + this.graceSeconds() * 1000,
        changed: () => {
          this.wake.clear()
          return this.wake.wait()
        },
      })
    }
    this.run = null
    this.records = this.records.map((record) => stopped(record, null, 'Stopped', clock.now()))
    this.stage = 'idle'
    this.notBefore = null
    if (this.wanted.kind === 'suspend') this.problem = { about: 'VMReady', reason: 'HostStopped', message: 'The agent of the host was stopped; the pod starts again with it.', waiting: false }
    await this.save()
  }

  private graceSeconds(): number {
    return this.wanted.kind === 'remove' || this.wanted.kind === 'suspend' ? this.wanted.graceSeconds : this.running.spec.terminationGracePeriodSeconds
  }

  private async undo(): Promise<void> {
    try {
      await undoStart(this.deps.ports, this.identity(), this.vmRecord)
    } catch (error) {
      this.leftover = 'The host could not yet remove all that belonged to the pod, and tries again. If it goes on, the operator finds the cause in the host\'s log.'
      this.deps.log.warn({ pod: this.assignment.uid, err: error }, 'a pod could not be cleaned up')
      this.deps.onChange()
      return this.pause(undoRetryMs)
    }
    this.leftover = null
    this.vmRecord = null
    this.dirty = false
    await this.save()
  }

  private async forget(): Promise<void> {
    await this.deps.logs.end()
    await this.deps.logs.remove()
    await this.deps.ledger.remove(this.assignment.uid)
    this.deps.vmUids.giveBack(this.vmUid)
    this.stage = 'gone'
  }

  /** A pod that had ended gets another spec. */
  private renew(): Promise<void> {
    this.records = this.assignment.spec.containers.map(newRecord)
    this.stage = 'idle'
    return this.save()
  }

  /** Repeating the attachment applies the network's switches. */
  private async refit(): Promise<void> {
    const { network } = this.assignment
    await this.deps.ports.network.attach({ ...this.identity(), network }, this.interrupt.signal)
    this.running = { ...this.running, network }
    await this.save()
  }

  /** Waits, until something newer is wanted. */
  private async pause(ms: number): Promise<void> {
    const timer = new AbortController()
    await Promise.race([this.wake.wait(), this.deps.ports.clock.sleep(ms, timer.signal).catch(() => {})])
    timer.abort()
  }

  private identity(): PodIdentity {
    const { uid, tenantId, network, size } = this.running
    return { uid, tenantId, network, size, vmUid: this.vmUid }
  }

  private event(type: HostEvent['type'], reason: string, message: string): void {
    this.deps.onEvent({ podUid: this.assignment.uid, type, reason: reason.slice(0, 128), message: message.slice(0, 4096), time: timestamp(this.deps.ports.clock) })
  }

  private facts(): PodFacts {
    const { assignment, stage, imagesReady, problem, leftover, records, conditions, startMode, startSteps, startedAt } = this
    return { assignment, stage, stopping: this.wanted.kind === 'remove', imagesReady, problem, leftover, records, conditions, startMode, startSteps, startedAt }
  }

  private save(): Promise<void> {
    const stage = this.stage === 'up' || this.stage === 'found' ? 'up' : this.stage === 'ended' ? 'ended' : this.wanted.kind === 'suspend' ? 'suspended' : 'idle'
    const { conditions, startMode, startSteps, startedAt, vmBackoffMs, vmUid } = this
    return this.deps.ledger.save({
      version: 1,
      // What runs is what another agent must find; a removal that was asked for is kept with it.
      assignment: { ...this.running, deletion: this.wanted.kind === 'remove' ? { graceSeconds: this.wanted.graceSeconds } : null },
      vmUid,
      stage,
      vm: this.vmRecord,
      images: [...this.images].map(([wanted, image]) => ({ wanted, image })),
      containers: this.records,
      conditions,
      startMode,
      startSteps: startSteps.map((step) => ({ ...step })),
      startedAt,
      vmBackoffMs,
    })
  }
}

/** What a VM is made from, for comparison: another value takes another VM. Resolvers are given at the start and stay. */
function whatRuns({ spec, size, network, hostname }: Assignment): string {
  const { id, number, cidr, gateway, address, prefixLength, mac } = network
  return JSON.stringify([spec, size, hostname, id, number, cidr, gateway, address, prefixLength, mac])
}

const wish = (assignment: Assignment): Wanted => (assignment.deletion ? { kind: 'remove', graceSeconds: assignment.deletion.graceSeconds } : { kind: 'run', assignment })
