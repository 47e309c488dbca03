import type { HostVolume, VolumeReport } from '@/contracts/host/v1/volumes'
import type { VolumeEntry } from '@/host/ledger/volumes'
import { Hold } from './hold'
import type { Observed } from './plan'
import type { Problem } from './problem'
import type { VolumeFacts } from './store'
import type { PodVms } from './vms'

const noRates: HostVolume['rates'] = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 1 }

/** What a host knows of one volume, and how that changes by what the server says. It has no effects: {@link Volume} carries out, this remembers. */
export class VolumeState {
  readonly holds = new Map<string, Hold>()
  /** As its store said last; null: it is not there; undefined: it was not asked. */
  facts: VolumeFacts | null | undefined
  /** Something failed since: the store is asked again before anything else is done. */
  isDoubtful = false
  /** The epoch under which it was claimed in this run of the agent. */
  claimedEpoch: number | null = null
  /** A VM that wrote to it ended, or what the agent did to its image was cut off: that client may be listed in the store still, and is cleared away before anybody opens the volume again. */
  isLeftBehind = false
  isGone = false
  isPurged = false
  progress: number | null = null
  problem: Problem | null = null
  /** Where it lies, also once it is not this host's any more. */
  place: { storeUid: string; tenantId: string } | null
  /** The ledger of an earlier run of the agent had it. */
  private readonly isKnown: boolean
  /** The epoch under which an earlier run of the agent had it for writing. */
  private readonly noted: number | null
  /** Pods that are detached, which the server names until it has heard so. */
  private readonly detached = new Map<string, Hold>()

  /** `entry`: what the ledger is to say; `saved`: what it does, as JSON. */
  constructor(
    public entry: VolumeEntry,
    public saved: string | null,
    private readonly vms: PodVms,
  ) {
    this.place = entry.object
    this.isKnown = saved !== null
    const writers = entry.holds.filter(({ readOnly }) => !readOnly)
    this.noted = writers.length > 0 ? Math.max(...writers.map(({ epoch }) => epoch)) : null
    for (const { podUid, name, readOnly, epoch } of entry.holds) {
      const hold = new Hold(podUid, name, readOnly, epoch)
      if (vms.isUnknown(podUid)) hold.state = 'unknown'
      else if (!readOnly) this.isLeftBehind = true
      this.holds.set(podUid, hold)
    }
    this.takeAttachments()
  }

  get uid(): string {
    return this.entry.uid
  }

  /** What the server says of it; null: it is not this host's any more. */
  get wanted(): HostVolume | null {
    return this.entry.object
  }

  /** Takes what the server says now, which is under no lower epoch. */
  take(object: HostVolume | null): void {
    this.entry = { ...this.entry, epoch: Math.max(this.entry.epoch, object?.epoch ?? 0), object, goneAt: null }
    this.place = object ?? this.place
    this.takeAttachments()
  }

  /** With what is open and what shall be: a pod is written down before it gets the disk. */
  get note(): VolumeEntry {
    const holds = [...this.holds.values()].filter((hold) => hold.state !== 'closed' || hold.attachment !== null).map((hold) => hold.noted)
    return { ...this.entry, holds }
  }

  get isNoted(): boolean {
    return this.saved === JSON.stringify(this.note)
  }

  /** What stands on it; null: nothing, as far as this host and its server know; undefined: something that this host has not seen. */
  get formatted(): VolumeEntry['formatted'] | undefined {
    return this.entry.formatted ?? (this.wanted?.formatted ? undefined : null)
  }

  get isReverted(): boolean {
    const { object, reverted } = this.entry
    return object !== null && reverted?.epoch === object.epoch && reverted.snapshotUid === object.revertTo
  }

  /** Whether it may be opened for writing under the epoch that the server says. */
  private get isClaimed(): boolean {
    return this.wanted !== null && this.claimedEpoch === this.wanted.epoch && !this.isLeftBehind
  }

  /** Whether an earlier run of the agent had it, and this one has not claimed it yet. */
  get isOfEarlierRun(): boolean {
    return this.isKnown && this.claimedEpoch === null
  }

  /** Whether an earlier run of the agent may have ended in the midst of what it did to the image: that is to be done still. */
  get isCutOff(): boolean {
    const { wanted, facts } = this
    if (!this.isOfEarlierRun || !wanted || !facts) return false
    return wanted.purge || (wanted.revertTo !== null && !this.isReverted) || wanted.sizeBytes > facts.sizeBytes || (wanted.flatten && facts.parent)
  }

  /** Whether a VM of this host has it open for writing, or may have. Who reads has no lock, and is left alone where others are cleared away. */
  get isWritten(): boolean {
    return [...this.holds.values()].some(({ state, readOnly }) => state !== 'closed' && !readOnly)
  }

  /** Whether it shall be open nowhere, and is not here: it is to go back, or to be removed. The server says neither before all hosts have it closed, or are given up. */
  get isToBeClosed(): boolean {
    const { wanted } = this
    return wanted !== null && (wanted.purge || (wanted.revertTo !== null && !this.isReverted)) && [...this.holds.values()].every(({ state }) => state === 'closed')
  }

  /** Whether it is this host's to write, in whatever state. */
  get isKept(): boolean {
    return this.wanted?.keeper === true && this.isClaimed
  }

  /** Under which epoch a VM of this host has it, or may have, for writing; null: none. */
  get writtenEpoch(): number | null {
    return this.claimedEpoch ?? this.noted
  }

  /** Whether this host may open it as it shall be opened. */
  private get isOpenable(): boolean {
    const { wanted } = this
    return wanted !== null && this.isNoted && Boolean(this.facts) && !this.isDoubtful && (!wanted.keeper || this.isClaimed) && (wanted.revertTo === null || this.isReverted)
  }

  /** Whether the pod may have it now, under this epoch. */
  isReadyFor(podUid: string, epoch: number): boolean {
    const hold = this.holds.get(podUid)
    return hold !== undefined && hold.isWanted && hold.epoch === epoch && this.isOpenable
  }

  /** Whether it is as it shall be for whoever works on it: it is this host's to write, who has it open is known, does not stand still for its store, and has no larger disk than the store knows of. */
  get isSettled(): boolean {
    return this.isOpenable && this.wanted?.keeper === true && !this.wanted.purge && [...this.holds.values()].every((hold) => (hold.state === 'closed' || hold.state === 'mounted') && hold.pausedFor === null && !hold.isLargerThan(this.facts?.sizeBytes ?? 0)) && !this.isHalfGrown
  }

  /** Whether a snapshot of it can be taken now: QEMU closes nothing that it is told to while it stands still, for whichever of its stores. */
  get isTakable(): boolean {
    return this.isSettled && [...this.holds.values()].every(({ podUid, readOnly }) => readOnly || this.vms.get(podUid)?.isStalled !== true)
  }

  /** A disk that was grown and went before the volume had: its image may be the larger one. */
  private get isHalfGrown(): boolean {
    return (this.wanted?.sizeBytes ?? 0) > (this.facts?.sizeBytes ?? 0) && [...this.holds.values()].every(({ state }) => state === 'closed')
  }

  observe(store: boolean, due: { step: boolean; note: boolean }, now: number): Observed {
    const { wanted, facts, entry } = this
    return {
      ...{ noted: this.isNoted, noteDue: due.note, store, there: facts === undefined || this.isDoubtful ? null : facts !== null, made: entry.made, sizeBytes: facts?.sizeBytes ?? 0, parent: facts?.parent ?? false },
      ...{ claimed: this.isClaimed, reverted: this.isReverted, purged: this.isPurged, due: due.step },
      holds: [...this.holds.values()].map((hold) => hold.observe({ rates: wanted?.rates ?? noRates }, this.vms.get(hold.podUid), now)),
    }
  }

  /** The VM of the pod ended, and nothing of it is open any more. */
  ended(hold: Hold): void {
    if (hold.state !== 'closed' && !hold.readOnly) this.isLeftBehind = true
    hold.closed()
  }

  /** Of a hold that was closed: where it shall not come again, the server hears that it is detached, as long as it asks. */
  settle(hold: Hold): void {
    if (hold.attachment || hold.state !== 'closed') return
    this.holds.delete(hold.podUid)
    hold.problem = null
    this.detached.set(hold.podUid, hold)
  }

  report(): VolumeReport {
    const { entry, problem, facts } = this
    const head = { kind: 'volume' as const, uid: this.uid, epoch: entry.epoch }
    if (this.isGone) return { ...head, phase: 'Gone', reason: '', message: '' }
    const attachments = [...this.holds.values(), ...this.detached.values()].map((hold) => hold.report()).slice(0, 500)
    if (this.isPurged) return { ...head, phase: 'Purged', reason: '', message: '', attachments }
    const said = { reason: problem?.reason.slice(0, 128) ?? '', message: problem?.message.slice(0, 4096) ?? '' }
    const revertedTo = entry.reverted?.epoch === entry.object?.epoch ? (entry.reverted?.snapshotUid ?? null) : null
    return {
      ...{ ...head, phase: facts ? 'Ready' : problem?.isFinal ? 'Failed' : 'Creating', ...said, progress: this.progress, formatted: entry.formatted, revertedTo, fenced: entry.fenced, attachments },
      ...(facts && { sizeBytes: facts.sizeBytes, storedBytes: facts.storedBytes, parent: facts.parent }),
    }
  }

  private takeAttachments(): void {
    const { object } = this.entry
    const named = new Map((object && !object.purge ? object.attachments : []).map((one) => [one.podUid, one]))
    const detaching = new Map((object?.detaching ?? []).map((one) => [one.podUid, one]))
    for (const [podUid, attachment] of named) {
      const hold = this.holds.get(podUid) ?? new Hold(podUid, attachment.name, attachment.readOnly, attachment.epoch)
      hold.attachment = attachment
      if (hold.state === 'closed') hold.closed()
      this.holds.set(podUid, hold)
      this.detached.delete(podUid)
    }
    for (const [podUid, hold] of this.holds) {
      hold.forced = detaching.get(podUid)?.forced ?? false
      if (named.has(podUid)) continue
      hold.attachment = null
      this.settle(hold)
    }
    for (const podUid of this.detached.keys()) if (!detaching.has(podUid)) this.detached.delete(podUid)
    for (const podUid of detaching.keys()) if (!this.holds.has(podUid) && !this.detached.has(podUid)) this.detached.set(podUid, new Hold(podUid, '', true, object?.epoch ?? 0))
  }
}
