import { expect, it } from 'vitest'
import { storageClassSpec } from './spec'

it('a class needs a store alone, and is not the default by itself', () => {
  expect(storageClassSpec.parse({ store: 'local' })).toEqual({ store: 'local', fsType: 'ext4', reclaimPolicy: 'Delete', volumeBindingMode: 'WaitForFirstConsumer', allowVolumeExpansion: true, onFull: 'Pause', limits: {}, flattenClones: false, default: false })
  const problem = (value: object): string => storageClassSpec.safeParse({ store: 'local', ...value }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'none'
  expect(problem({ reclaimPolicy: 'Recycle' })).toBe('reclaimPolicy: must be Delete or Retain')
  expect(problem({ volumeBindingMode: 'Later' })).toBe('volumeBindingMode: must be WaitForFirstConsumer or Immediate')
  expect(problem({ limits: { iopsBurst: 5 } })).toBe('limits.iopsBurst: is a burst over iops, which is not set')
  expect(problem({ default: 'yes' })).toBe('default: must be true or false')
})
