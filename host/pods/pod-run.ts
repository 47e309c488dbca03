import type { Attachments } from './attachments'
import type { Clock } from './clock'
import type { ContainerSet } from './container-set'
import type { Guest, Machine } from './ports'

/** How a run ended by itself: its containers are done, or the VM was lost under them. */
export type RunOutcome = { kind: 'ended' } | { kind: 'lost'; cause: string }

/** When a stop must be over, and a promise that resolves when that has changed. */
export type StopBound = { deadline: () => number; changed: () => Promise<void> }

const killedWithinMs = 3_000
const flushedWithinMs = 5_000

/** A pod's VM that runs, with its guest and containers. */
export class PodRun {
  readonly outcome: Promise<RunOutcome>
  /** Resolves when each container was tried once. */
  readonly begun: Promise<void>

  constructor(
    readonly machine: Machine,
    readonly guest: Guest,
    readonly containers: ContainerSet,
    private readonly clock: Clock,
    readonly attachments: Attachments,
  ) {
    const lost = (cause: string): RunOutcome => ({ kind: 'lost', cause })
    this.begun = containers.startAll()
    this.outcome = Promise.race([
      machine.exited.then(lost),
      // QEMU's own end says more than the connection that ends with it: give it a moment to be told.
      guest.closed.then(async (cause) => lost(await this.soon(machine.exited, 500, cause))),
      containers.lost.catch((error: unknown) => lost(error instanceof Error ? error.message : String(error))),
      this.begun.then(() => containers.ended()).then((): RunOutcome => ({ kind: 'ended' }), (error: unknown) => lost(error instanceof Error ? error.message : String(error))),
    ])
  }

  /**
   * Asks the containers to end, KILLs those that run at the deadline, has the guest write out its disks and ends the VM.
   * Never rejects for what the guest does: the VM is ended in any case.
   */
  async stop(bound: StopBound): Promise<void> {
    const gone = Promise.race([this.machine.exited, this.guest.closed])
    await this.within(this.containers.freeze(), gone, killedWithinMs)
    const stopped = this.containers.allStopped()
    if (bound.deadline() > this.clock.now()) {
      await this.within(this.containers.signal(false), gone, killedWithinMs)
      await this.untilDeadline(Promise.race([stopped, gone]), bound)
    }
    await this.within(this.containers.signal(true), gone, killedWithinMs)
    await this.within(stopped, gone, killedWithinMs)
    await this.end()
  }

  /** Ends nothing but the supervision: another run of the agent takes the VM up. */
  async leave(): Promise<void> {
    const frozen = this.containers.freeze()
    this.attachments.lost('the host agent ends')
    this.machine.leave()
    this.guest.close()
    await frozen
  }

  /** Has the guest write out its disks, if it still can, and ends the VM. */
  async end(): Promise<void> {
    const gone = Promise.race([this.machine.exited, this.guest.closed])
    await this.within(this.guest.shutdown(0), gone, flushedWithinMs)
    await this.endMachine()
  }

  /** Ends the VM without asking the guest. A VM that does not end here is ended, or told of, by the undo of the start. */
  async endMachine(): Promise<void> {
    const frozen = this.containers.freeze()
    this.attachments.lost('the pod was stopped')
    this.guest.close()
    await this.machine.stop().catch(() => {})
    await frozen
  }

  private async untilDeadline(done: Promise<unknown>, bound: StopBound): Promise<void> {
    let over = false
    const finished = done.then(() => (over = true))
    while (!over) {
      const left = bound.deadline() - this.clock.now()
      if (left <= 0) return
      const timer = new AbortController()
      await Promise.race([finished, bound.changed(), this.clock.sleep(left, timer.signal).catch(() => {})])
      timer.abort()
    }
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
