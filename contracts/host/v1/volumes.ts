import { z } from 'zod'
import { reportText, reportTime } from '@/domain/shared/report-text'
import { subnetText } from './fields'

/** 64 TiB: more than a volume may have, for what a store as a whole has is written so, too. */
const bytes = z.number().int().min(0).max(2 ** 46)
/** Of bytes of a store or of a volume's image on a store, which may be larger than what was promised. */
const capacity = z.number().int().min(0).max(2 ** 60)
/** The fencing number: whoever has a lower one than is known of a volume opens nothing of it. */
const epoch = z.number().int().min(0).max(2 ** 52)
/** Names of pools, namespaces and users of Ceph become words of commands: none that is an option, and none that ends a word. */
const cephName = z.string().max(128).regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, 'must be letters, digits, "_", "." and "-"')
const rate = z.number().int().min(1).max(2 ** 40).nullable()

/** Operations and bytes a second; null: no bound. A burst lasts for at most so many seconds. */
export const volumeRates = z.object({ iops: rate, iopsBurst: rate, bytesPerSecond: rate, bytesPerSecondBurst: rate, burstSeconds: z.number().int().min(1).max(3600) })
export type VolumeRates = z.infer<typeof volumeRates>

/** `folder`: null is the host's own setting. `shared`: every host of the store sees the same folder. `networks`: where its daemons are. `keyRevision`: of the key that a message of its own brings. */
const storeAccess = z.discriminatedUnion('type', [
  z.object({ type: z.literal('file'), folder: z.string().max(512).startsWith('/').nullable(), shared: z.boolean() }),
  z.object({ type: z.literal('rbd'), monitors: z.array(z.string().max(64).regex(/^[0-9A-Fa-f.:[\]]+$/, 'must be an address with a port')).min(1).max(9), pool: cephName, namespace: cephName.nullable(), user: cephName, networks: z.array(subnetText).min(1).max(16), keyRevision: z.string().max(64) }),
])
export type StoreAccess = z.infer<typeof storeAccess>
/** `holdsVolumes`: of a folder that several hosts have: volumes were made in it, so that an empty one is not the store; false: none were. Left out: not known. */
const volumeStore = z.object({ kind: z.literal('store'), uid: z.uuid(), name: z.string().max(63), store: storeAccess, holdsVolumes: z.boolean().optional() })
export type HostVolumeStore = z.infer<typeof volumeStore>

/** What a volume is made of where it is not there yet. `blank`: nothing ever stood on what that is a snapshot of. `virtualBytes` of an archive: as its header says. */
const volumeOrigin = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('blank') }),
  z.object({ kind: z.literal('snapshot'), snapshotUid: z.uuid(), blank: z.boolean().optional() }),
  z.object({ kind: z.literal('upload'), uploadId: z.uuid(), format: z.enum(['raw', 'qcow2']), virtualBytes: bytes, bytes, digest: z.string().max(128) }),
])
export type VolumeOrigin = z.infer<typeof volumeOrigin>
/** Whether nothing can stand on a volume that was made so and has never had a file system: one may be made there. Whatever else was copied or uploaded may look blank and have bytes. */
export const isBlankOrigin = (origin: VolumeOrigin): boolean => origin.kind === 'blank' || (origin.kind === 'snapshot' && origin.blank === true)

/** Whom the keeper has to shut out before it opens: the host that had the volume before, under this epoch. */
const volumeFence = z.object({ hostId: z.uuid(), epoch })
export type VolumeFence = z.infer<typeof volumeFence>

/** Where a volume that came while its pod ran is mounted. */
const hotMount = z.object({ container: z.string().max(63), path: z.string().max(4096).startsWith('/'), subPath: z.string().max(4096), readOnly: z.boolean() })
const volumeAttachment = z.object({
  uid: z.uuid(),
  podUid: z.uuid(),
  /** The volume's name in the pod's spec, or the one of a hot attachment. */
  name: z.string().max(63),
  readOnly: z.boolean(),
  epoch,
  /** Null: as the pod's spec says. */
  mounts: z.array(hotMount).max(100).nullable(),
})
export type HostVolumeAttachment = z.infer<typeof volumeAttachment>

/**
 * A volume that this host keeps: it alone may open its image for writing; or one that pods of this host read. `attachments`: pods of this host that may have it now, at
 * most one for writing. One that is not named any more is detached with the guest's sync, unless `detaching` says that it is forced.
 */
const volume = z.object({
  kind: z.literal('volume'),
  uid: z.uuid(),
  tenantId: z.string().max(32),
  name: z.string().max(253),
  storeUid: z.uuid(),
  epoch,
  /** It keeps it: it claims it under this epoch, and shuts out everybody else. Otherwise it opens it to read alone, claims nothing and shuts nobody out. */
  keeper: z.boolean(),
  sizeBytes: bytes,
  origin: volumeOrigin,
  mode: z.enum(['filesystem', 'block']),
  fsType: z.enum(['ext4', 'xfs']),
  /** It was there once: one that its store does not have any more is lost, and is not made anew. */
  made: z.boolean().optional(),
  /** It had a file system: one that reads blank is damaged, and gets no new one. */
  formatted: z.boolean(),
  /** The files of this image are copied into it at its first mount. */
  populate: z.object({ reference: z.string().max(1024) }).nullable(),
  rates: volumeRates,
  /** Where the store has no room: the virtual machine stands still, or its guest is told. */
  onFull: z.enum(['pause', 'fail']),
  fence: volumeFence.nullable(),
  /** The snapshot that it goes back to, once nothing has it open. */
  revertTo: z.uuid().nullable(),
  /** It is deleted for good: what is there of it is removed. */
  purge: z.boolean(),
  /** It shall depend on no snapshot any more. */
  flatten: z.boolean(),
  attachments: z.array(volumeAttachment).max(500),
  detaching: z.array(z.object({ podUid: z.uuid(), forced: z.boolean() })).max(500),
})
export type HostVolume = z.infer<typeof volume>

/**
 * To be taken (`asked`), kept, or removed by the keeper of its volume, or by any host of its store where the volume is gone. Those of one `group` are of one instant:
 * none is taken before all `groupSize` of them are here.
 */
const snapshot = z.object({
  kind: z.literal('snapshot'),
  uid: z.uuid(),
  tenantId: z.string().max(32),
  volumeUid: z.uuid().nullable(),
  storeUid: z.uuid(),
  group: z.uuid().nullable(),
  groupSize: z.number().int().min(1).max(50),
  /** The guest's file systems stand still meanwhile. */
  freeze: z.boolean(),
  state: z.enum(['asked', 'ready', 'remove']),
  sizeBytes: bytes,
  /** Something else waits for it that nobody can ask for again: it is tried for a day, and else for some minutes. */
  patient: z.boolean().optional(),
})
export type HostVolumeSnapshot = z.infer<typeof snapshot>

export const volumeObject = z.discriminatedUnion('kind', [volumeStore, volume, snapshot])
export type VolumeObject = z.infer<typeof volumeObject>
export const volumeObjectKey = (object: Pick<VolumeObject, 'kind' | 'uid'>): string => `${object.kind}/${object.uid}`

/**
 * Stores, volumes and snapshots of this host: the first of a connection is `complete`, those that follow have what changed. It comes after the `desired` that names the
 * pods of its attachments. After a removal the server says nothing of that key before it has the answer `Gone`. Sent to hosts that say so among their capabilities.
 */
export const volumeMessage = z.object({ kind: z.literal('volumeObjects'), complete: z.boolean(), set: z.array(volumeObject).max(20_000), remove: z.array(z.string().max(64)).max(20_000), more: z.boolean().optional() })
export type VolumeMessage = z.infer<typeof volumeMessage>

/** Keys of stores, before the `volumeObjects` that need them. Hosts keep them in memory alone: never on a disk, in an argument list or in a log. */
export const storeSecretsMessage = z.object({ kind: z.literal('storeSecrets'), secrets: z.array(z.object({ storeUid: z.uuid(), revision: z.string().max(64), key: z.string().max(256) })).max(100) })
export type StoreSecretsMessage = z.infer<typeof storeSecretsMessage>

/** Which volume each of a pod's spec is. The pod starts once its host holds all of them under these epochs. */
export const assignedVolume = z.object({ name: z.string().max(63), volumeUid: z.uuid(), attachmentUid: z.uuid(), epoch, readOnly: z.boolean() })
export type AssignedVolume = z.infer<typeof assignedVolume>

/** `usedBytes` and `fsBytes`: of the file system, as the guest says. `paused`: its virtual machine stands still, for the store does not take what it writes. */
const attachmentReport = z.object({
  podUid: z.uuid(),
  epoch,
  phase: z.enum(['Attaching', 'Attached', 'Detaching', 'Detached', 'Failed']),
  reason: reportText(128),
  message: reportText(4096),
  device: reportText(32).nullable(),
  usedBytes: bytes.nullable(),
  fsBytes: bytes.nullable(),
  paused: z.boolean(),
  /** `direct`: QEMU itself opens the image; `daemon`: a storage daemon beside it. */
  transport: z.enum(['direct', 'daemon']),
})
export type AttachmentReport = z.infer<typeof attachmentReport>

/**
 * What this host made of a volume or a snapshot. `Gone` is the answer to each removal, also of what was not here, and only once nothing here has it open, nor will: `epoch`
 * is the highest that this host knows of it, and is written down before it is said. A complete report names all that this host may open. `fenced`: whom it has shut
 * out: everybody with an epoch below `fenced.epoch`, under which it claimed. `Purged`: it was removed from its store. A snapshot's epoch is 0; it is `Failed` once nothing of it
 * is in its store, and `Creating` with a reason while it is tried again.
 */
export const volumeReport = z.object({
  kind: z.enum(['volume', 'snapshot']),
  uid: z.uuid(),
  epoch,
  phase: z.enum(['Creating', 'Ready', 'Failed', 'Purged', 'Gone']),
  reason: reportText(128),
  message: reportText(4096),
  /** Of a copy or of a flattening, 0 to 1. */
  progress: z.number().min(0).max(1).nullable().optional(),
  sizeBytes: bytes.nullable().optional(),
  /** What it takes in its store. */
  storedBytes: capacity.nullable().optional(),
  /** What was made or found on it; null: blank. Of a snapshot: on its volume, when it was taken; left out: not known. */
  formatted: z.enum(['ext4', 'xfs', 'block']).nullable().optional(),
  /** Whether it depends on a snapshot. */
  parent: z.boolean().optional(),
  /** The snapshot that it was brought back to under this epoch; null under each other, for somebody may have written since. */
  revertedTo: z.uuid().nullable().optional(),
  fenced: z.object({ epoch, clients: z.array(reportText(128)).max(20) }).nullable().optional(),
  attachments: z.array(attachmentReport).max(500).optional(),
  /** The rest is of snapshots. */
  consistency: z.enum(['CrashConsistent', 'FilesystemConsistent']).nullable().optional(),
  /** For how long writers stood still. */
  stallMs: z.number().int().min(0).max(2 ** 31 - 1).nullable().optional(),
  takenAt: reportTime.nullable().optional(),
})
export type VolumeReport = z.infer<typeof volumeReport>

/** Whether this host reaches a store, and how full that is. */
export const storeReport = z.object({ uid: z.uuid(), reachable: z.boolean(), message: reportText(1024), totalBytes: capacity.nullable(), freeBytes: capacity.nullable() })
export type StoreReport = z.infer<typeof storeReport>

/** In one report, and of one host in all. */
export const maxVolumeReports = 20_000
export const maxStoreReports = 100
