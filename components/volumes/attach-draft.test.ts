import { expect, it } from 'vitest'
import { attachDraftSchema, attachFieldOf, mountsOf, newAttachDraft, podOf } from './attach-draft'

const draft = newAttachDraft('shop/web')
const problems = (over: Partial<typeof draft>) => attachDraftSchema.safeParse({ ...draft, ...over }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

it('every container gets it, or the one that is named', () => {
  expect(mountsOf(draft, ['a', 'b'])).toEqual([{ container: 'a', mountPath: '/data', readOnly: false }, { container: 'b', mountPath: '/data', readOnly: false }])
  expect(mountsOf({ ...draft, container: 'b', mountPath: ' /srv ', subPath: 'files', readOnly: true }, ['a', 'b'])).toEqual([{ container: 'b', mountPath: '/srv', subPath: 'files', readOnly: true }])
})
it('a pod without a namespace is one of "default"', () => {
  expect(['web', ' shop/web ', '', 'shop/', '/web', 'a/b/c'].map((pod) => podOf({ pod }))).toEqual([{ namespace: 'default', name: 'web' }, { namespace: 'shop', name: 'web' }, null, null, null, null])
})
it('what is wrong stands at its field', () => {
  expect(problems({})).toEqual([])
  expect(problems({ pod: '' })).toEqual(['pod: must be a pod as namespace/name: choose one'])
  expect(problems({ mountPath: 'data' })[0]).toMatch(/^mountPath: /)
  expect(problems({ subPath: '/etc' })[0]).toMatch(/^subPath: /)
  expect(['pod.name', 'mounts.1.mountPath', 'mounts.0.container', 'mounts'].map(attachFieldOf)).toEqual(['pod', 'mountPath', 'container', 'mountPath'])
})
