import { persistentVolumes } from '@/domain/pod/persistent-volumes'
import type { PodSpec } from '@/domain/pod/spec'
import type { AttachmentView, VolumeView } from '@/domain/volume/view'

/** A volume that a pod has, shall have, or names in vain. `named`: what its spec says; null: it came while the pod ran. `places`: where containers have it. */
export type PodVolume = { key: string; named: { kind: 'Volume' | 'PersistentVolumeClaim'; name: string } | null; volume: VolumeView | null; attachment: AttachmentView | null; places: string[]; readOnly: boolean }

/** Where containers have one that came while they ran: a folder, or a device. */
export const hotPlaces = ({ mounts, devices }: Pick<AttachmentView, 'mounts' | 'devices'>): { container: string; path: string }[] => [...mounts.map(({ container, mountPath }) => ({ container, path: mountPath })), ...devices.map(({ container, devicePath }) => ({ container, path: devicePath }))]

type Pod = { metadata: { uid: string; namespace: string }; spec: Pick<PodSpec, 'volumes' | 'containers' | 'initContainers'> }

/** What of a pod's spec names this volume? A Volume by its uid or name, a claim by its volume's. */
const isNamed = (namespace: string, { kind, name }: NonNullable<PodVolume['named']>, { metadata, status }: VolumeView): boolean =>
  kind === 'Volume' ? metadata.uid === name || metadata.name === name : status.claim?.namespace === namespace && status.claim.name === name

/** The volumes of a pod that outlive it: those of its spec in their order, then those that came while it ran. */
export function volumesOfPod({ metadata, spec }: Pod, volumes: readonly VolumeView[]): PodVolume[] {
  const attachmentOf = (volume: VolumeView | null) => volume?.status.attachments.find(({ podUid }) => podUid === metadata.uid) ?? null
  const named = persistentVolumes(spec).map(({ name, reference: { kind, name: of }, readOnly }): PodVolume => {
    const volume = volumes.find((each) => isNamed(metadata.namespace, { kind, name: of }, each)) ?? null
    const places = spec.containers.flatMap((container) => [...container.volumeMounts.filter((mount) => mount.name === name).map((mount) => mount.mountPath), ...(container.volumeDevices ?? []).filter((device) => device.name === name).map((device) => device.devicePath)])
    return { key: name, named: { kind, name: of }, volume, attachment: attachmentOf(volume), places: [...new Set(places)], readOnly }
  })
  const hot = volumes.flatMap((volume): PodVolume[] => {
    const attachment = attachmentOf(volume)
    return attachment?.hot ? [{ key: volume.metadata.uid, named: null, volume, attachment, places: [...new Set(hotPlaces(attachment).map(({ path }) => path))], readOnly: attachment.readOnly }] : []
  })
  return [...named, ...hot]
}
