import type { Assignment } from '@/contracts/host/v1'
import type { SignalName } from '@/contracts/guest/v1/messages'
import type { Attachments } from './attachments'
import type { Clock } from './clock'
import { containerProcess, stopSignal } from './container-process'
import { creating, exited, refused, started, stopped, vmLost, type ContainerRecord } from './container-record'
import { GuestRefusal, StepError, type Guest, type GuestExit, type OutputSink, type ReadyImage } from './ports'
import { Wake } from './wake'

/** Where the containers' output goes. */
export interface PodLogPort {
  /** A new instance of the container: what was written before becomes its previous log. */
  begin(container: string): Promise<OutputSink>
  /** Goes on writing for an instance that runs. */
  resume(container: string): Promise<OutputSink>
}

export type ContainerSetInput = {
  assignment: Assignment
  guest: Guest
  records: ContainerRecord[]
  /** The image of each container, by the reference in its spec. */
  images: ReadonlyMap<string, ReadyImage>
  /** Makes the image known to the guest and gives the key by which it calls it. */
  mount: (image: ReadyImage) => Promise<string>
  logs: PodLogPort
  attachments: Attachments
  clock: Clock
  onChange: () => void
  event: (type: 'Normal' | 'Warning', reason: string, message: string) => void
}

/** The containers of a running VM: started in order, started again by the pod's restart policy, ended on request. */
export class ContainerSet {
  private readonly stopping = new AbortController()
  private readonly tasks: Promise<void>[] = []
  private readonly settled = new Wake()
  private lose: (error: unknown) => void = () => {}
  /** Rejects when the guest did not carry out what it must. */
  readonly lost: Promise<never> = new Promise((_, reject) => (this.lose = reject))

  constructor(private readonly input: ContainerSetInput) {
    this.lost.catch(() => {})
  }

  get records(): ContainerRecord[] {
    return this.input.records
  }

  /** Starts, in the order of the spec, each container that shall run; resolves when each was tried once. */
  async startAll(): Promise<void> {
    for (const [index, record] of this.records.entries()) {
      if (this.stopping.signal.aborted) return
      const present = !record.done && this.runsAlready(index, record)
      const now = this.records[index] ?? record
      if (now.done) continue
      if (present) this.keep(index, this.takeUp(index))
      else if (now.notBefore !== null && now.notBefore > this.input.clock.now()) this.keep(index, null)
      else {
        const exit = await this.start(index)
        this.keep(index, exit)
      }
    }
  }

  /** Resolves when every container has ended for good. */
  async ended(): Promise<void> {
    while (!this.records.every((record) => record.done)) {
      this.settled.clear()
      await this.settled.wait()
    }
  }

  /** No container is started any more; resolves when no start is under way. */
  async freeze(): Promise<void> {
    this.stopping.abort()
    await Promise.allSettled(this.starting ? [this.starting] : [])
  }

  /** Asks every running container to end, each by its image's signal, or KILLs them. */
  async signal(kill: boolean): Promise<void> {
    const running = this.records.filter((record) => record.status.state === 'Running')
    await Promise.allSettled(running.map((record) => this.input.guest.signalContainer(record.status.name, kill ? 'KILL' : this.signalOf(record))))
  }

  /** Resolves when no container runs; only after {@link freeze}. */
  async allStopped(): Promise<void> {
    await Promise.allSettled(this.tasks)
  }

  private starting: Promise<unknown> | null = null

  private signalOf(record: ContainerRecord): SignalName {
    const image = this.input.images.get(record.status.image)
    return image ? stopSignal(image.config) : 'TERM'
  }

  private set(index: number, record: ContainerRecord): void {
    this.records[index] = record
    this.settled.wake()
    this.input.onChange()
  }

  private keep(index: number, exit: Exit | null): void {
    const task = this.supervise(index, exit).catch((error: unknown) => {
      if (!this.stopping.signal.aborted) this.lose(error)
    })
    this.tasks.push(task)
  }

  /** Waits for the end, then does what the restart policy says, until it says done or the set is stopped. */
  private async supervise(index: number, first: Exit | null): Promise<void> {
    let exit = first
    for (;;) {
      if (exit) await this.onEnd(index, await exit.promise)
      const record = this.records[index]
      if (!record || record.done || this.stopping.signal.aborted) return
      const waitMs = (record.notBefore ?? 0) - this.input.clock.now()
      if (waitMs > 0) await this.input.clock.sleep(waitMs, this.stopping.signal)
      if (this.stopping.signal.aborted) return
      exit = await this.start(index)
    }
  }

  private async onEnd(index: number, exit: GuestExit): Promise<void> {
    const record = this.records[index]
    if (!record) return
    this.input.attachments.ended(record.status.name, { exitCode: exit.exitCode, signal: exit.signal })
    if (this.stopping.signal.aborted) return this.set(index, stopped(record, exit, 'Stopped', this.input.clock.now()))
    const next = exited(record, exit, this.input.assignment.spec.restartPolicy)
    this.set(index, next)
    this.told(next, exit.exitCode === 0)
  }

  private told(record: ContainerRecord, well: boolean): void {
    this.input.event(well ? 'Normal' : 'Warning', record.status.reason === 'CrashLoopBackOff' ? 'BackOff' : record.status.reason, record.status.message)
  }

  private start(index: number): Promise<Exit | null> {
    const start = this.tryStart(index)
    this.starting = start.catch(() => {})
    return start
  }

  private async tryStart(index: number): Promise<Exit | null> {
    const { assignment, guest, clock, logs } = this.input
    const spec = assignment.spec.containers[index]
    const record = this.records[index]
    const image = spec && this.input.images.get(spec.image)
    if (!spec || !record || !image) throw new StepError('Internal', 'A container has no image on this host.')
    this.set(index, creating(record))
    const exit = new Exit()
    try {
      const imageKey = await this.input.mount(image)
      const process = containerProcess({ pod: assignment.spec, container: spec, image: image.config, imageKey, hostname: assignment.hostname })
      if (record.starts > 0 || guest.containers.some((c) => c.container === spec.name)) await guest.removeContainer(spec.name)
      const sink = this.input.attachments.tee(spec.name, await logs.begin(spec.name))
      this.stopping.signal.throwIfAborted()
      await guest.startContainer(process, sink, exit.resolve)
    } catch (error) {
      if (this.stopping.signal.aborted) throw error
      if (!(error instanceof GuestRefusal || (error instanceof StepError && error.reason === 'NoCommand'))) throw error
      const problem = { code: error instanceof GuestRefusal ? error.code : error.reason, message: error.message }
      const next = refused(record, problem, assignment.spec.restartPolicy, clock.now())
      this.set(index, next)
      this.told(next, false)
      return null
    }
    this.set(index, started(record, image.digest, clock.now()))
    this.input.event('Normal', 'Started', `Started container "${spec.name}".`)
    return exit
  }

  /** Whether the guest has an instance whose end this host has not dealt with. A lost one is dealt with here. */
  private runsAlready(index: number, record: ContainerRecord): boolean {
    const { guest, clock, assignment } = this.input
    const known = guest.containers.find((c) => c.container === record.status.name)
    if (known && record.status.state !== 'Running' && known.exited === null) this.set(index, started(record, this.input.images.get(record.status.image)?.digest ?? '', clock.now()))
    else if (!known && record.status.state === 'Running') this.set(index, vmLost(record, 'the guest does not know it any more', assignment.spec.restartPolicy, clock.now()))
    return known !== undefined && this.records[index]?.status.state === 'Running'
  }

  /** A container that runs, or ended, since before this host agent did. */
  private takeUp(index: number): Exit {
    const name = this.records[index]?.status.name ?? ''
    const exit = new Exit()
    const sink = this.input.logs.resume(name).then((log) => this.input.attachments.tee(name, log))
    this.input.guest.attachContainer(name, { write: async (stream, bytes) => (await sink).write(stream, bytes), lost: (stream, bytes) => void sink.then((s) => s.lost(stream, bytes)) }, exit.resolve)
    return exit
  }
}

/** The end of one instance of a container. */
class Exit {
  resolve: (exit: GuestExit) => void = () => {}
  readonly promise: Promise<GuestExit> = new Promise((resolve) => (this.resolve = resolve))
}
