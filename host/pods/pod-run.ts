import type { Attachments } from './attachments'
import type { Clock } from './clock'
import type { ConfigurationFiles } from './configuration/files'
import type { ContainerSet } from './container-set'
import type { StopBound } from './lifecycle/until'
import type { Guest, Machine } from './ports'
import type { StepRecorder } from './step-recorder'

/** How a run ended by itself: its containers are done, or the VM was lost under them. */
export type RunOutcome = { kind: 'ended' } | { kind: 'lost'; cause: string }

const killedWithinMs = 3_000
const flushedWithinMs = 5_000
/** As long as a guest may write out what its volumes are still to get, at the end of its pod. */
const volumesWithinMs = 60_000

/** `over` is aborted once the VM is ended or left; `recorder` is of a VM that was just started. */
export type RunParts = { machine: Machine; guest: Guest; containers: ContainerSet; files: ConfigurationFiles; attachments: Attachments; clock: Clock; over: AbortController; recorder: StepRecorder | null; detachVolumes: (withinMs: number) => Promise<void> }

/** A pod's VM that runs, with its guest and containers. */
export class PodRun {
  readonly outcome: Promise<RunOutcome>
  /** Resolves when each container was tried once. */
  readonly begun: Promise<void>

  readonly machine: Machine
  readonly guest: Guest
  readonly containers: ContainerSet
  readonly attachments: Attachments
  private readonly clock: Clock

  constructor(private readonly parts: RunParts) {
    const { machine, guest, containers, recorder } = parts
    this.machine = machine
    this.guest = guest
    this.containers = containers
    this.attachments = parts.attachments
    this.clock = parts.clock
    const lost = (cause: string): RunOutcome => ({ kind: 'lost', cause })
    this.begun = recorder ? recorder.measure('containers', () => containers.startAll(recorder)) : containers.startAll(null)
    this.outcome = Promise.race([
      machine.exited.then(lost),
      // QEMU's own end says more than the connection that ends with it: give it a moment to be told.
      guest.closed.then(async (cause) => lost(await this.soon(machine.exited, 500, cause))),
      containers.lost.catch((error: unknown) => lost(error instanceof Error ? error.message : String(error))),
      this.begun.then(() => containers.ended()).then((): RunOutcome => ({ kind: 'ended' }), (error: unknown) => lost(error instanceof Error ? error.message : String(error))),
    ])
  }

  /**
   * Ends the containers in their order, within the bound, has the guest write out its disks and ends the VM. `reason` is
   * what the containers' ends are called. Never rejects for what the guest does: the VM is ended in any case.
   */
  async stop(bound: StopBound, reason: string): Promise<void> {
    const gone = Promise.race([this.machine.exited, this.guest.closed])
    await this.within(this.containers.freeze(), gone, killedWithinMs)
    await Promise.race([this.containers.stop(bound, reason), gone])
    await this.within(this.containers.allStopped(), gone, killedWithinMs)
    await this.end()
  }

  /** ConfigMaps, Secrets or labels have changed: the files in the pod follow. That a guest is lost is told by itself. */
  configured(): void {
    this.parts.files.write().catch(() => {})
  }

  /** Ends nothing but the supervision: another run of the agent takes the VM up. */
  async leave(): Promise<void> {
    const frozen = this.containers.freeze()
    this.parts.over.abort(new Error('the VM is left to another host agent'))
    this.attachments.lost('the host agent ends')
    this.machine.leave()
    this.guest.close()
    await frozen
  }

  /** Has the guest unmount its volumes and write out its disks, if it still can, and ends the VM. */
  private async end(): Promise<void> {
    const gone = Promise.race([this.machine.exited, this.guest.closed])
    await this.within(this.parts.detachVolumes(volumesWithinMs), gone, volumesWithinMs + flushedWithinMs)
    await this.within(this.guest.shutdown(0), gone, flushedWithinMs)
    await this.endMachine()
  }

  /** Ends the VM without asking the guest. A VM that does not end here is ended, or told of, by the undo of the start. */
  async endMachine(): Promise<void> {
    const frozen = this.containers.freeze()
    this.parts.over.abort(new Error('the VM is ended'))
    this.attachments.lost('the pod was stopped')
    this.guest.close()
    await this.machine.stop().catch(() => {})
    await frozen
  }

  /** Waits for `work`, the end of the VM or the time, whichever is first; what fails counts as done. */
  private async within(work: Promise<unknown>, gone: Promise<unknown>, ms: number): Promise<void> {
    const timer = new AbortController()
    await Promise.race([work.catch(() => {}), gone, this.clock.sleep(ms, timer.signal).catch(() => {})])
    timer.abort()
  }

  private async soon<T>(value: Promise<T>, ms: number, otherwise: T): Promise<T> {
    const timer = new AbortController()
    const result = await Promise.race([value, this.clock.sleep(ms, timer.signal).then(() => otherwise, () => otherwise)])
    timer.abort()
    return result
  }
}
