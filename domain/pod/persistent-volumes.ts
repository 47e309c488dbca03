// Only types come from the schemas, so that a page of the console needs no schema library for it.
import type { PodSpec } from './spec'
import type { VolumeSpec } from './volume'

/** Where a pod's spec names a volume that outlives it: a Volume of the tenant by its uid or its name, or a claim of the pod's own namespace. */
export type VolumeReference = { kind: 'Volume' | 'PersistentVolumeClaim'; name: string; optional: false }
/** Such a volume, as the pod uses it. `name` is the one in its spec; `isBlock`: as a device (true), with its file system (false), or not at all (null). `fsType`: what a blank one is given; null: nothing is said. */
export type PersistentVolume = { name: string; reference: VolumeReference; readOnly: boolean; isBlock: boolean | null; fsType: 'ext4' | 'xfs' | null }

export type SpecVolumes = Pick<PodSpec, 'volumes' | 'containers' | 'initContainers'>

/** What a volume names; null where it lives in the pod's own machine. */
export function referenceOf({ cinder, persistentVolumeClaim }: VolumeSpec): VolumeReference | null {
  if (cinder) return { kind: 'Volume', name: cinder.volumeID, optional: false }
  return persistentVolumeClaim ? { kind: 'PersistentVolumeClaim', name: persistentVolumeClaim.claimName, optional: false } : null
}

/** The pod's volumes that outlive it, in the order of its spec. */
export function persistentVolumes(spec: SpecVolumes): PersistentVolume[] {
  const containers = [...spec.initContainers, ...spec.containers]
  const devices = new Set(containers.flatMap(({ volumeDevices = [] }) => volumeDevices.map(({ name }) => name)))
  const mounted = new Set(containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)))
  return spec.volumes.flatMap((volume) => {
    const reference = referenceOf(volume)
    const isBlock = devices.has(volume.name) ? true : mounted.has(volume.name) ? false : null
    return reference ? [{ name: volume.name, reference, readOnly: volume.cinder?.readOnly ?? volume.persistentVolumeClaim?.readOnly ?? false, isBlock, fsType: volume.cinder?.fsType ?? null }] : []
  })
}

/** What a spec names of volumes, each once: written down with the pod, whether it is there or not. */
export const volumeReferences = (spec: SpecVolumes): VolumeReference[] => persistentVolumes(spec).map(({ reference }) => reference)

/** A pod's right to a volume, as its host needs it. */
type Attachment = { uid: string; volumeUid: string; name: string; readOnly: boolean; hostId: string | null; epoch: bigint | null; phase: string }
/** contracts/host/v1/volumes.ts `assignedVolume`. */
export type AssignedVolume = { name: string; volumeUid: string; attachmentUid: string; epoch: number; readOnly: boolean }

/**
 * Which volume each of a spec's volumes is, for the host that runs the pod: those that it may open. Undefined where the spec names none. A host starts the pod once all that
 * the spec names are here and it holds them; an attachment that ends is left out, so that a pod whose machine ended does not start with it anew.
 */
export function assignedVolumes(spec: SpecVolumes, hostId: string, attachments: readonly Attachment[]): AssignedVolume[] | undefined {
  const names = persistentVolumes(spec).map(({ name }) => name)
  if (names.length === 0) return undefined
  return attachments.flatMap(({ uid, volumeUid, name, readOnly, epoch, phase, ...one }) => {
    const isHeld = one.hostId === hostId && (phase === 'Attaching' || phase === 'Attached' || phase === 'Lost')
    return isHeld && epoch !== null && names.includes(name) ? [{ name, volumeUid, attachmentUid: uid, epoch: Number(epoch), readOnly }] : []
  })
}
