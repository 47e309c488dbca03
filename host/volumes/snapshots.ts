import type { HostVolumeSnapshot, VolumeReport } from '@/contracts/host/v1/volumes'
import type { VolumeLedger } from '@/host/ledger/volumes'
import type { Clock } from '@/host/pods/clock'
import { Wake } from '@/host/pods/wake'
import type { Logger } from '@/platform/logger'
import { retryAfter } from './hold'
import { problemOf, type Problem } from './problem'
import { VolumeError, type SnapshotFacts, type VolumeStore } from './store'
import { takeSnapshots, type Member } from './take-snapshots'
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

/** How often a snapshot is tried of a volume whose chain is to become shorter first: some two minutes. */
const mergeTries = 9

type Phase = Extract<VolumeReport['phase'], 'Creating' | 'Ready' | 'Failed' | 'Purged'>
type Known = { object: HostVolumeSnapshot; phase: Phase; problem: Problem | null; facts: SnapshotFacts | null; failures: number; notBefore: number; busy: boolean }

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
    // What failed is not tried again by itself: the server says what becomes of it.
    const isAnother = before?.object.state !== object.state
    this.known.set(object.uid, { ...(before && !isAnother ? before : { phase: object.state === 'ready' ? 'Ready' : 'Creating', problem: null, facts: before?.facts ?? null, failures: 0, notBefore: 0, busy: before?.busy ?? false }), object })
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
    const { phase, problem, facts } = one
    const taken = this.parts.ledger.snapshot(uid)
    return {
      ...{ kind: 'snapshot', uid, epoch: 0, phase, reason: problem?.reason.slice(0, 128) ?? '', message: problem?.message.slice(0, 4096) ?? '' },
      ...(phase === 'Ready' && facts && { sizeBytes: facts.sizeBytes, storedBytes: facts.storedBytes }),
      ...(phase === 'Ready' && taken && { consistency: taken.consistency, stallMs: taken.stallMs, takenAt: taken.takenAt, formatted: taken.formatted }),
    }
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
    const groups = new Map<string, Known[]>()
    for (const one of this.known.values()) {
      const { uid, group, state } = one.object
      if (state === 'asked' && one.phase === 'Creating') groups.set(group ?? uid, [...(groups.get(group ?? uid) ?? []), one])
    }
    for (const members of groups.values()) if (members.length === (members[0]?.object.groupSize ?? 0) && members.every((one) => this.isDue(one) && this.isTakable(one))) this.run(members, () => this.takeAll(members))
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
      one.problem = problem
      one.failures += 1
      one.notBefore = this.now + retryAfter(one.failures)
      const isTooLong = error instanceof VolumeError && error.code === 'TooManySnapshots'
      if (isTooLong) this.tidy(one)
      // The server counts snapshots; layers of those that went are merged only after that.
      if (one.object.state === 'asked' && !(isTooLong && one.failures < mergeTries)) one.phase = 'Failed'
    }
  }

  /** Those that an earlier run of the agent has taken are there already. */
  private async takeAll(members: Known[]): Promise<void> {
    const ready: Member[] = []
    for (const one of members) {
      const store = this.storeOf(one)
      const volume = one.object.volumeUid === null ? null : this.parts.volume(one.object.volumeUid)
      if (!store || !volume) return
      one.facts = await store.describeSnapshot(one.object.uid, one.object.volumeUid)
      if (!one.facts) ready.push({ uid: one.object.uid, volume, store })
    }
    if (ready.length > 0 && ready.length < members.length) throw new Error('some of a group of snapshots are taken, and the others are not')
    const taken = await takeSnapshots(ready, members.some(({ object }) => object.freeze), this.parts)
    if (!taken) {
      for (const one of members) one.notBefore = this.now + notReadyMs
      return
    }
    for (const one of members) {
      one.facts = (await this.storeOf(one)?.describeSnapshot(one.object.uid, one.object.volumeUid)) ?? null
      one.phase = 'Ready'
      one.problem = taken.get(one.object.uid) ?? null
      this.tidy(one)
    }
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
    if (volume?.state.isSettled) await volume.serial.do(() => store.abortSnapshot(volume.uid, uid)).catch(() => {})
    // In Ceph it opens the image: whoever claims the volume meanwhile would shut this host's own program out.
    const removed = () => store.removeSnapshot(uid, volumeUid)
    await (volume ? volume.serial.do(removed) : removed())
    one.phase = 'Purged'
    one.problem = null
    this.tidy(one)
  }

  private async look(one: Known): Promise<void> {
    one.facts = await (this.storeOf(one)?.describeSnapshot(one.object.uid, one.object.volumeUid) ?? null)
    if (one.facts || !this.storeOf(one)) return
    one.phase = 'Failed'
    one.problem = { reason: 'NotFound', message: 'The snapshot is not in its store any more. Delete it; the operator should look at the store.', isFinal: true }
  }
}
