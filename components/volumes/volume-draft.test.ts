import { expect, it } from 'vitest'
import { limitsDraftOf, limitsFormSchema, limitsOf, noLimits } from './limits-draft'
import { newVolumeDraft, sizeText, sizeWith, volumeDraftSchema, volumeFieldOf, volumeSpecOf } from './volume-draft'

const draft = { ...newVolumeDraft(null), name: 'data' }
const problems = (over: Partial<typeof draft>) => volumeDraftSchema.safeParse({ ...draft, ...over }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

it('what is chosen is what is sent', () => {
  expect(volumeSpecOf(draft)).toEqual({ size: '10Gi', accessMode: 'ReadWriteOnce', volumeMode: 'Filesystem', source: { kind: 'Blank' } })
  expect(volumeSpecOf({ ...draft, size: '20', storageClass: 'fast', fsType: 'xfs', onFull: 'Fail', iops: '500', bytesPerSecond: ' 100Mi ' })).toEqual({ size: '20Gi', storageClassName: 'fast', accessMode: 'ReadWriteOnce', volumeMode: 'Filesystem', fsType: 'xfs', onFull: 'Fail', source: { kind: 'Blank' }, limits: { iops: 500, bytesPerSecond: '100Mi' } })
  // A choice that was left is not sent: a block device has no file system.
  expect(volumeSpecOf({ ...draft, volumeMode: 'Block', fsType: 'xfs', snapshot: 'old' })).toMatchObject({ volumeMode: 'Block', source: { kind: 'Blank' } })
  expect(volumeSpecOf({ ...draft, volumeMode: 'Block', fsType: 'xfs' })).not.toHaveProperty('fsType')
  expect(volumeSpecOf({ ...draft, source: 'Upload' }, 'b0a7d5a2-0d3c-4a59-9f1f-0c4a4d7e1a11').source).toEqual({ kind: 'Upload', uploadId: 'b0a7d5a2-0d3c-4a59-9f1f-0c4a4d7e1a11' })
  // One that was sent before is taken as it is.
  const upload = 'c1b8e6b3-1e4d-4b6a-8f2a-1d5b5e8f2b22'
  expect(volumeSpecOf({ ...draft, source: 'Upload', upload }).source).toEqual({ kind: 'Upload', uploadId: upload })
  expect(problems({ source: 'Upload', upload })).toEqual([])
})
it('begins with what the address names', () => {
  expect(newVolumeDraft('Snapshot/before-2026')).toMatchObject({ source: 'Snapshot', snapshot: 'before-2026', size: '' })
  expect(newVolumeDraft('Volume/data')).toMatchObject({ source: 'Volume', volume: 'data' })
  expect(newVolumeDraft('Secret/x')).toMatchObject({ source: 'Blank' })
})
it('is as large as what it is made of, until another size is typed', () => {
  expect(newVolumeDraft('Volume/data', 2 ** 31).size).toBe('2Gi')
  const untouched = newVolumeDraft(null)
  expect([sizeWith(untouched, 'Volume', null), sizeWith(untouched, 'Volume', 2 ** 31), sizeWith(untouched, 'Snapshot', 3 * 2 ** 29), sizeWith(untouched, 'Image', null)]).toEqual(['', '2Gi', '1536Mi', '10Gi'])
  expect(sizeWith({ size: '5Gi', sized: true }, 'Volume', 2 ** 31)).toBe('5Gi')
})
it('what is wrong stands at its field', () => {
  expect(problems({})).toEqual([])
  expect(problems({ name: 'Data' })).toHaveLength(1)
  expect(problems({ size: '10 Gi' })[0]).toMatch(/^size: /)
  expect(problems({ size: '17Ti' })).toEqual(['size: must be at most 16Ti'])
  expect(problems({ source: 'Snapshot' })).toEqual(['snapshot: choose a snapshot'])
  expect(problems({ source: 'Upload' })).toEqual(['file: choose an archive'])
  expect(problems({ source: 'Image', image: 'busybox', volumeMode: 'Block' })[0]).toMatch(/^image: files of an image need a file system/)
  expect(problems({ accessMode: 'ReadOnlyMany' })[0]).toMatch(/^source: is required of a volume that nobody writes/)
  expect(problems({ iopsBurst: '100' })).toEqual(['iopsBurst: is a burst over “Operations a second”, which is not set'])
  expect(problems({ iops: 'many' })).toHaveLength(1)
  expect(['spec.source.name', 'spec.storageClassName', 'spec.limits.iops', 'spec.size', 'name'].map((path) => volumeFieldOf(path, { source: 'Volume' }))).toEqual(['volume', 'storageClass', 'iops', 'size', 'name'])
})
it('limits are the same as text, and a number alone is of GiB', () => {
  const limits = { iops: 1000, iopsBurst: 2000, bytesPerSecond: '50Mi', burstSeconds: 30 }
  expect(limitsOf(limitsDraftOf(limits))).toEqual(limits)
  expect(limitsOf({ ...noLimits, iops: '1,000' })).toEqual({ iops: 1000 })
  expect(limitsOf(noLimits)).toEqual({})
  expect(limitsFormSchema.safeParse({ ...noLimits, onFull: '', burstSeconds: '30' }).error?.issues[0]?.path).toEqual(['burstSeconds'])
  expect(['5', ' 5Gi ', '512Mi'].map(sizeText)).toEqual(['5Gi', '5Gi', '512Mi'])
})
