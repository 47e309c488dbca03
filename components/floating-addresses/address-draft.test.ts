import { expect, it } from 'vitest'
import { addressDraftSchema, addressFieldOf, choiceOf, newAddressDraft, specOf, targetOf } from './address-draft'
import { isMoving, readTarget, targetText } from './words'

const draft = newAddressDraft(null)
const problems = (over: Partial<typeof draft>) => addressDraftSchema.safeParse({ ...draft, name: 'web', ...over }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
const pod = { kind: 'Pod', namespace: 'default', name: 'web-1' } as const

it('what is chosen is what is sent', () => {
  expect(specOf(draft)).toEqual({ family: 'IPv4' })
  expect(specOf({ ...draft, pool: 'office', address: ' 198.18.100.9 ', what: 'pod', pod: 'web-1' })).toEqual({ pool: 'office', address: '198.18.100.9', target: pod })
  expect(targetOf({ ...draft, what: 'balancer', balancer: 'Ingress/shop/web' })).toEqual({ kind: 'Ingress', namespace: 'shop', name: 'web' })
  // A choice that was left is not sent.
  expect(specOf({ ...draft, what: 'none', pod: 'default/web-1' })).toEqual({ family: 'IPv4' })
})
it('what is wrong stands at its field', () => {
  expect(problems({})).toEqual([])
  expect(problems({ name: 'Web' })).toHaveLength(1)
  expect(problems({ address: '198.18.100.999' })).toEqual(['address: must be an IP address'])
  expect(problems({ what: 'pod', pod: 'a/b/c' })).toEqual(['pod: must be a pod as namespace/name: choose one'])
  expect(problems({ what: 'balancer' })).toEqual(['balancer: choose one'])
  expect([addressFieldOf('spec.target.name', { ...draft, what: 'balancer' }), addressFieldOf('spec.target', { ...draft, what: 'pod' }), addressFieldOf('spec.pool', draft), addressFieldOf('name', draft)]).toEqual(['balancer', 'pod', 'pool', 'name'])
})
it('a target is the same as a choice and as text', () => {
  expect(targetOf({ ...draft, ...choiceOf(pod) })).toEqual(pod)
  expect(readTarget(targetText(pod))).toEqual(pod)
  expect(['Node/a/b', 'Pod/a', 'Pod//b', 'Pod/a/b/c'].map(readTarget)).toEqual([null, null, null, null])
})
it('an address moves while it leads elsewhere than it shall', () => {
  const of = (target: typeof pod | undefined, phase: 'Active' | 'Pending' | 'Free', holder: { kind: 'Pod'; namespace: string; name: string } | null) => isMoving({ spec: { family: 'IPv4', target }, status: { address: '198.18.100.2', pool: 'default', family: 'IPv4', phase, holder, host: null, managed: false, conditions: [] } })
  const other = { ...pod, name: 'web-2' }
  expect([of(pod, 'Active', pod), of(pod, 'Pending', other), of(undefined, 'Pending', pod), of(pod, 'Pending', null), of(undefined, 'Free', null)]).toEqual([false, true, true, false, false])
  // A service names it: it needs no target of its own.
  expect(of(undefined, 'Active', other)).toBe(false)
})
