import type { HostVolume, VolumeReport } from '@/contracts/host/v1/volumes'
import type { VolumeEntry, VolumeLedger } from '@/host/ledger/volumes'
import { Serial } from '@/host/network/serial'
import type { Clock } from '@/host/pods/clock'
import { Wake } from '@/host/pods/wake'
import type { Logger } from '@/platform/logger'
import type { MakeOfArchive } from './archive'
import { attach, detach, growOpen, mountHot, takeUp, writtenFiles, type ImageFile } from './attach'
import { changing, leavesNothing } from './cut-off'
import { retryAfter, type Hold } from './hold'
import { serialOf } from './open-image'
import { nextStep, type Step } from './plan'
import { notWrittenOut, problemOf, whatOf, type Problem } from './problem'
import type { VolumeStore } from './store'
import { tidyLayers } from './tidy-layers'
import { Tidying } from './tidying'
import { VolumeState } from './volume-state'
import { workOn } from './volume-work'
import type { PodVm, PodVms } from './vms'

export type VolumeParts = {
  ledger: Pick<VolumeLedger, 'save'>
  vms: PodVms
  /** Null: the store is not open. */
  store: (storeUid: string, tenantId: string) => VolumeStore | null
  /** Of a store that need not be open; null: it is not known. */
  kindOf: (storeUid: string) => VolumeStore['kind'] | null
  makeOfArchive: MakeOfArchive
  imageFile: ImageFile
  clock: Clock
  log: Pick<Logger, 'warn' | 'error'>
  /** Something that concerns a pod, for its tenant. */
  tell: (podUid: string, type: 'Normal' | 'Warning', reason: string, message: string) => void
  /** Told of each change of what is reported of a volume. */
  changed: (volumeUid: string) => void
}

type PodStep = Extract<Step, { podUid: string }>['do']
type Giving = { hold: Hold; vm: PodVm }
/** Of the volume itself. */
export type VolumeStep = Exclude<Step, { podUid: string }>['do']

/** How often its store is asked what a volume that somebody has takes there. How full its file system is its guest says (./usage.ts). */
const lookEveryMs = 60_000

/** As long a guest that is just given a volume has to give it back. */
const hurryMs = 5_000

/**
 * One volume on this host. A serial loop does one step at a time ({@link nextStep}); what fails is tried again after a wait, or as soon as the server says something else. What is
 * in force is in the ledger before it is.
 */
export class Volume {
  /** Steps, and snapshots of the volume, one after another. */
  readonly serial = new Serial()
  readonly finished: Promise<void>
  readonly state: VolumeState
  private readonly wake = new Wake()
  private failures = 0
  /** What failed last. */
  private failedStep: VolumeStep | null = null
  private notBefore = 0
  private lookedAt = 0
  private readonly closing = new AbortController()
  private readonly tidying: Tidying
  /** Of what takes long, which a newer word of the server ends. */
  private job: AbortController | null = null
  /** To whom a disk is given just now, which may take as long as its guest does. */
  private giving: Giving | null = null

  /** `isKnown`: the ledger says what `entry` does. */
  constructor(
    private readonly parts: VolumeParts,
    entry: VolumeEntry,
    isKnown: boolean,
  ) {
    this.state = new VolumeState(entry, isKnown ? JSON.stringify(entry) : null, parts.vms)
    const { clock, log } = parts
    const work = async (): Promise<void> => (this.store ? tidyLayers(this.store, this, parts.vms, this.closing.signal) : undefined)
    this.tidying = new Tidying({ volumeUid: entry.uid, work, isOver: () => this.state.wanted?.keeper !== true || this.store === null, clock, log, signal: this.closing.signal })
    this.finished = this.loop()
    void this.finished.then(() => this.tidying.ended())
  }

  get uid(): string {
    return this.state.uid
  }

  /** Null: it is not open, or nothing is known of where it lies. */
  get store(): VolumeStore | null {
    const { place } = this.state
    return place && this.parts.store(place.storeUid, place.tenantId)
  }

  /** What the server says of it now; null: it is not this host's any more. Under a lower epoch than was known it says nothing that counts. */
  take(object: HostVolume | null): void {
    const { entry } = this.state
    if (object && object.epoch < entry.epoch) {
      this.parts.log.error({ volume: this.uid, epoch: object.epoch, known: entry.epoch }, 'the server names a lower epoch of a volume than this host knows: nothing of it is opened')
      this.failed({ reason: 'Stale', message: `This host knows the epoch ${entry.epoch} of the volume, and the server says ${object.epoch}: nothing is opened. The operator has to look whether the server works on an old copy of its database.`, isFinal: true })
      return this.parts.changed(this.uid)
    }
    if (JSON.stringify(object) === JSON.stringify(entry.object)) return
    if (!object || object.purge || object.epoch !== entry.object?.epoch) this.job?.abort(new Error('the server says something else of the volume'))
    this.state.take(object)
    this.retryNow()
    if (this.giving) void this.hurry(this.giving)
  }

  /** A guest that does not answer keeps a volume no longer that is to be taken away without its word: its VM is ended. */
  private async hurry(giving: Giving): Promise<void> {
    const isOver = (): boolean => !this.state.wanted || this.state.wanted.purge || giving.hold.forced
    if (!isOver()) return
    await this.parts.clock.sleep(hurryMs, this.closing.signal).catch(() => {})
    if (this.giving !== giving || !isOver() || this.closing.signal.aborted) return
    this.parts.log.warn({ volume: this.uid, pod: giving.hold.podUid }, 'a guest that does not answer has a volume that is to be taken away: its virtual machine is ended')
    await giving.vm.end().catch((error: unknown) => this.parts.log.error({ err: error, pod: giving.hold.podUid }, 'a virtual machine could not be ended'))
  }

  /** What failed is tried again at once. */
  retryNow(): void {
    this.notBefore = 0
    for (const hold of this.state.holds.values()) hold.notBefore = 0
    this.wake.wake()
  }

  /** The pod's VM came, changed or, null, went. */
  vmChanged(podUid: string, vm: PodVm | null): void {
    const hold = this.state.holds.get(podUid)
    if (!hold) return
    if (vm) hold.succeeded()
    else this.state.ended(hold)
    this.state.settle(hold)
    this.wake.wake()
    this.parts.changed(this.uid)
  }

  /** Ends the worker and leaves what is open. */
  async close(): Promise<void> {
    this.closing.abort(new Error('the host agent ends'))
    this.job?.abort(new Error('the host agent ends'))
    this.wake.wake()
    await this.finished
    await this.tidying.ended()
  }

  /** Keeps its chain of layers short, beside what else is done: it may take long. */
  tidy(): Promise<void> {
    return this.tidying.now()
  }

  report(): VolumeReport {
    return this.state.report()
  }

  private get now(): number {
    return this.parts.clock.steady()
  }

  private async loop(): Promise<void> {
    while (!this.closing.signal.aborted && !this.state.isGone) {
      this.wake.clear()
      const step = await this.serial.do(() => this.doNext())
      if (step === 'wait') await this.idle()
      else this.parts.changed(this.uid)
    }
  }

  private async doNext(): Promise<Step['do'] | null> {
    if (this.closing.signal.aborted) return null
    const step = nextStep(this.state.wanted, this.state.observe(this.store !== null, { step: this.isDue, note: this.isDue || this.failedStep !== 'note' }, this.now))
    if (step.do === 'wait' && this.isLookDue) return this.carryOut({ do: 'look' })
    return step.do === 'wait' ? 'wait' : this.carryOut(step)
  }

  private get isDue(): boolean {
    return this.notBefore <= this.now
  }

  private get isLookDue(): boolean {
    const { facts, holds } = this.state
    return this.isDue && this.now - this.lookedAt >= lookEveryMs && Boolean(facts) && this.store !== null && [...holds.values()].some(({ state }) => state === 'mounted')
  }

  /** Until something happens, or what failed is to be tried again. */
  private async idle(): Promise<void> {
    const { now } = this
    const times = [this.notBefore, ...[...this.state.holds.values()].map(({ notBefore }) => notBefore), this.lookedAt + lookEveryMs].filter((time) => time > now)
    const timer = new AbortController()
    await Promise.race([this.wake.wait(), this.parts.clock.sleep(Math.min(lookEveryMs, ...times.map((time) => time - now)), timer.signal).catch(() => {})])
    timer.abort()
  }

  private async carryOut(step: Step): Promise<Step['do']> {
    if ('podUid' in step) await this.ofPod(step.do, step.podUid)
    else await this.ofVolume(step.do)
    return step.do
  }

  private async ofPod(step: PodStep, podUid: string): Promise<void> {
    const hold = this.state.holds.get(podUid)
    if (!hold) return
    const vm = this.parts.vms.get(podUid)
    try {
      this.giving = vm && step !== 'detach' ? { hold, vm } : null
      if (vm) await this.withVm(step, hold, vm)
      else this.state.ended(hold)
      hold.succeeded()
    } catch (error) {
      // Whose VM ended meanwhile has nothing open.
      if (!this.closing.signal.aborted && this.parts.vms.get(podUid) === vm) this.noteFailure(step, error, (problem) => hold.failed(problem, this.now))
    } finally {
      this.giving = null
      if (this.parts.vms.get(podUid) !== vm) this.state.ended(hold)
      this.state.settle(hold)
    }
  }

  private async withVm(step: PodStep, hold: Hold, vm: PodVm): Promise<void> {
    const { state, store } = this
    const isOfFiles = (store?.kind ?? (state.place && this.parts.kindOf(state.place.storeUid))) !== 'rbd'
    if (step === 'detach') return detach(hold, this.uid, vm, hold.forced || !state.wanted, { store, epoch: state.entry.epoch, isOfFiles }, (cause) => this.parts.tell(hold.podUid, ...notWrittenOut(hold.name, cause)))
    if (step === 'takeUp') return takeUp(hold, this.uid, vm, store ? await store.image(this.uid, 'read', state.entry.epoch).then(writtenFiles, () => null) : null)
    const { wanted } = state
    if (!wanted || !store) return
    if (step === 'attach') {
      const { formatted, repaired } = await attach(hold, wanted, { store, vm, formatted: wanted.formatted || state.entry.formatted !== null, imageFile: this.parts.imageFile })
      state.entry = { ...state.entry, formatted }
      if (repaired) this.parts.tell(hold.podUid, 'Warning', 'FilesystemRepaired', `The file system of volume "${wanted.name}" had errors, and they were repaired before it was mounted (e2fsck -p). Look whether its files are as they should be; a snapshot of before has them as they were.`)
    } else if (step === 'growOpen') {
      await growOpen(hold, wanted, store, vm)
      state.facts = await store.describe(this.uid)
    } else if (step === 'limit') {
      await vm.disks.limit(serialOf(this.uid), wanted.rates)
      hold.rates = JSON.stringify(wanted.rates)
    } else if (hold.attachment) await mountHot(hold, wanted, hold.attachment, vm)
  }

  private async ofVolume(step: VolumeStep): Promise<void> {
    this.job = new AbortController()
    const { signal } = this.job
    // What is claimed again on the way to what failed does not say that this goes.
    const isOnTheWay = step === 'note' || step === 'look' || (step === 'claim' && this.failedStep !== null && this.state.claimedEpoch === this.state.wanted?.epoch)
    try {
      const { store } = this
      if ((await workOn(step, { state: this.state, store, parts: this.parts, progress: this.progressed, signal })) === 'changed' && store) await this.look(store)
      // An earlier run of the agent may have left layers that it was to merge.
      if (step === 'claim' && store?.tidy) this.tidying.soon()
      // That the store can be asked does not say that what failed does not again.
      if (step === this.failedStep || !isOnTheWay) this.succeeded()
    } catch (error) {
      this.state.isDoubtful = true
      this.failedStep = step
      if (changing.includes(step)) this.cutOff(error)
      if (!signal.aborted && !this.closing.signal.aborted) this.noteFailure(step, error, (problem) => this.failed(problem))
    } finally {
      this.job = null
      this.state.progress = null
    }
  }

  /** What a program did to its image, for a step or a snapshot, failed so. Whoever writes to it has its lock: that program has not. */
  cutOff(error: unknown): void {
    if (this.state.isWritten || leavesNothing(error)) return
    this.state.isLeftBehind = true
    this.wake.wake()
  }

  private succeeded(): void {
    this.state.problem = this.failedStep = null
    this.failures = this.notBefore = 0
  }

  private noteFailure(step: Step['do'], error: unknown, note: (problem: Problem) => void): void {
    const problem = problemOf(error, whatOf[step])
    this.parts.log.warn({ volume: this.uid, step, err: error }, 'a step of a volume failed')
    note(problem)
  }

  private failed(problem: Problem): void {
    this.state.problem = problem
    this.failures += 1
    this.notBefore = this.now + retryAfter(this.failures)
  }

  private async look(store: VolumeStore): Promise<void> {
    const { state } = this
    state.facts = await store.describe(this.uid)
    state.isDoubtful = false
    this.lookedAt = this.now
  }

  private readonly progressed = (part: number): void => {
    const before = this.state.progress ?? 0
    if (part - before < 0.01 && part < 1) return
    this.state.progress = Math.min(1, part)
    this.parts.changed(this.uid)
  }
}
