import { expect, it } from 'vitest'
import { volumeClaimSpec } from '@/domain/volume-claim/spec'
import { claimDraftSchema, claimFieldOf, claimSpecOf, grownSpecOf, leastGrowth, newClaimDraft } from './claim-draft'

const draft = { ...newClaimDraft(), name: 'data' }
const problems = (over: Partial<typeof draft>) => claimDraftSchema.safeParse({ ...draft, ...over }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

it('what is chosen is what is sent', () => {
  expect(claimSpecOf(draft)).toEqual({ accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem', resources: { requests: { storage: '10Gi' } } })
  expect(claimSpecOf({ ...draft, size: '5', storageClass: 'fast', from: 'old', volume: 'left' })).toEqual({ accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem', resources: { requests: { storage: '5Gi' } }, storageClassName: 'fast', dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'old' } })
  // What is of a volume that is made is not sent with one that is taken.
  expect(claimSpecOf({ ...draft, made: 'taken', volume: ' files ', storageClass: 'fast', from: 'old' })).toEqual({ accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem', resources: { requests: { storage: '10Gi' } }, volumeName: 'files' })
})
it('what is wrong stands at its field', () => {
  expect(problems({})).toEqual([])
  expect(problems({ name: 'Data', made: 'taken' })).toEqual([expect.stringMatching(/^name: /), 'volume: choose a volume'])
  expect(problems({ size: 'much' })).toEqual([expect.stringMatching(/^size: /)])
  expect(problems({ from: 'Not a name' })).toEqual([expect.stringMatching(/^from: /)])
  expect(['spec.resources.requests.storage', 'spec.accessModes.0', 'spec.volumeName', 'spec.storageClassName', 'spec.dataSource.name', 'name'].map(claimFieldOf)).toEqual(['size', 'mode', 'volume', 'storageClass', 'from', 'name'])
})
it('one that grows asks for more than it has, and is else as it was', () => {
  const spec = volumeClaimSpec.parse({ ...claimSpecOf({ ...draft, size: '5' }), storageClassName: 'fast' })
  const status = { phase: 'Bound' as const, volume: 'v', capacityBytes: null, storageClass: 'fast', usedBy: [], conditions: [] }
  expect([leastGrowth({ spec, status }), leastGrowth({ spec, status: { ...status, capacityBytes: 8 * 2 ** 30 } })]).toEqual([5 * 2 ** 30, 8 * 2 ** 30])
  expect(grownSpecOf(spec, '20Gi')).toEqual({ ...spec, resources: { requests: { storage: '20Gi' } } })
})
