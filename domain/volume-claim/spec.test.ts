import { expect, it } from 'vitest'
import { accessModeOf, volumeClaimSpec, volumeNameOf } from './spec'

const base = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
const problem = (value: object): string => volumeClaimSpec.safeParse({ ...base, ...value }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'none'

it('a claim is read by Kubernetes\' names', () => {
  expect(volumeClaimSpec.parse(base)).toEqual({ ...base, volumeMode: 'Filesystem' })
  expect(accessModeOf(volumeClaimSpec.parse({ ...base, accessModes: ['ReadWriteOncePod'] }))).toBe('ReadWriteOnce')
  expect(accessModeOf(volumeClaimSpec.parse({ ...base, accessModes: ['ReadOnlyMany'] }))).toBe('ReadOnlyMany')
  expect(problem({ storageClassName: 'fast' })).toBe('none')
  expect(problem({ storageClassName: '', volumeName: 'data' })).toBe('none')
  expect(problem({ dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'x' } })).toBe('none')
  expect(problem({ dataSource: { kind: 'PersistentVolumeClaim', name: 'x' } })).toBe('none')
  expect(volumeNameOf('00000000-0000-4000-8000-000000000001')).toBe('pvc-00000000-0000-4000-8000-000000000001')
})

it('a claim is refused by the field that is wrong', () => {
  expect(problem({ accessModes: ['ReadWriteMany'] })).toContain('accessModes.0: ReadWriteMany is not there: a block device has one writer')
  expect(problem({ accessModes: ['Write'] })).toBe('accessModes.0: must be ReadWriteOnce, ReadOnlyMany, ReadWriteOncePod')
  expect(problem({ accessModes: [] })).toBe('accessModes: must name one mode')
  expect(problem({ accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] })).toBe('accessModes: must name one mode: a volume has one')
  expect(problem({ storageClassName: '' })).toContain('volumeName: is required where storageClassName is ""')
  expect(problem({ volumeName: 'a', dataSource: { kind: 'PersistentVolumeClaim', name: 'x' } })).toContain('dataSource: is of a volume that is made')
  expect(problem({ dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'PersistentVolumeClaim', name: 'x' } })).toBe('dataSource.apiGroup: must be left out for PersistentVolumeClaim')
  expect(problem({ resources: { requests: { storage: '1k' } } })).toContain('resources.requests.storage: must be a quantity of at least 1Mi')
})
