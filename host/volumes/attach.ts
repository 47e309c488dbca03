import type { AttachVolumeResult, DetachVolumeResult } from '@/contracts/guest/v1/volumes'
import { isBlankOrigin, type HostVolume, type HostVolumeAttachment } from '@/contracts/host/v1/volumes'
import { StillWritten, type VolumeDisk } from '@/host/hypervisor/volume-disks'
import { GuestRefusal } from '@/host/pods/ports'
import { mountKey, type Hold } from './hold'
import { serialOf } from './open-image'
import { problemOf } from './problem'
import { VolumeError, type Image, type VolumeStore } from './store'
import type { PodVm } from './vms'

/** A large file system that was not unmounted is checked for minutes; one that grows is written to. */
const longGuestMs = 600_000
/** How long a guest is waited for at a time: what it does not write out in it, or who does not let go, is told, and it is asked again. */
const unmountMs = 5_000
const forcedMs = 5_000

/** After an agent was started anew: what the VM has of it. `files`: the ones that it would write; null: not known yet. */
export async function takeUp(hold: Hold, uid: string, vm: PodVm, files: string[] | null): Promise<void> {
  const there = (await vm.disks.plugged()).find(({ serial }) => serial === serialOf(uid))
  if (!there) return hold.closed()
  hold.state = 'open'
  hold.size = there.sizeBytes
  hold.grown = false
  hold.files = files
}

/** What is found out of an attached volume: whether it has a file system now, and which; `repaired`: it had errors, which its check has mended. */
export type Attached = { formatted: 'ext4' | 'xfs' | 'block'; repaired: boolean }

/** Makes an image ready for a tenant, and tells the file that is its disk. Throws VolumeError. */
export type ImageFile = (volumeUid: string, reference: string, tenantId: string) => Promise<string>

/** Gives a pod's VM the disk and has its guest mount it. Repeating it does what is left to do. `formatted`: it had a file system before, and is filled with no image's files any more. */
export async function attach(hold: Hold, volume: HostVolume, { store, vm, formatted, imageFile }: { store: VolumeStore; vm: PodVm; formatted: boolean; imageFile: ImageFile }): Promise<Attached> {
  const { uid, mode, fsType } = volume
  const fill = formatted || hold.readOnly || !volume.populate ? null : { serial: fillSerial(uid), file: await imageFile(uid, volume.populate.reference, volume.tenantId) }
  const asked = (as: HostVolume['fsType'], populate: { serial: string } | null) => vm.guest.attach({ volume: hold.name, serial: serialOf(uid), fsType: as, mode, readOnly: hold.readOnly, format: !formatted && isBlankOrigin(volume.origin), discard: givesBack(volume), populate }, longGuestMs).catch(asACopy(volume, formatted))
  const mount = () => (fill ? withImage(vm, fill, () => asked(fsType, { serial: fill.serial })) : asked(fsType, null).catch(asItStands(volume, (as) => asked(as, null))))
  let mounted: Promise<AttachVolumeResult> | undefined
  // The guest waits for the disk, and has understood what it is asked by the time that QEMU has plugged it.
  const begin = () => {
    if (!fill) mounted = mount()
    mounted?.catch(() => {})
  }
  try {
    await vm.serial.do(() => plug(hold, volume, store, vm, begin))
  } catch (error) {
    // A guest that waits in vain says so in some seconds: what is tried next is not to meet it.
    await mounted?.catch(() => {})
    throw error
  }
  // Beside it: the guest has long to do, and is not to wait for what is asked of QEMU.
  const [result, there] = await Promise.all([mounted ?? mount(), vm.disks.plugged()]).catch((error: unknown) => takenBack(hold, uid, vm, error))
  hold.size = there.find((one) => one.serial === serialOf(uid))?.sizeBytes ?? null
  hold.state = 'mounted'
  hold.device = result.device
  hold.fsBytes = mode === 'block' ? null : result.fsBytes
  hold.usedBytes = mode === 'block' ? null : result.usedBytes
  return { formatted: result.fsType ?? 'block', repaired: result.checked === 'repaired' }
}

/** Of a disk that is read alone: its journal cannot be replayed, or not now. What is tried next gets the disk with another file over it, or with one at all. */
const unreplayed = new Set<string>(['Conflict', 'Unavailable'])

/** A disk that its guest does not take is taken away again: snapshots and clones are of a volume that nobody has open, or whose guest writes to it. Throws what the guest said. */
async function takenBack(hold: Hold, uid: string, vm: PodVm, error: unknown): Promise<never> {
  if (error instanceof GuestRefusal && (problemOf(error, '').isFinal || (hold.readOnly && error.about === serialOf(uid) && unreplayed.has(error.code)))) {
    // What is not given back now is when the pod is given it next, or detaches it.
    await vm.serial.do(() => vm.disks.unplug(serialOf(uid), hold.files ?? [])).then(() => hold.closed(), () => {})
  }
  throw error
}

/**
 * What a volume gives back counts as written where it is bounded, and who waits for that waits long: a deleted file of 100 GiB is an hour under a bound of 30 MiB/s, and one that lies in 6,000 pieces a minute under one
 * of 100 operations.
 */
const givesBack = ({ rates, mode }: HostVolume): boolean => mode === 'filesystem' && rates.bytesPerSecond === null && rates.iops === null

/** Does nothing where the VM has the disk. `begin` is called when nothing stands against the guest's using it any more, just before it is shown it. */
async function plug(hold: Hold, volume: HostVolume, store: VolumeStore, vm: PodVm, begin: () => void): Promise<void> {
  const { uid, rates } = volume
  const serial = serialOf(uid)
  const there = await vm.disks.plugged()
  const before = there.find((one) => one.serial === serial)
  if (before && before.device && before.readOnly === hold.readOnly) return
  const image = await store.image(uid, hold.readOnly ? 'read' : 'write', hold.epoch)
  if (before) await vm.disks.unplug(serial, hold.files ?? writtenFiles(image))
  hold.files = writtenFiles(image)
  // From here on it may be open, whatever becomes of this.
  hold.state = 'open'
  const confirmed = async () => {
    if (!hold.readOnly) await store.confirmOpen(uid, hold.epoch)
    begin()
  }
  const pluggedAt = performance.now()
  await vm.disks.plug(diskOf(volume, image, hold), confirmed, there.filter((one) => one.serial !== serial))
  hold.pluggedAt = pluggedAt
  hold.rates = JSON.stringify(rates)
}

/**
 * Whatever was uploaded, or copied of a volume, may hold bytes where no file system is known, and look blank: none is made over it. A guest that is told so takes it for one that had a file system.
 */
const asACopy = ({ origin }: HostVolume, formatted: boolean) => (error: unknown): never => {
  if (formatted || isBlankOrigin(origin) || !(error instanceof GuestRefusal) || error.code !== 'FilesystemDamaged') throw error
  throw new GuestRefusal('UnknownFilesystem', `the volume was made of ${origin.kind === 'upload' ? 'an upload' : 'a snapshot'}, and its disk has no file system that can be mounted: nothing was changed. Make the volume anew with volumeMode: Block, and one in a pod that has it as a device; or make a blank volume`, error.about)
}

/** What a copy has wins over what its class gives to new ones: nobody knew it before a guest has looked. */
const asItStands = <T>({ origin, fsType }: HostVolume, again: (fsType: HostVolume['fsType']) => Promise<T>) => (error: unknown): Promise<T> => {
  if (origin.kind === 'blank' || !(error instanceof GuestRefusal) || error.code !== 'FilesystemMismatch') throw error
  return again(fsType === 'ext4' ? 'xfs' : 'ext4')
}

/** The guest finds the disk of an image by it, with whose files a volume is filled. */
const fillSerial = (volumeUid: string): string => `fill-${serialOf(volumeUid).slice(0, 15)}`

async function withImage<T>(vm: PodVm, { serial, file }: { serial: string; file: string }, work: () => Promise<T>): Promise<T> {
  await vm.serial.do(() => vm.plugImage(serial, file))
  try {
    return await work()
  } finally {
    // One that the guest does not give back goes with the VM.
    await vm.serial.do(() => vm.unplugImage(serial)).catch(() => {})
  }
}

/** The journal of a file system that is read alone is replayed, for what was said to be on the disk may stand there only. */
function diskOf({ uid, sizeBytes, rates, onFull, mode }: HostVolume, image: Image, { readOnly }: Hold): VolumeDisk {
  const disk = { serial: serialOf(uid), readOnly, sizeBytes, rates, onFull, replays: readOnly && mode === 'filesystem' }
  if (image.kind === 'layers') return { ...disk, direct: image.direct, layers: image.layers }
  return { ...disk, ceph: { options: image.options, secret: image.secret } }
}

/** None of its files may be written by who had it: those below the top are frozen, now or some snapshots ago. */
export const writtenFiles = (image: Image): string[] => (image.kind === 'layers' ? image.layers.map(({ path }) => path) : [])

/** So often a store that is not open is waited for, some 30 s, before a VM is ended of which nobody could say what it must not write any more. */
const patientTries = 5

/** Which files a volume's VM must not write afterwards. `isOfFiles`: they are in a store that has files. */
export type Written = { store: VolumeStore | null; epoch: number; isOfFiles: boolean }

/** Null: nobody can say it, now or ever. Throws `Unreachable` for as long as it is worth waiting. */
async function writtenOf(hold: Hold, volumeUid: string, { store, epoch, isOfFiles }: Written, isPatient: boolean): Promise<string[] | null> {
  if (hold.files || hold.readOnly || !isOfFiles) return hold.files ?? []
  try {
    if (store) return writtenFiles(await store.image(volumeUid, 'read', epoch))
  } catch (error) {
    // Another host has it under a higher epoch, or it is gone: no waiting helps.
    if (error instanceof VolumeError && error.code !== 'Unreachable') return null
  }
  if (!isPatient) return null
  throw new VolumeError('Unreachable', volumeUid, 'The store of the volume does not answer, by whose files it is made sure that the pod cannot write them any more. It is tried again; ask the operator to look at the store.')
}

/**
 * Takes the disk away from the VM. Not forced, the guest has to have unmounted it, and says who is in the way; forced, it has some seconds, and a VM that does not give the disk back is
 * ended; also one of which nobody can say which files it must not write any more. Nothing has the image open when it resolves. `lost` is told why some of what the pod wrote was not written out, as soon as its guest says it.
 */
export async function detach(hold: Hold, volumeUid: string, vm: PodVm, forced: boolean, written: Written, lost: (cause: string) => void): Promise<void> {
  hold.files = await writtenOf(hold, volumeUid, written, !forced || hold.failures < patientTries)
  const asked = vm.guest.detach({ volume: hold.name, force: forced, timeoutMilliseconds: forced ? forcedMs : unmountMs })
  const { notWritten } = await asked.catch((error: unknown): DetachVolumeResult => (forced ? {} : unlessUnknown(error)))
  if (notWritten !== undefined) lost(notWritten)
  try {
    if (!hold.files) await vm.end()
    else await vm.serial.do(() => vm.disks.unplug(serialOf(volumeUid), hold.files ?? []))
  } catch (error) {
    if (!forced && !(error instanceof StillWritten)) throw error
    await vm.end()
  }
  hold.closed()
}

/** A guest that never had it mounted has nothing to write out. */
function unlessUnknown(error: unknown): DetachVolumeResult {
  if (error instanceof GuestRefusal && error.code === 'InvalidRequest') return {}
  throw error
}

/** The disk grows under whoever writes to it, then what is written down of it, then the guest's file system. */
export async function growOpen(hold: Hold, { uid, sizeBytes, mode }: HostVolume, store: VolumeStore, vm: PodVm): Promise<void> {
  hold.grown = false
  const disk = (await vm.disks.plugged()).find(({ serial }) => serial === serialOf(uid))
  if (!disk || disk.sizeBytes < sizeBytes) {
    // QEMU, and the VM with it, would wait for a store that does not answer.
    await store.probe()
    await vm.serial.do(() => vm.disks.grow(serialOf(uid), sizeBytes))
  }
  hold.size = Math.max(sizeBytes, disk?.sizeBytes ?? 0)
  await store.grow(uid, sizeBytes)
  if (mode === 'filesystem') hold.fsBytes = await vm.guest.grow(hold.name, longGuestMs)
  hold.grown = true
}

/** Into the containers that run: each start of one has it mounted, or its device node, anew. A container that does not run gets it with its next start. */
export async function mountHot(hold: Hold, { mode }: Pick<HostVolume, 'mode'>, { mounts }: HostVolumeAttachment, vm: PodVm): Promise<void> {
  for (const { container, path, subPath, readOnly } of mounts ?? []) {
    const start = vm.startOf(container)
    if (hold.mounts.get(mountKey(container, path)) === start) continue
    const at = { container, volume: hold.name, path }
    await (mode === 'block' ? vm.guest.addDevice(at) : vm.guest.mount({ ...at, subPath, readOnly: readOnly || hold.readOnly })).catch(unlessEnded)
    hold.mounts.set(mountKey(container, path), start)
  }
}

function unlessEnded(error: unknown): void {
  if (error instanceof GuestRefusal && (error.code === 'NotFound' || error.code === 'Conflict')) return
  throw error
}
