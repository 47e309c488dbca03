import { expect, it } from 'vitest'
import { accessModeOf, claimedBytes, claimedSize, volumeClaimSpec, volumeNameOf } from './spec'

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
  expect(problem({ resources: { requests: { storage: '0' } } })).toContain('resources.requests.storage: must be a quantity of bytes')
  expect(problem({ resources: { requests: { storage: '17Ti' } } })).toContain('resources.requests.storage: must be at most 16Ti')
  expect(problem({ resources: { requests: { storage: '2Gi' }, limits: { storage: '1Gi' } } })).toBe('resources.limits.storage: is less than what is asked for, 2Gi: leave it out')
})

it('a claim asks for at least so much, as Kubernetes\' manifests write it: its volume has the next whole MiB', () => {
  const sizes = ['10Gi', '10G', '500M', '1.5Gi', '5e9', 10_737_418_240, '1k'].map((storage) => {
    const spec = volumeClaimSpec.parse({ ...base, resources: { requests: { storage }, limits: { storage: '20Gi' } } })
    expect(spec.resources).toEqual({ requests: { storage: String(storage) } })
    expect(claimedBytes(spec) % 2 ** 20).toBe(0)
    return claimedSize(spec)
  })
  expect(sizes).toEqual(['10Gi', '9537Mi', '477Mi', '1.5Gi', '4769Mi', '10737418240', '1Mi'])
})
