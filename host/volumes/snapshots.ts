import type { HostVolumeSnapshot, VolumeReport } from '@/contracts/host/v1/volumes'
import type { VolumeLedger } from '@/host/ledger/volumes'
import type { Clock } from '@/host/pods/clock'
import { Wake } from '@/host/pods/wake'
import type { Logger } from '@/platform/logger'
import { onImage } from './cut-off'
import { retryAfter } from './hold'
import { begin, groupsToTake, isTriedEnough, reportOf, type Known } from './known-snapshot'
import { problemOf } from './problem'
import { VolumeError, type VolumeStore } from './store'
import { takeSnapshots, type Member, type NotFrozen } from './take-snapshots'
import { undoSnapshots } from './undo-snapshots'
import type { Volume } from './volume'
import type { PodVms } from './vms'

export type SnapshotParts = {
  ledger: Pick<VolumeLedger, 'snapshot' | 'save' | 'remove'>
  clock: Clock
  log: Pick<Logger, 'warn'>
  vms: PodVms
  volume: (uid: string) => Volume | null
  store: (storeUid: string, tenantId: string) => VolumeStore | null
  changed: (snapshotUid: string) => void
}

/** Until it is looked again whether a volume is ready that just was. */
const notReadyMs = 200

/** The snapshots that the server names: those that are asked for are taken, groups of them at one instant, and those that are not wanted are removed. */
export class Snapshots {
  private readonly known = new Map<string, Known>()
  private readonly wake = new Wake()
  private readonly running = new Set<Promise<void>>()
  private isClosing = false
  private readonly looping: Promise<void>

  constructor(private readonly parts: SnapshotParts) {
    this.looping = this.loop()
  }

  take(object: HostVolumeSnapshot): void {
    const before = this.known.get(object.uid)
    if (before && JSON.stringify(before.object) === JSON.stringify(object)) return
    // What has failed for good is not tried again by itself: the server says what becomes of it.
    const isAnother = before?.object.state !== object.state
    this.known.set(object.uid, before && !isAnother ? { ...before, object } : { ...begin(object), facts: before?.facts ?? null, found: before?.found ?? null, busy: before?.busy ?? false })
    this.wake.wake()
  }

  /** Resolves once nothing of it is under way. */
  async remove(uid: string): Promise<void> {
    while (this.known.get(uid)?.busy) await Promise.race(this.running)
    this.known.delete(uid)
    if (this.parts.ledger.snapshot(uid)) await this.parts.ledger.remove({ kind: 'snapshot', uid }).catch(() => {})
  }

  looksAgain(): void {
    this.wake.wake()
  }

  uids(): string[] {
    return [...this.known.keys()]
  }

  report(uid: string): VolumeReport | null {
    const one = this.known.get(uid)
    if (!one) return null
    return reportOf(one, this.parts.ledger.snapshot(uid))
  }

  reports(): [string, VolumeReport][] {
    return this.uids().flatMap((uid) => {
      const report = this.report(uid)
      return report ? [[`snapshot/${uid}`, report] as [string, VolumeReport]] : []
    })
  }

  async close(): Promise<void> {
    this.isClosing = true
    this.wake.wake()
    await this.looping
    await Promise.all(this.running)
  }

  private async loop(): Promise<void> {
    while (!this.isClosing) {
      this.wake.clear()
      this.start()
      const { now } = this
      const waits = [...this.known.values()].filter(({ busy, notBefore }) => !busy && notBefore > now).map(({ notBefore }) => notBefore - now)
      const timer = new AbortController()
      await Promise.race([this.wake.wait(), ...(waits.length > 0 ? [this.parts.clock.sleep(Math.min(...waits), timer.signal).catch(() => {})] : [])])
      timer.abort()
    }
  }

  private get now(): number {
    return this.parts.clock.steady()
  }

  /** Begins whatever can begin. */
  private start(): void {
    for (const { members, others } of groupsToTake(this.known.values())) {
      if (!members.every((one) => this.isDue(one))) continue
      if (members.some(({ givenUp }) => givenUp)) {
        if (members.every((one) => this.isKept(one))) this.run(members, () => this.giveUp(members, others > 0))
      } else if (members.every((one) => this.isTakable(one))) this.run(members, () => this.takeAll(members, others > 0))
    }
    for (const one of this.known.values()) {
      if (!this.isDue(one) || !this.storeOf(one)) continue
      if (one.object.state === 'remove' && one.phase !== 'Purged') this.run([one], () => this.removeOne(one))
      else if (one.object.state === 'ready' && !one.facts && one.phase === 'Ready') this.run([one], () => this.look(one))
    }
  }

  private isDue({ busy, notBefore }: Known): boolean {
    return !busy && notBefore <= this.now
  }

  /** It is taken once its volume is this host's to write. */
  private isTakable(one: Known): boolean {
    const { volumeUid } = one.object
    return this.storeOf(one) !== null && volumeUid !== null && this.parts.volume(volumeUid)?.state.isTakable === true
  }

  /** Whether what may be of it in its store is this host's to remove. */
  private isKept(one: Known): boolean {
    const { volumeUid } = one.object
    return this.storeOf(one) !== null && volumeUid !== null && this.parts.volume(volumeUid)?.state.isKept === true
  }

  private storeOf({ object }: Known): VolumeStore | null {
    return this.parts.store(object.storeUid, object.tenantId)
  }

  private run(members: Known[], work: () => Promise<void>): void {
    for (const one of members) one.busy = true
    const done = work().catch((error: unknown) => this.failed(members, error)).finally(() => {
      for (const one of members) {
        one.busy = false
        const now = this.known.get(one.object.uid)
        if (now && now !== one) now.busy = false
        this.parts.changed(one.object.uid)
      }
      this.running.delete(done)
      this.wake.wake()
    })
    this.running.add(done)
  }

  private failed(members: Known[], error: unknown): void {
    const problem = problemOf(error, 'snapshotted')
    this.parts.log.warn({ snapshots: members.map(({ object }) => object.uid), err: error }, 'a snapshot failed')
    for (const one of members) {
      one.failures += 1
      one.notBefore = this.now + retryAfter(one.failures)
      // What was found beside those that are not there is taken.
      if (one.object.state !== 'asked' || one.phase === 'Creating') one.problem = one.givenUp ?? problem
    }
    this.end(members)
  }

  /** Whether nothing of them is there is known by now. */
  private end(members: Known[]): void {
    const problem = members.find(({ givenUp }) => givenUp)?.givenUp
    if (!problem || !members.every(({ isAbsent }) => isAbsent)) return
    for (const one of members) {
      one.phase = 'Failed'
      one.problem = problem
    }
  }

  /** What is there whole after all is taken: only what is not is undone. */
  private async giveUp(members: Known[], isLate: boolean): Promise<void> {
    const missing = await this.find(members, isLate)
    if (missing.length === 0) return
    await this.undo(missing)
    this.end(missing)
  }

  /**
   * What an earlier run of the agent has taken is there already. Of a group that is all of it, and written down as of one instant; or, where others of it are Ready (`isLate`), whatever of it is there. Returns the rest. Rejects where a store
   * did not say so: that is no failure of taking, and nothing is undone for it.
   */
  private async find(members: Known[], isLate: boolean): Promise<Known[]> {
    const found = await Promise.all(this.places(members).map(({ uid, volume, store }) => store.findSnapshot(uid, volume.uid)))
    for (const [i, one] of members.entries()) one.found = found[i] ?? null
    const there = members.filter(({ found }) => found)
    const isWhole = there.length === members.length && (members.length === 1 || members.every(({ object }) => this.parts.ledger.snapshot(object.uid)))
    if (!isWhole && !isLate) return members
    await this.taken(there, new Map())
    return members.filter(({ found }) => !found)
  }

  private async takeAll(members: Known[], isLate: boolean): Promise<void> {
    const missing = await this.find(members, isLate)
    if (missing.length === 0) return
    if (isLate) {
      for (const one of missing) one.givenUp = { reason: 'NotFound', message: 'It is not in its store, and others of its instant are. Take the group again.', isFinal: true }
      await this.undo(missing)
      return this.end(missing)
    }
    if (members.some(({ found }) => found)) await this.undo(members)
    const taken = await this.takeNew(members)
    if (!taken) {
      for (const one of members) one.notBefore = this.now + notReadyMs
      return
    }
    await this.taken(members, taken)
  }

  private async takeNew(members: Known[]): Promise<NotFrozen | null> {
    for (const one of members) one.isAbsent = false
    try {
      return await takeSnapshots(this.places(members), members.some(({ object }) => object.freeze), this.parts)
    } catch (error) {
      for (const one of members) this.notTaken(one, error)
      await this.undo(members).catch((err: unknown) => this.parts.log.warn({ snapshots: members.map(({ object }) => object.uid), err }, 'what was taken of snapshots that failed could not be removed; it is tried again'))
      throw error
    }
  }

  /** The server counts snapshots, layers of those that went are merged only after that, and a store may be away for a moment: all this may be over soon. */
  private notTaken(one: Known, error: unknown): void {
    const problem = problemOf(error, 'snapshotted')
    one.tried += 1
    if (error instanceof VolumeError && error.code === 'TooManySnapshots') this.tidy(one)
    if (problem.isFinal || isTriedEnough(one)) one.givenUp ??= problem
  }

  private async taken(members: Known[], notFrozen: NotFrozen): Promise<void> {
    for (const one of members) {
      one.phase = 'Ready'
      one.givenUp = null
      one.problem = notFrozen.get(one.object.uid) ?? null
      this.tidy(one)
    }
    // That they are there is known: what they take there may be asked later.
    for (const one of members) one.facts = await this.storeOf(one)?.describeSnapshot(one.object.uid, one.object.volumeUid).catch((err: unknown) => void this.parts.log.warn({ snapshot: one.object.uid, err }, 'what a snapshot takes could not be read')) ?? null
  }

  private async undo(members: Known[]): Promise<void> {
    await undoSnapshots(this.places(members), this.parts.ledger)
    for (const one of members) {
      one.isAbsent = true
      one.facts = null
      one.found = null
      this.tidy(one)
    }
  }

  /** Throws where one of them is not this host's to write any more. */
  private places(members: Known[]): Member[] {
    return members.map((one) => {
      const store = this.storeOf(one)
      const volume = one.object.volumeUid === null ? null : this.parts.volume(one.object.volumeUid)
      if (!store || !volume?.state.isKept) throw new Error(`the volume of snapshot ${one.object.uid} is not this host's to write any more`)
      return { uid: one.object.uid, volume, store }
    })
  }

  /** A snapshot more, one fewer, or none any more that fits: its volume's chain is made shorter where it can be. */
  private tidy({ object: { volumeUid } }: Known): void {
    if (volumeUid !== null) void this.parts.volume(volumeUid)?.tidy()
  }

  private async removeOne(one: Known): Promise<void> {
    const { uid, volumeUid } = one.object
    const store = this.storeOf(one)
    const volume = volumeUid === null ? null : this.parts.volume(volumeUid)
    if (!store) return
    if (volume?.state.isKept) await volume.serial.do(() => store.abortSnapshot(volume.uid, uid)).catch(() => {})
    // In Ceph it opens the image: whoever claims the volume meanwhile would shut this host's own program out.
    const removed = () => store.removeSnapshot(uid, volumeUid)
    await (volume ? volume.serial.do(() => onImage(volume, removed())) : removed())
    one.phase = 'Purged'
    one.problem = null
    this.tidy(one)
  }

  private async look(one: Known): Promise<void> {
    one.facts = await (this.storeOf(one)?.describeSnapshot(one.object.uid, one.object.volumeUid) ?? null)
    if (one.facts) one.problem = null
    if (one.facts || !this.storeOf(one)) return
    one.phase = 'Failed'
    one.problem = { reason: 'NotFound', message: 'The snapshot is not in its store any more. Delete it; the operator should look at the store.', isFinal: true }
  }
}
