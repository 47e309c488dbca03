import type { SnapshotEntry, VolumeLedger } from '@/host/ledger/volumes'
import { StillWritten, type OverlayStep } from '@/host/hypervisor/volume-disks'
import { allDone } from '@/host/network/serial'
import type { Clock } from '@/host/pods/clock'
import { writtenFiles } from './attach'
import { onImage } from './cut-off'
import type { Hold } from './hold'
import { inAll, whileHeld } from './one-instant'
import { serialOf } from './open-image'
import { problemOf, type Problem } from './problem'
import type { Layer, SnapshotStep, VolumeStore } from './store'
import type { Volume } from './volume'
import type { PodVm, PodVms } from './vms'

/** A snapshot that is to be taken. */
export type Member = { uid: string; volume: Volume; store: VolumeStore }
type Parts = { ledger: Pick<VolumeLedger, 'save'>; clock: Clock; vms: PodVms }
/** What it is taken of, as it is open now; `vm` null: nobody writes to it. */
type Prepared = Member & { step: SnapshotStep; hold: Hold | null; vm: PodVm | null }

/** `taken`: by an earlier run of the agent. */
type Overlays = ReadonlyMap<PodVm, { steps: OverlayStep[]; taken: OverlayStep[] }>

/** As long as a guest may stand still, at most. */
const freezeMs = 10_000

/** Of snapshots that were taken: why the guest that writes did not stand still, though it was asked to; by their uids. */
export type NotFrozen = ReadonlyMap<string, Problem>

/**
 * Takes snapshots of one instant: nobody writes to any of these volumes between the first and the last. Where it fails some may be there, or half taken: {@link undoSnapshots}. Null: a volume is not ready for it any more. With
 * `freeze` guests write their file systems out before, and stand still for as long.
 */
export async function takeSnapshots(members: readonly Member[], freeze: boolean, parts: Parts): Promise<NotFrozen | null> {
  const inOrder = [...members].sort((a, b) => (a.volume.uid < b.volume.uid ? -1 : 1))
  return inAll(inOrder.map(({ volume }) => volume.serial), async () => {
    if (!members.every(({ volume }) => volume.state.isTakable)) return null
    // QEMU, and the VM with it, would wait for a store that does not answer.
    await Promise.all([...new Set(members.map(({ store }) => store))].map((store) => store.probe()))
    const prepared: Prepared[] = []
    for (const one of members) prepared.push({ ...one, ...writerOf(one.volume, parts.vms), step: await one.store.prepareSnapshot(one.volume.uid, one.uid, one.volume.state.entry.epoch) })
    return takePrepared(prepared, freeze, parts)
  })
}

function writerOf({ state }: Volume, vms: PodVms): { hold: Hold | null; vm: PodVm | null } {
  const hold = [...state.holds.values()].find((one) => one.state === 'mounted' && !one.readOnly) ?? null
  return { hold, vm: hold && vms.get(hold.podUid) }
}

async function takePrepared(prepared: readonly Prepared[], freeze: boolean, parts: Parts): Promise<NotFrozen> {
  const vms = [...new Set(prepared.flatMap(({ vm }) => vm ?? []))]
  const overlays: Overlays = new Map(vms.map((vm) => [vm, { steps: [], taken: [] }]))
  for (const one of prepared) {
    const of = one.vm && overlays.get(one.vm)
    if (!one.vm || !of || one.step.kind !== 'overlay') continue
    const { step, isTaken } = await overlayOf(one, one.vm, one.step.overlay)
    of[isTaken ? 'taken' : 'steps'].push(step)
  }
  // A QEMU that was broken into may keep the overlay open, whatever becomes of its snapshot.
  for (const { hold, step } of prepared) if (hold?.files && step.kind === 'overlay') hold.files = [...new Set([step.overlay.path, ...hold.files])]
  // That was another instant: nobody knows when, nor whether a guest stood still. That nobody writes below any more is made sure of all the same.
  const taken = [...overlays].filter(([, one]) => one.taken.length > 0)
  for (const [vm, one] of taken) await vm.serial.do(() => unlessWritten(vm, vm.disks.confirmFrozen(one.taken)))
  if (taken.length > 0) throw new Error('an earlier run of the agent has begun with these snapshots: what it took is undone, and all are taken anew')
  // One transaction of one QEMU is one instant by itself; everything else needs that nobody writes meanwhile.
  const isOneInstant = prepared.length === 1 || (vms.length === 1 && prepared.every(({ step, vm }) => vm !== null && step.kind === 'overlay'))
  // While a VM stands still its QEMU closes nothing that anybody has it close, be it of another volume.
  const turns = isOneInstant && prepared.every(({ step }) => step.kind === 'none') ? [] : vms.toSorted((a, b) => (a.podUid < b.podUid ? -1 : 1))
  const { frozen, refused, ended, takenAt, stallMs } = await inAll(turns.map(({ serial }) => serial), () => takeAtOnce(prepared, overlays, { freeze, isOneInstant }, parts.clock))
  const notFrozen = new Map<string, Problem>()
  for (const { uid, hold, store, volume, step } of prepared) {
    // A guest goes on by itself after its time, whatever others take.
    const consistency = hold && ended - (frozen.get(hold) ?? -Infinity) < freezeMs ? 'FilesystemConsistent' : 'CrashConsistent'
    if (freeze && hold && consistency === 'CrashConsistent' && volume.state.wanted?.mode === 'filesystem') notFrozen.set(uid, refused.get(hold) ?? wentOn)
    await parts.ledger.save({ version: 1, kind: 'snapshot', uid, consistency, stallMs: hold ? stallMs : 0, takenAt, formatted: volume.state.formatted } satisfies SnapshotEntry)
    if (step.kind === 'overlay') await store.commitSnapshot(volume.uid, uid)
    if (hold && step.kind === 'overlay') hold.files = writtenFiles(await store.image(volume.uid, 'read', volume.state.entry.epoch))
  }
  return notFrozen
}

/** `ended`: when all was taken, by the steady clock. */
async function takeAtOnce(prepared: readonly Prepared[], overlays: Overlays, { freeze, isOneInstant }: { freeze: boolean; isOneInstant: boolean }, clock: Clock): Promise<Freezing & { ended: number; takenAt: string; stallMs: number }> {
  const vms = [...overlays.keys()]
  const began = clock.steady()
  const { frozen, refused } = freeze ? await freezeAll(prepared, vms, clock) : noneFrozen
  let ended = Infinity
  const takenAt = new Date(clock.now()).toISOString()
  try {
    await (isOneInstant ? carryOut(prepared, overlays, false) : whileHeld(vms, () => carryOut(prepared, overlays, true)))
    ended = clock.steady()
    if (!isOneInstant) for (const [vm, { steps }] of overlays) if (steps.length > 0) await unlessWritten(vm, vm.disks.confirmFrozen(steps))
  } finally {
    await thawAll(prepared, frozen)
  }
  return { frozen, refused, ended, takenAt, stallMs: Math.ceil(clock.steady() - began) }
}

const notFrozenAs = (message: string): Problem => ({ reason: 'NotFrozen', message, isFinal: true })
const wentOn = notFrozenAs(`Its pod went on after ${freezeMs / 1000} s, before all was taken.`)
const heldNothing = notFrozenAs("The pod's virtual machine could not hold its file system still.")

/** `isTaken`: QEMU had taken the overlay before an earlier run of the agent ended, and nobody has seen yet that it closed what is below. */
async function overlayOf({ volume, store }: Prepared, vm: PodVm, overlay: Layer): Promise<{ step: OverlayStep; isTaken: boolean }> {
  const serial = serialOf(volume.uid)
  const image = await store.image(volume.uid, 'write', volume.state.entry.epoch)
  const there = (await vm.disks.plugged()).find((one) => one.serial === serial)
  const top = image.kind === 'layers' ? image.layers[1] : undefined
  const isTaken = there?.layers[0] === overlay.id
  if (image.kind !== 'layers' || !top || (!isTaken && there?.layers[0] !== top.id)) throw new Error(`QEMU has ${there?.layers[0] ?? 'nothing'} of volume ${volume.uid} as its top layer, and its store ${top?.id ?? 'none'}`)
  return { step: { serial, top: { ...top, readOnly: false }, overlay, direct: image.direct }, isTaken }
}

/** A QEMU that can still write what is frozen is none of ours any more: it is ended before anybody else opens the volume. One that came to stand still for a store meanwhile closes nothing yet: the snapshot is not taken. */
async function unlessWritten<T>(vm: PodVm, work: Promise<T>): Promise<T> {
  return work.catch(async (error: unknown) => {
    if (error instanceof StillWritten && !(await vm.disks.isStopped().catch(() => false))) await vm.end()
    throw error
  })
}

async function carryOut(prepared: readonly Prepared[], overlays: Overlays, isPaused: boolean): Promise<void> {
  for (const [vm, { steps }] of overlays) if (steps.length > 0) await unlessWritten(vm, vm.disks.snapshot(steps, isPaused))
  // A store that takes it by itself does so now.
  await allDone(prepared.map(({ step, store, volume, uid }) => (step.kind === 'none' ? onImage(volume, store.commitSnapshot(volume.uid, uid)) : null)))
}

/** Which of them stand still, since when, and why others do not. */
type Freezing = { frozen: ReadonlyMap<Hold, number>; refused: ReadonlyMap<Hold, Problem> }
const noneFrozen: Freezing = { frozen: new Map(), refused: new Map() }

/** Of a guest that cannot, the snapshot is as after a power cut. */
async function freezeAll(prepared: readonly Prepared[], vms: readonly PodVm[], clock: Clock): Promise<Freezing> {
  const frozen = new Map<Hold, number>()
  const refused = new Map<Hold, Problem>()
  for (const vm of vms) {
    const holds = prepared.flatMap((one) => (one.vm === vm && one.hold && one.volume.state.wanted?.mode === 'filesystem' ? [one.hold] : []))
    if (holds.length === 0) continue
    const since = clock.steady()
    let problem = heldNothing
    const names = await vm.guest.freeze({ volumes: holds.map(({ name }) => name), timeoutMilliseconds: freezeMs }).catch((error: unknown): string[] => {
      problem = notFrozenAs(problemOf(error, 'held still').message)
      return []
    })
    for (const hold of holds) {
      if (names.includes(hold.name)) frozen.set(hold, since)
      else refused.set(hold, problem)
    }
  }
  return { frozen, refused }
}

async function thawAll(prepared: readonly Prepared[], frozen: ReadonlyMap<Hold, number>): Promise<void> {
  for (const vm of new Set(prepared.flatMap(({ vm }) => vm ?? []))) {
    const names = prepared.flatMap((one) => (one.vm === vm && one.hold && frozen.has(one.hold) ? [one.hold.name] : []))
    // A guest thaws by itself after a while.
    if (names.length > 0) await vm.guest.thaw(names).catch(() => {})
  }
}
