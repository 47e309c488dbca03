import { expect, it } from 'vitest'
import { attachDraftSchema, attachFieldOf, newAttachDraft, placesOf, podOf } from './attach-draft'

const draft = newAttachDraft('shop/web', false)
const problems = (over: Partial<typeof draft>) => attachDraftSchema.safeParse({ ...draft, ...over }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

it('every container gets it, or the one that is named', () => {
  expect(placesOf(draft, ['a', 'b'])).toEqual({ mounts: [{ container: 'a', mountPath: '/data', readOnly: false }, { container: 'b', mountPath: '/data', readOnly: false }] })
  expect(placesOf({ ...draft, container: 'b', path: ' /srv ', subPath: 'files', readOnly: true }, ['a', 'b'])).toEqual({ mounts: [{ container: 'b', mountPath: '/srv', subPath: 'files', readOnly: true }] })
  expect(placesOf({ ...newAttachDraft('shop/web', true), readOnly: true }, ['a', 'b'])).toEqual({ devices: [{ container: 'a', devicePath: '/dev/data' }, { container: 'b', devicePath: '/dev/data' }] })
})
it('a pod without a namespace is one of "default"', () => {
  expect(['web', ' shop/web ', '', 'shop/', '/web', 'a/b/c'].map((pod) => podOf({ pod }))).toEqual([{ namespace: 'default', name: 'web' }, { namespace: 'shop', name: 'web' }, null, null, null, null])
})
it('what is wrong stands at its field', () => {
  expect(problems({})).toEqual([])
  expect(problems({ pod: '' })).toEqual(['pod: must be a pod as namespace/name: choose one'])
  expect(problems({ path: 'data' })[0]).toMatch(/^path: /)
  expect(problems({ isBlock: true, path: 'dev/data' })[0]).toMatch(/^path: /)
  expect(problems({ subPath: '/etc' })[0]).toMatch(/^subPath: /)
  expect(['pod.name', 'mounts.1.mountPath', 'mounts.0.container', 'mounts', 'devices.0.devicePath', 'mounts[1].mountPath', 'mounts[0].container', 'devices[0].devicePath', 'devices'].map(attachFieldOf)).toEqual(['pod', 'path', 'container', 'path', 'path', 'path', 'container', 'path', 'path'])
})
