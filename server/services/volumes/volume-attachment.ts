import { z } from 'zod'
import { persistentVolumes } from '@/domain/pod/persistent-volumes'
import { podContainers } from '@/domain/pod/spec'
import { DomainError, notFound } from '@/domain/shared/errors'
import { hotDevices, hotMounts, mountOfDevice, type HotDevice, type HotMount } from '@/domain/volume/attachment'
import { maxAttachmentsPerVolume, maxVolumesPerPod } from '@/domain/volume/limits'
import { placesInWords } from '@/domain/volume/places-words'
import { placeRefusal, plainPath } from '@/domain/volume/places'
import { volumeSpec, type VolumeSpec } from '@/domain/volume/spec'
import type { VolumeView } from '@/domain/volume/view'
import { isShared, volumeStoreSpec } from '@/domain/volume-store/spec'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { podInWords, tellAsked } from '@/server/store/volume-events'
import { attachmentsOfPod, holdPodForVolume, insertHotAttachment, podNamesOf, type PodForVolume } from '@/server/store/volume-attachments'
import { resolvePodVolumes } from '@/server/store/volume-references'
import type { VolumeRow } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { canonicalJson } from '../idempotency'
import { checkRevision, holdTenant, refusedAt, resourceVersion } from '../networks/object-lists'
import { podReference } from '../pods/delete-pod'
import { volumeReference, volumeViewOf } from './volume-view'
import { heldVolume } from './volumes'

/** Where the pod's containers get it: `mounts` of a file system, `devices` of a block device. `readOnly`: for all of them, and the disk itself. */
export const attachVolumeInput = volumeReference.extend({ pod: podReference, mounts: hotMounts.default([]), devices: hotDevices.default([]), readOnly: z.boolean().default(false), resourceVersion })

/** Gives a volume to a pod that runs. It waits for nothing: the volume's attachments say how far it is. Said again it changes nothing. */
export function attachVolume(ctx: ServerContext, scope: Scope, { name, pod: reference, mounts: folders, devices, readOnly, resourceVersion }: z.output<typeof attachVolumeInput>): Promise<VolumeView> {
  if (!scope.allows('pod.create')) throw notFound('Pod', reference.name)
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await heldVolume(tx, scope, name)
    const pod = await holdPodForVolume(tx, scope, reference)
    if (!pod) throw refusedAt('pod.name', `there is no pod "${reference.name}" in namespace "${reference.namespace}"`, 'invalid_input')
    const spec = volumeSpec.parse(row.spec)
    const mounts = placesOf(row.name, spec, folders, devices)
    const wish = { readOnly: readOnly || spec.accessMode === 'ReadOnlyMany', mounts }
    if (isSame(row, pod, wish)) return volumeViewOf(tx, scope, name)
    checkRevision('Volume', row, resourceVersion)
    checkVolume(row)
    checkPod(pod)
    await checkOwner(tx, row, pod, wish.readOnly)
    checkHost(row, pod)
    await checkMounts(tx, pod, mounts, spec.volumeMode === 'Block')
    await insertHotAttachment(tx, scope, { volumeUid: row.uid, podUid: pod.uid, name: `hot-${row.uid}`, ...wish })
    await recordAudit(tx, scope, { action: 'volume.attach', kind: 'Volume', name, detail: `to ${pod.namespace}/${pod.name} at ${mounts.map(({ container, mountPath }) => `${container}:${mountPath}`).join(', ')}`.slice(0, 500) })
    await tellAsked(tx, scope, row, 'AttachRequested', `gives it to ${podInWords(pod)}${wish.readOnly ? ' for reading' : ''}${placesInWords(mounts)}.`)
    return volumeViewOf(tx, scope, name)
  }, { repeatable: true })
}

/** Where containers get it, as it is stored. */
function placesOf(name: string, { volumeMode }: VolumeSpec, mounts: HotMount[], devices: readonly HotDevice[]): HotMount[] {
  const isBlock = volumeMode === 'Block'
  if (isBlock && mounts.length > 0) throw refusedAt('mounts', `the volume "${name}" is a block device, and has no file system to be mounted: name containers and paths in devices`, 'invalid_input')
  if (!isBlock && devices.length > 0) throw refusedAt('devices', `the volume "${name}" has a file system, and is no device of a container: name containers and paths in mounts`, 'invalid_input')
  const places = isBlock ? devices.map(mountOfDevice) : mounts
  if (places.length === 0) throw refusedAt(isBlock ? 'devices' : 'mounts', isBlock ? 'must name a container and the path of its device' : 'must name a container and where it is mounted', 'invalid_input')
  return places
}

const isSame = ({ attachments }: VolumeRow, pod: PodForVolume, wish: { readOnly: boolean; mounts: HotMount[] }): boolean =>
  attachments.some((one) => one.podUid === pod.uid && one.wanted && one.mounts !== null && canonicalJson([one.readOnly, hotMounts.catch([]).parse(one.mounts)]) === canonicalJson([wish.readOnly, wish.mounts]))

function checkVolume(row: VolumeRow): void {
  const the = `The volume "${row.name}"`
  const refuse = (message: string) => new DomainError('failed_precondition', `${the} ${message}`)
  if (row.deletedAt) throw refuse('is deleted: restore it first.')
  if (row.storedPhase === 'Failed') throw refuse('could not be made: its conditions say why.')
  if (row.revertTo !== null) throw refuse('is going back to a snapshot: attach it after that.')
}

function checkPod({ name, deletedAt, ended, host }: PodForVolume): void {
  const refuse = (message: string) => refusedAt('pod.name', `the pod "${name}" ${message}`)
  if (deletedAt) throw refuse('is being deleted')
  if (ended) throw refuse('has ended: create it anew, with the volume in its spec')
  if (!host) throw refuse('has no host yet: wait until it has one, or create it anew with the volume in its spec')
}

const said = (pod: { namespace: string; name: string } | undefined, host: string | undefined): string => (pod ? `the pod "${pod.name}" in namespace "${pod.namespace}"` : `a pod that is gone, of which the host "${host ?? ''}" has not let go yet`)

/** One pod writes a volume; one that is about to let go is waited for. The pod itself may have it only once. */
async function checkOwner(tx: Transaction, row: VolumeRow, pod: PodForVolume, readOnly: boolean): Promise<void> {
  const own = row.attachments.find(({ podUid }) => podUid === pod.uid)
  if (own) throw refusedAt('pod.name', own.wanted ? `the pod "${pod.name}" has the volume already, or waits for it: detach it there first, to mount it otherwise` : `the volume is being detached from the pod "${pod.name}": wait until it is`)
  const named = (await resolvePodVolumes(tx, [pod])).get(pod.uid) ?? []
  if (named.some(({ volume }) => volume?.uid === row.uid)) throw refusedAt('pod.name', `the spec of the pod "${pod.name}" names the volume: it is attached by itself`)
  if (row.attachments.length >= maxAttachmentsPerVolume) throw new DomainError('failed_precondition', `The volume "${row.name}" is attached to ${maxAttachmentsPerVolume} pods, which is the most.`)
  const isReader = readOnly && volumeSpec.parse(row.spec).accessMode === 'ReadOnlyMany'
  const other = row.attachments.find((one) => one.wanted && !(isReader && one.readOnly))
  if (!other) return
  const pods = await podNamesOf(tx, [other.podUid])
  throw new DomainError('failed_precondition', `The volume "${row.name}" is attached to ${said(pods.get(other.podUid), other.host?.name)}, and one pod at a time has it: detach it there first, or clone the volume.`)
}

/** A disk of another host does not come here. */
function checkHost({ name, homeHostId, home, store }: VolumeRow, pod: PodForVolume): void {
  if (isShared(volumeStoreSpec.parse(store.spec)) || homeHostId === null || homeHostId === pod.hostId) return
  throw refusedAt('pod.name', `the volume "${name}" lies on the disk of the host "${home?.name ?? ''}", and the pod "${pod.name}" is on "${pod.host?.name ?? ''}": create the pod anew with the volume in its spec, so that it comes to that host`)
}

async function checkMounts(tx: Transaction, pod: PodForVolume, mounts: readonly HotMount[], isBlock: boolean): Promise<void> {
  const hot = await attachmentsOfPod(tx, pod.uid)
  const volumes = new Set([...hot.map(({ name }) => name), ...persistentVolumes(pod.spec).map(({ name }) => name)])
  if (volumes.size >= maxVolumesPerPod) throw refusedAt('pod.name', `the pod "${pod.name}" has ${maxVolumesPerPod} volumes, and its virtual machine has places for so many disks`)
  const containers = podContainers(pod.spec).filter(({ role }) => role !== 'init')
  const place = (i: number) => (isBlock ? `devices[${i}].devicePath` : `mounts[${i}].mountPath`)
  const key = (container: string, path: string) => `${container} ${plainPath(path)}`
  const taken = new Set([...containers.flatMap(({ spec }) => [...spec.volumeMounts.map(({ mountPath }) => mountPath), ...(spec.volumeDevices ?? []).map(({ devicePath }) => devicePath)].map((path) => key(spec.name, path))), ...hot.flatMap((one) => one.mounts.map(({ container, mountPath }) => key(container, mountPath)))])
  for (const [i, { container, mountPath }] of mounts.entries()) {
    if (!containers.some(({ spec }) => spec.name === container)) throw refusedAt(`${isBlock ? 'devices' : 'mounts'}[${i}].container`, `the pod "${pod.name}" has no container "${container}" that goes on running: it has ${containers.map(({ spec }) => spec.name).join(', ')}`, 'invalid_input')
    const refusal = placeRefusal(mountPath, isBlock ? 'device' : 'folder')
    if (refusal !== null) throw refusedAt(place(i), refusal, 'invalid_input')
    const at = key(container, mountPath)
    if (taken.has(at)) throw refusedAt(place(i), `another volume is at ${mountPath} in the container "${container}": name another path`, 'invalid_input')
    taken.add(at)
  }
}
