import { formatBytes } from '@/domain/shared/quantity'
import type { StorageClassSpec } from '@/domain/storage-class/spec'
import { accessModeOf, claimedBytes, claimedSize, volumeNameOf, type VolumeClaimSpec } from '@/domain/volume-claim/spec'
import { minXfsBytes } from '@/domain/volume/limits'
import { volumeSpec, type VolumeSpec } from '@/domain/volume/spec'
import type { ClaimVolume } from '@/server/store/claim-binding'

/** Why a claim has no volume, and what helps. */
export type Refusal = { reason: string; message: string }
export type ClaimClass = { uid: string; name: string; storeId: string; store: { name: string }; spec: Pick<StorageClassSpec, 'fsType'> }
/** A snapshot that a volume may be made of. */
export type SourceSnapshot = { uid: string; phase: string; deletedAt: Date | null; sizeBytes: bigint; content: string | null; storeId: string; homeHostId: string | null; store: { name: string } }
/** What a tenant has and may have. */
export type Use = { used: { volumes: number; bytes: number }; limits: { volumes: number; bytes: number } }

const no = (reason: string, message: string): Refusal => ({ reason, message })
export const isRefusal = <T extends object>(value: T | Refusal): value is Refusal => 'reason' in value

/** Whether a volume that the claim names can be the claim's; null: it can. */
export function refuseNamed(claimUid: string, spec: VolumeClaimSpec, volume: ClaimVolume | null): Refusal | null {
  const name = spec.volumeName ?? ''
  const the = `Volume "${name}"`
  if (!volume) return no('VolumeNotFound', `There is no volume "${name}": create it, or make a claim that names another one, or none, and one is made.`)
  if (volume.claimUid !== null && volume.claimUid !== claimUid) return no('VolumeTaken', `${the} is another claim's: name another volume, or delete that claim first.`)
  if (spec.storageClassName !== undefined && spec.storageClassName !== '' && spec.storageClassName !== volume.className) return no('ClassMismatch', `${the} is of the class "${volume.className}", and the claim asks for "${spec.storageClassName}": make a claim that names that class, or none.`)
  const size = claimedBytes(spec)
  if (volume.sizeBytes < BigInt(size)) return no('VolumeTooSmall', `${the} has ${formatBytes(Number(volume.sizeBytes))}, and the claim asks for ${formatBytes(size)}: let the volume grow, or make a claim that asks for less.`)
  if (volume.spec.volumeMode !== spec.volumeMode) return no('VolumeModeMismatch', `${the} is ${volume.spec.volumeMode}, and the claim asks for ${spec.volumeMode}: make a claim with volumeMode ${volume.spec.volumeMode}.`)
  if (volume.spec.accessMode !== accessModeOf(spec)) return no('AccessModeMismatch', `${the} is ${volume.spec.accessMode}, and the claim asks for ${accessModeOf(spec)}: make a claim with accessModes [${volume.spec.accessMode}].`)
  return null
}

/** What is made for a claim that names no volume: in this class, of nothing or of what it names. */
export function planNew(claimUid: string, spec: VolumeClaimSpec, found: ClaimClass | null, { used, limits }: Use): { name: string; sizeBytes: number; class: ClaimClass } | Refusal {
  if (!found) return spec.storageClassName === undefined ? no('NoDefaultClass', 'No storage class is the usual one: make a claim that names a class, or ask an operator for a usual one.') : no('StorageClassNotFound', `There is no storage class "${spec.storageClassName}": make a claim that names another one, or none for the usual one.`)
  const sizeBytes = claimedBytes(spec)
  const remedy = 'delete volumes that are not needed (deleted ones count until they are removed for good), or ask an operator for more'
  if (used.volumes >= limits.volumes) return no('QuotaExceeded', `The tenant has ${used.volumes} volumes, and may have ${limits.volumes}: ${remedy}.`)
  if (used.bytes + sizeBytes > limits.bytes) return no('QuotaExceeded', `The tenant's volumes and snapshots have ${formatBytes(used.bytes)}, and may have ${formatBytes(limits.bytes)}, so ${formatBytes(sizeBytes)} more do not fit: ${remedy}.`)
  const small = spec.dataSource ? null : refuseSmall(spec, found)
  if (small) return small
  if (accessModeOf(spec) === 'ReadOnlyMany' && !spec.dataSource) return no('NothingToRead', 'A volume that nobody writes has to be made of something: make a claim with a dataSource, or with accessModes [ReadWriteOnce].')
  return { name: volumeNameOf(claimUid), sizeBytes, class: found }
}

/** Where a file system is made on it that needs more. A copy has what its source has. */
const refuseSmall = (spec: VolumeClaimSpec, { name, spec: { fsType } }: ClaimClass): Refusal | null =>
  spec.volumeMode === 'Filesystem' && fsType === 'xfs' && claimedBytes(spec) < minXfsBytes ? no('TooSmallForXfs', `The claim asks for ${formatBytes(claimedBytes(spec))}, and the class "${name}" makes xfs, which needs 301 MiB: make a claim that asks for at least as much, or one of another class.`) : null

/** Where both have it: the size that is asked for, and the store of the class. */
function refuseSource(spec: VolumeClaimSpec, found: ClaimClass, source: { sizeBytes: bigint; storeId: string }, what: string): Refusal | null {
  const sizeBytes = claimedBytes(spec)
  if (BigInt(sizeBytes) < source.sizeBytes) return no('SourceTooLarge', `The claim asks for ${formatBytes(sizeBytes)}, and ${what} has ${formatBytes(Number(source.sizeBytes))}: make a claim that asks for at least as much.`)
  return source.storeId === found.storeId ? null : no('SourceElsewhere', `The class "${found.name}" keeps volumes in the store "${found.store.name}", and ${what} lies in another one: make a claim that names a class of that store.`)
}

export function refuseSnapshot(spec: VolumeClaimSpec, found: ClaimClass, snapshot: SourceSnapshot | null): Refusal | null {
  const name = spec.dataSource?.name ?? ''
  if (!snapshot) return no('SourceNotFound', `There is no snapshot "${name}": take it, or make a claim that names another one.`)
  if (snapshot.deletedAt) return no('SourceNotFound', `The snapshot "${name}" is being deleted: make a claim that names another one.`)
  if (snapshot.phase === 'Failed') return no('SourceFailed', `The snapshot "${name}" could not be taken: make a claim that names another one.`)
  if (snapshot.phase !== 'Ready') return no('SourcePending', `The snapshot "${name}" is being taken.`)
  const what = `the snapshot "${name}"`
  return (snapshot.content === 'blank' ? refuseBlank(spec, what) : null) ?? refuseSource(spec, found, snapshot, what) ?? (snapshot.content === 'blank' ? refuseSmall(spec, found) : null)
}

/** `volume`: of the claim that is named; undefined: there is none; null: it has no volume. */
export function refuseClone(spec: VolumeClaimSpec, found: ClaimClass, volume: ClaimVolume | null | undefined): Refusal | null {
  const name = spec.dataSource?.name ?? ''
  if (volume === undefined) return no('SourceNotFound', `There is no PersistentVolumeClaim "${name}" in this namespace: create it, or make a claim that names another one.`)
  if (volume === null || volume.deleted || volume.reverting || volume.stored !== 'Ready') return no('SourcePending', `The PersistentVolumeClaim "${name}" has nothing yet that could be cloned: its volume is not made, or goes back to a snapshot.`)
  if (volume.unfilled) return no('SourcePending', `The files of its image are not in the volume of the PersistentVolumeClaim "${name}" yet: they come with the first pod that writes to it.`)
  if (volume.free < 1) return no('TooManySnapshots', `The volume of the PersistentVolumeClaim "${name}" has as many snapshots as its store keeps of one, and a clone is made of one more: delete some that nobody needs.`)
  const what = `the volume of the PersistentVolumeClaim "${name}"`
  return refuseSource(spec, found, volume, what) ?? refuseContent(spec, found, volume.formatted, what)
}

/** A clone is used as its source is, and what is blank has nothing to read, as `volume.create` has it; of a snapshot a volume of the other mode can be made. */
function refuseContent(spec: VolumeClaimSpec, found: ClaimClass, formatted: string | null, what: string): Refusal | null {
  if (formatted === null) return refuseBlank(spec, what) ?? refuseSmall(spec, found)
  const mode = formatted === 'block' ? 'Block' : 'Filesystem'
  return mode === spec.volumeMode ? null : no('VolumeModeMismatch', `The claim asks for ${spec.volumeMode}, and ${what} is ${mode === 'Block' ? 'a block device' : `a file system (${formatted})`}: make a claim with volumeMode ${mode}, or one of a snapshot of it, which may be of either.`)
}

/** A file system is made by a pod that writes. */
const refuseBlank = (spec: VolumeClaimSpec, what: string): Refusal | null =>
  accessModeOf(spec) === 'ReadOnlyMany' && spec.volumeMode === 'Filesystem' ? no('NothingToRead', `${what.charAt(0).toUpperCase()}${what.slice(1)} is blank, so that there is nothing to read: make a claim with accessModes [ReadWriteOnce], or with another dataSource.`) : null

/** The spec of the volume that is made. `source`: the volume that it is a clone of, by name. */
export function specFor(spec: VolumeClaimSpec, className: string, source: VolumeSpec['source']): VolumeSpec {
  return volumeSpec.parse({ size: claimedSize(spec), storageClassName: className, accessMode: accessModeOf(spec), volumeMode: spec.volumeMode, source })
}
