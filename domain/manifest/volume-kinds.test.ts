import { describe, expect, it } from 'vitest'
import { problemCollector } from './check'
import { volumeReaders } from './volume-kinds'

function read(kind: keyof typeof volumeReaders, metadata: object, spec: unknown) {
  const { problems, collect } = problemCollector()
  const object = volumeReaders[kind].read(metadata, { spec }, collect)
  return object && problems.length === 0 ? object : problems.map(({ path, message }) => `${path}: ${message}`)
}

const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }

describe('manifests of volumes', () => {
  it('of a Volume lie in no namespace', () => {
    expect(read('Volume', { name: 'pvc-1.x' }, { size: '1Gi' })).toMatchObject({ kind: 'Volume', metadata: { name: 'pvc-1.x', labels: {} }, spec: { size: '1Gi', accessMode: 'ReadWriteOnce' } })
    expect(read('Volume', { name: 'data', namespace: 'default' }, { size: '1Gi' })).toEqual([expect.stringContaining('metadata.namespace: is not a field')])
    expect(read('Volume', { name: 'data' }, { size: '1Gi', sice: '2Gi' })).toEqual([expect.stringContaining('spec.sice: is not a field')])
    expect(read('Volume', { name: 'data' }, undefined)).toEqual(['spec: is required'])
  })

  it('of a claim are Kubernetes\'', () => {
    expect(read('PersistentVolumeClaim', { name: 'data' }, { ...claim, selector: null, volumeAttributesClassName: '' })).toMatchObject({ metadata: { name: 'data', namespace: 'default' }, spec: { ...claim, volumeMode: 'Filesystem' } })
    const unsupported = 'Kubernetes has this field, Hypernetes does not carry it out:'
    expect(read('PersistentVolumeClaim', { name: 'data' }, { ...claim, selector: { matchLabels: { a: 'b' } }, volumeAttributesClassName: 'gold' })).toEqual([`spec.selector: ${unsupported} name the Volume that it shall have in volumeName, or leave both out, and one is made`, expect.stringContaining(`spec.volumeAttributesClassName: ${unsupported} storageClassName says`)])
    expect(read('PersistentVolumeClaim', { name: 'data' }, { ...claim, accessModes: ['ReadWriteMany'] })).toEqual([expect.stringContaining('spec.accessModes[0]: ReadWriteMany is not there')])
  })

  it('of a claim may name what it is made of by both of Kubernetes\' names, and its class by the annotation of old', () => {
    const source = { kind: 'PersistentVolumeClaim', name: 'first' }
    const made = { spec: { dataSource: { apiGroup: '', ...source } } }
    const of = (more: object) => read('PersistentVolumeClaim', { name: 'data' }, { ...claim, ...more })
    expect([of({ dataSourceRef: source }), of({ dataSource: { apiGroup: null, ...source }, dataSourceRef: { apiGroup: null, ...source } })]).toMatchObject([made, made])
    expect(of({ dataSource: source, dataSourceRef: { ...source, name: 'other' } })).toEqual(['spec.dataSourceRef: is another name of dataSource, and says something else than that: leave one of them out'])
    expect(of({ dataSourceRef: { apiGroup: 'x', kind: 'Populator', name: 'y' } })).toEqual(['spec.dataSourceRef.kind: must be VolumeSnapshot or PersistentVolumeClaim'])
    expect(of({ dataSourceRef: { ...source, namespace: 'shop' } })).toEqual([expect.stringContaining('spec.dataSourceRef.namespace: Kubernetes has this field, Hypernetes does not carry it out: a claim is made of another one of its own namespace')])
    expect(of({ dataSourceRef: source, volumeName: 'x' })).toEqual([expect.stringContaining('spec.dataSourceRef: is of a volume that is made')])
    const annotations = { 'volume.beta.kubernetes.io/storage-class': 'slow' }
    expect(read('PersistentVolumeClaim', { name: 'data', annotations }, claim)).toMatchObject({ spec: { storageClassName: 'slow' } })
    expect(read('PersistentVolumeClaim', { name: 'data', annotations }, { ...claim, storageClassName: 'fast' })).toMatchObject({ spec: { storageClassName: 'fast' } })
  })

  it('of a snapshot say by their namespace where its claim lies', () => {
    const source = { persistentVolumeClaimName: 'data' }
    expect(read('VolumeSnapshot', { name: 's', namespace: 'shop' }, { source })).toMatchObject({ metadata: { name: 's' }, spec: { source: { ...source, namespace: 'shop' } } })
    expect(read('VolumeSnapshot', { name: 's' }, { source, volumeSnapshotClassName: '' })).toMatchObject({ spec: { source: { ...source, namespace: 'default' } } })
    expect(read('VolumeSnapshot', { name: 's' }, { source: { volumeName: 'data' } })).toMatchObject({ spec: { source: { volumeName: 'data' }, consistency: 'CrashConsistent' } })
    expect(read('VolumeSnapshot', { name: 's' }, { source: { volumeSnapshotContentName: 'x' }, volumeSnapshotClassName: 'gold' })).toEqual([expect.stringContaining('spec.volumeSnapshotClassName: Kubernetes has this field, Hypernetes does not carry it out: a snapshot lies in'), expect.stringContaining('spec.source.volumeSnapshotContentName: Kubernetes has this field'), expect.stringContaining('spec.source: must have exactly one')])
  })

  it('of a schedule name volumes and how many are kept', () => {
    expect(read('SnapshotSchedule', { name: 'nightly' }, { volumes: { names: ['data'] }, every: '1d', keep: { last: 7 } })).toMatchObject({ kind: 'SnapshotSchedule', spec: { every: '1d' } })
    expect(read('SnapshotSchedule', { name: 'nightly' }, { volumes: { names: ['data'] }, schedule: '30 2 * * 1-5', timeZone: 'Europe/Berlin', keep: { last: 7 } })).toMatchObject({ kind: 'SnapshotSchedule', spec: { schedule: '30 2 * * 1-5', timeZone: 'Europe/Berlin' } })
    expect(read('SnapshotSchedule', { name: 'nightly' }, { volumes: { names: ['data'] }, schedule: '30 2 * *', timeZone: 'Berlin', keep: { last: 7 } })).toEqual([expect.stringContaining('spec.schedule: must be a cron expression'), expect.stringContaining('spec.timeZone: must be a name of the tz database')])
    expect(read('SnapshotSchedule', { name: 'nightly' }, { volumes: {}, every: 'daily', keep: {} })).toEqual(['spec.volumes: must have exactly one of names, selector, pod', expect.stringContaining('spec.every: must be a number'), expect.stringContaining('spec.keep: must keep some')])
  })
})
