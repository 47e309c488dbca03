import { expect, it } from 'vitest'
import { storageClassSpec } from '@/domain/storage-class/spec'
import { classDraftOf, classDraftSchema, classFieldOf, classSpecOf, newClassDraft } from './class-draft'

const draft = { ...newClassDraft('local'), name: 'fast' }
const problems = (over: Partial<typeof draft>) => classDraftSchema.safeParse({ ...draft, ...over }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

it('what is chosen is what is sent, and comes back as it was', () => {
  expect(storageClassSpec.parse(classSpecOf(draft))).toEqual(storageClassSpec.parse({ store: 'local' }))
  const changed = { ...draft, fsType: 'xfs' as const, reclaimPolicy: 'Retain' as const, onFull: 'Fail' as const, default: true, iops: '500', bytesPerSecond: '100Mi' }
  expect(classDraftOf('fast', storageClassSpec.parse(classSpecOf(changed)))).toEqual(changed)
})
it('what is wrong stands at its field', () => {
  expect(problems({})).toEqual([])
  expect(problems({ name: '', store: '' })).toEqual([expect.stringMatching(/^name: /), 'store: choose a store'])
  expect(problems({ iopsBurst: '5' })).toEqual(['iopsBurst: is a burst over “Operations a second”, which is not set'])
  expect(['spec.limits.iops', 'spec.store', 'name'].map(classFieldOf)).toEqual(['iops', 'store', 'name'])
})
