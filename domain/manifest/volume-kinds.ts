import { claimFields, prune, snapshotFields, snapshotSourceFields, within } from '../pod/kubernetes-fields'
import { snapshotScheduleSpec, type SnapshotScheduleSpec } from '../snapshot-schedule/spec'
import { volumeClaimSpec, type VolumeClaimSpec } from '../volume-claim/spec'
import { volumeSnapshotSpec, type VolumeSnapshotSpec } from '../volume-snapshot/spec'
import { volumeSpec, type VolumeSpec } from '../volume/spec'
import { check, type Collect } from './check'
import { claimMetadata, clusterMetadata, snapshotMetadata, volumeMetadata, type Metadata } from './metadata'

export type VolumeManifest = { kind: 'Volume'; metadata: Metadata; spec: VolumeSpec }
export type VolumeClaimManifest = { kind: 'PersistentVolumeClaim'; metadata: Metadata & { namespace: string }; spec: VolumeClaimSpec }
export type VolumeSnapshotManifest = { kind: 'VolumeSnapshot'; metadata: Metadata; spec: VolumeSnapshotSpec }
export type SnapshotScheduleManifest = { kind: 'SnapshotSchedule'; metadata: Metadata; spec: SnapshotScheduleSpec }

type Fields = Readonly<Record<string, unknown>>

const readVolume = (metadata: unknown, { spec }: Fields, collect: Collect): VolumeManifest | null => {
  const m = check(volumeMetadata, metadata, ['metadata'], collect)
  const s = check(volumeSpec, spec, ['spec'], collect)
  return m && s ? { kind: 'Volume', metadata: m, spec: s } : null
}

const readClaim = (metadata: unknown, { spec }: Fields, collect: Collect): VolumeClaimManifest | null => {
  const m = check(claimMetadata, metadata, ['metadata'], collect)
  const s = check(volumeClaimSpec, prune(spec, claimFields, ['spec'], collect), ['spec'], collect)
  return m && s ? { kind: 'PersistentVolumeClaim', metadata: m, spec: s } : null
}

const readSnapshot = (metadata: unknown, { spec }: Fields, collect: Collect): VolumeSnapshotManifest | null => {
  const m = check(snapshotMetadata, metadata, ['metadata'], collect)
  const pruned = within(prune(spec, snapshotFields, ['spec'], collect), { source: (source, at) => prune(source, snapshotSourceFields, at, collect) }, ['spec'])
  const s = check(volumeSnapshotSpec, pruned, ['spec'], collect)
  if (!m || !s) return null
  const { namespace, ...lies } = m
  const ofClaim = s.source.persistentVolumeClaimName !== undefined && s.source.namespace === undefined
  return { kind: 'VolumeSnapshot', metadata: lies, spec: ofClaim ? { ...s, source: { ...s.source, namespace: namespace ?? 'default' } } : s }
}

const readSchedule = (metadata: unknown, { spec }: Fields, collect: Collect): SnapshotScheduleManifest | null => {
  const m = check(clusterMetadata, metadata, ['metadata'], collect)
  const s = check(snapshotScheduleSpec, spec, ['spec'], collect)
  return m && s ? { kind: 'SnapshotSchedule', metadata: m, spec: s } : null
}

/** How the kinds of volumes are read, and the fields that each has beside metadata. */
export const volumeReaders = {
  Volume: { read: readVolume, fields: ['spec'] },
  PersistentVolumeClaim: { read: readClaim, fields: ['spec'] },
  VolumeSnapshot: { read: readSnapshot, fields: ['spec'] },
  SnapshotSchedule: { read: readSchedule, fields: ['spec'] },
} as const
