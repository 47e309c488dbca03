import type { StorageClassSpec } from '../storage-class/spec'
import type { VolumeStoreSpec } from '../volume-store/spec'
import type { AttachmentPhase, HotMount } from './attachment'
import type { VolumeSpec } from './spec'

/** `keyRevision`: of the key that the store has now; null: none. */
/** `holdsVolumes`: of a folder that several hosts have, whether volumes or snapshots are in it. */
export type StoreState = { uid: string; name: string; spec: VolumeStoreSpec; keyRevision: string | null; holdsVolumes: boolean }
/** A pod's right to a volume on this host, whatever became of it. */
export type AttachmentState = { uid: string; podUid: string; name: string; readOnly: boolean; epoch: number; phase: AttachmentPhase; forced: boolean; mounts: HotMount[] | null }
export type UploadState = { id: string; format: 'raw' | 'qcow2'; bytes: number; virtualBytes: number; digest: string }
/** `upload`: null where the archive is not there any more. */
export type VolumeState = {
  uid: string; tenantId: string; name: string; storeUid: string; hostId: string | null; leaving: boolean; epoch: number; sizeBytes: number; spec: VolumeSpec; class: StorageClassSpec
  sourceSnapshotUid: string | null; sourceUploadId: string | null; sourceBlank: boolean; upload: UploadState | null; fence: { hostId: string; epoch: number } | null; revertTo: string | null; purging: boolean
  made: boolean; formatted: string | null; hasParent: boolean; attachments: AttachmentState[]
}
export type SnapshotState = {
  uid: string; tenantId: string; volumeUid: string | null; storeUid: string; groupUid: string | null; groupSize: number; freeze: boolean; phase: string; sizeBytes: number
  /** Made for a clone. */
  hidden: boolean
  /** It failed, and something of it may be in its store. */
  remains: boolean
}
