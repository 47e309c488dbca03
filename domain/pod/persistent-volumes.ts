import { maxVolumesPerPod } from '../volume/limits'
import { duplicates } from './fields'
import type { PodSpec } from './spec'
import { isPersistentVolume, type VolumeSpec } from './volume'

/** Where a pod's spec names a volume that outlives it: a Volume of the tenant by its uid or its name, or a claim of the pod's own namespace. */
export type VolumeReference = { kind: 'Volume' | 'PersistentVolumeClaim'; name: string; optional: false }
/** Such a volume, as the pod uses it. `name` is the one in its spec; `isBlock`: as a device (true), with its file system (false), or not at all (null). `fsType`: what a blank one is given; null: nothing is said. */
export type PersistentVolume = { name: string; reference: VolumeReference; readOnly: boolean; isBlock: boolean | null; fsType: 'ext4' | 'xfs' | null }

type Volumes = Pick<PodSpec, 'volumes' | 'containers' | 'initContainers'>

function referenceOf({ cinder, persistentVolumeClaim }: VolumeSpec): VolumeReference | null {
  if (cinder) return { kind: 'Volume', name: cinder.volumeID, optional: false }
  return persistentVolumeClaim ? { kind: 'PersistentVolumeClaim', name: persistentVolumeClaim.claimName, optional: false } : null
}

/** The pod's volumes that outlive it, in the order of its spec. */
export function persistentVolumes(spec: Volumes): PersistentVolume[] {
  const containers = [...spec.initContainers, ...spec.containers]
  const devices = new Set(containers.flatMap(({ volumeDevices }) => volumeDevices.map(({ name }) => name)))
  const mounted = new Set(containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)))
  return spec.volumes.flatMap((volume) => {
    const reference = referenceOf(volume)
    const isBlock = devices.has(volume.name) ? true : mounted.has(volume.name) ? false : null
    return reference ? [{ name: volume.name, reference, readOnly: volume.cinder?.readOnly ?? volume.persistentVolumeClaim?.readOnly ?? false, isBlock, fsType: volume.cinder?.fsType ?? null }] : []
  })
}

/** What a spec names of volumes, each once: written down with the pod, whether it is there or not. */
export const volumeReferences = (spec: Volumes): VolumeReference[] => persistentVolumes(spec).map(({ reference }) => reference)

type Problem = { path: (string | number)[]; message: string }

/** What is wrong with a spec's use of volumes that outlive it. */
export function persistentVolumeProblems(spec: Volumes): Problem[] {
  return [...listProblems(spec.volumes), ...(['initContainers', 'containers'] as const).flatMap((list) => spec[list].flatMap((container, i) => deviceProblems(spec, container, [list, i])))]
}

function listProblems(volumes: Volumes['volumes']): Problem[] {
  const keys = volumes.map((volume, i) => {
    const reference = referenceOf(volume)
    return reference ? `${reference.kind}/${reference.name}` : `${i}`
  })
  const twice = duplicates(keys).map((i): Problem => ({ path: ['volumes', i], message: 'names the same volume as another entry of this pod: mount that one several times instead' }))
  const many = volumes.filter(isPersistentVolume).length
  return many > maxVolumesPerPod ? [...twice, { path: ['volumes'], message: `must have at most ${maxVolumesPerPod} volumes of kind cinder and persistentVolumeClaim: a virtual machine has places for so many disks, and has ${many} here` }] : twice
}

/** A volume is a file system or a device, in all containers alike. */
function deviceProblems(spec: Volumes, { volumeDevices }: PodSpec['containers'][number], at: (string | number)[]): Problem[] {
  const mounted = new Set([...spec.initContainers, ...spec.containers].flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)))
  return volumeDevices.flatMap(({ name }, i): Problem[] => {
    const path = [...at, 'volumeDevices', i, 'name']
    const volume = spec.volumes.find((one) => one.name === name)
    if (!volume) return [{ path, message: `no volume "${name}" is in spec.volumes` }]
    if (!isPersistentVolume(volume)) return [{ path, message: `the volume "${name}" is no disk of its own: name one of kind cinder or persistentVolumeClaim` }]
    return mounted.has(name) ? [{ path, message: `the volume "${name}" is mounted by a container of this pod: it is a file system or a device, in all of them` }] : []
  })
}

/** A pod's right to a volume, as its host needs it. */
type Attachment = { uid: string; volumeUid: string; name: string; readOnly: boolean; hostId: string | null; epoch: bigint | null; phase: string }
/** contracts/host/v1/volumes.ts `assignedVolume`. */
export type AssignedVolume = { name: string; volumeUid: string; attachmentUid: string; epoch: number; readOnly: boolean }

/**
 * Which volume each of a spec's volumes is, for the host that runs the pod: those that it may open. Undefined where the spec names none. A host starts the pod once all that
 * the spec names are here and it holds them; an attachment that ends is left out, so that a pod whose machine ended does not start with it anew.
 */
export function assignedVolumes(spec: Volumes, hostId: string, attachments: readonly Attachment[]): AssignedVolume[] | undefined {
  const names = persistentVolumes(spec).map(({ name }) => name)
  if (names.length === 0) return undefined
  return attachments.flatMap(({ uid, volumeUid, name, readOnly, epoch, phase, ...one }) => {
    const isHeld = one.hostId === hostId && (phase === 'Attaching' || phase === 'Attached' || phase === 'Lost')
    return isHeld && epoch !== null && names.includes(name) ? [{ name, volumeUid, attachmentUid: uid, epoch: Number(epoch), readOnly }] : []
  })
}
