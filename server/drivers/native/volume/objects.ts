import type { HostVolume, HostVolumeAttachment, HostVolumeSnapshot, HostVolumeStore, VolumeOrigin } from '@/contracts/host/v1/volumes'
import type { AttachmentState, SnapshotState, StoreState, VolumeState } from '@/domain/volume/host-state'
import { ratesWithin } from '@/domain/volume/limits'
import { formattedAs } from '@/domain/volume/state'

const isFinal = ({ phase }: AttachmentState) => phase === 'Detaching'

export function storeObject({ uid, name, spec, keyRevision, holdsVolumes }: StoreState): HostVolumeStore {
  if (spec.kind === 'file') return { kind: 'store', uid, name, store: { type: 'file', folder: spec.folder ?? null, shared: spec.shared }, ...(spec.shared && { holdsVolumes }) }
  const { monitors, pool, user, networks } = spec
  return { kind: 'store', uid, name, store: { type: 'rbd', monitors, pool, namespace: null, user, networks, keyRevision: keyRevision ?? '' } }
}

/**
 * What a host is told of a volume: its keeper all of it, another one what its pods read. Null: nothing.
 * @param isTold whether the host may be told of that right, of one that it may have by the rows
 */
export function volumeObject(volume: VolumeState, hostId: string, isTold: (attachment: AttachmentState) => boolean): HostVolume | null {
  const keeper = volume.hostId === hostId && !volume.leaving
  const mine = volume.attachments.filter(({ readOnly }) => keeper || readOnly)
  const attachments = mine.filter((one) => !isFinal(one) && isTold(one)).map(attachmentOf)
  const detaching = mine.filter(isFinal).map(({ podUid, forced }) => ({ podUid, forced }))
  if (!keeper && attachments.length === 0 && detaching.length === 0) return null
  const { spec } = volume
  const fsType = formattedAs(volume.formatted) ?? spec.fsType ?? volume.class.fsType
  return {
    kind: 'volume', uid: volume.uid, tenantId: volume.tenantId, name: volume.name, storeUid: volume.storeUid, epoch: volume.epoch, keeper,
    sizeBytes: volume.sizeBytes, origin: originOf(volume), made: volume.made, mode: spec.volumeMode === 'Block' ? 'block' : 'filesystem', fsType, formatted: volume.formatted !== null,
    populate: spec.source.kind === 'Image' && volume.formatted === null ? { reference: spec.source.reference } : null,
    rates: ratesWithin(spec.limits, volume.class.limits), onFull: (spec.onFull ?? volume.class.onFull) === 'Pause' ? 'pause' : 'fail',
    fence: keeper ? volume.fence : null, revertTo: keeper ? volume.revertTo : null, purge: keeper && volume.purging, flatten: keeper && volume.class.flattenClones && volume.hasParent,
    attachments, detaching,
  }
}

const attachmentOf = ({ uid, podUid, name, readOnly, epoch, mounts }: AttachmentState): HostVolumeAttachment => ({
  uid, podUid, name, readOnly, epoch, mounts: mounts && mounts.map(({ container, mountPath, subPath, readOnly: ro }) => ({ container, path: mountPath, subPath: subPath ?? '', readOnly: ro })),
})

/** Of an archive that is gone nothing can be made: the host finds that out when it asks for it. */
function originOf({ sourceSnapshotUid, sourceUploadId, sourceBlank, upload }: VolumeState): VolumeOrigin {
  if (sourceSnapshotUid !== null) return { kind: 'snapshot', snapshotUid: sourceSnapshotUid, blank: sourceBlank }
  if (sourceUploadId === null) return { kind: 'blank' }
  const { format, virtualBytes, bytes, digest } = upload ?? { format: 'raw', virtualBytes: 0, bytes: 0, digest: '' }
  return { kind: 'upload', uploadId: sourceUploadId, format, virtualBytes, bytes, digest }
}

const states: Readonly<Record<string, HostVolumeSnapshot['state']>> = { Asked: 'asked', Taking: 'asked', Ready: 'ready', Deleting: 'remove' }

/** Null of one that was not taken, and of which nothing is stored. */
export function snapshotObject({ uid, tenantId, volumeUid, storeUid, groupUid, groupSize, freeze, phase, sizeBytes, hidden, remains }: SnapshotState): HostVolumeSnapshot | null {
  const state = phase === 'Failed' && remains ? 'remove' : states[phase]
  return state === undefined ? null : { kind: 'snapshot', uid, tenantId, volumeUid, storeUid, group: groupUid, groupSize, freeze, state, sizeBytes, ...(hidden && { patient: true }) }
}
