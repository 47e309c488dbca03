import { claimFields, claimHints, claimSourceFields, claimSourceHints, isMap, prune, snapshotFields, snapshotHints, snapshotSourceFields, snapshotSourceHints, within } from '../pod/kubernetes-fields'
import { snapshotScheduleSpec, type SnapshotScheduleSpec } from '../snapshot-schedule/spec'
import { volumeClaimSpec, type VolumeClaimSpec } from '../volume-claim/spec'
import { volumeSnapshotSpec, type VolumeSnapshotSpec } from '../volume-snapshot/spec'
import { volumeSpec, type VolumeSpec } from '../volume/spec'
import { check, type Collect, type Path } from './check'
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
  const source = (value: unknown, at: Path) => prune(value, claimSourceFields, at, collect, claimSourceHints)
  const pruned = within(prune(spec, claimFields, ['spec'], collect, claimHints), { dataSource: source, dataSourceRef: source }, ['spec'])
  const s = readClaimSpec(withOldClass(pruned, m?.annotations), collect)
  return m && s ? { kind: 'PersistentVolumeClaim', metadata: m, spec: s } : null
}

/** Before Kubernetes 1.6 the class was an annotation, which it still reads. */
const oldClass = 'volume.beta.kubernetes.io/storage-class'
const withOldClass = (spec: unknown, annotations: Metadata['annotations'] = {}): unknown => (isMap(spec) && spec.storageClassName === undefined && annotations[oldClass] !== undefined ? { ...spec, storageClassName: annotations[oldClass] } : spec)

/** `dataSourceRef` is Kubernetes' later name of `dataSource`, which it writes beside that. A problem is told where the text has it. */
function readClaimSpec(spec: unknown, collect: Collect): VolumeClaimSpec | null {
  if (!isMap(spec) || spec.dataSourceRef === undefined) return check(volumeClaimSpec, spec, ['spec'], collect)
  const { dataSourceRef, ...rest } = spec
  if (rest.dataSource === undefined) return check(volumeClaimSpec, { ...rest, dataSource: dataSourceRef }, ['spec'], ([root = 'spec', field = '', ...below], message) => collect([root, field === 'dataSource' ? 'dataSourceRef' : field, ...below], message))
  if (sourceKey(rest.dataSource) !== sourceKey(dataSourceRef)) collect(['spec', 'dataSourceRef'], 'is another name of dataSource, and says something else than that: leave one of them out')
  return check(volumeClaimSpec, rest, ['spec'], collect)
}
const sourceKey = (source: unknown): string => (isMap(source) ? JSON.stringify([source.apiGroup ?? '', source.kind, source.name]) : '')

const readSnapshot = (metadata: unknown, { spec }: Fields, collect: Collect): VolumeSnapshotManifest | null => {
  const m = check(snapshotMetadata, metadata, ['metadata'], collect)
  const pruned = within(prune(spec, snapshotFields, ['spec'], collect, snapshotHints), { source: (source, at) => prune(source, snapshotSourceFields, at, collect, snapshotSourceHints) }, ['spec'])
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
