import { expect, it } from 'vitest'
import { ToldServers } from './told-servers'

const servers = (balancerUid: string, count: number) => ({ kind: 'backendServers' as const, balancerUid, backend: 'a', servers: Array.from({ length: count }, (_, i) => ({ address: `10.0.0.${i}`, port: 80, weight: 1 })) })

it('counts the servers of a tenant on a host over what was read before', () => {
  const told = new ToldServers()
  const [a, b, c] = [{ uid: 'a', tenantId: 'ann' }, { uid: 'b', tenantId: 'ann' }, { uid: 'c', tenantId: 'bob' }]
  told.note(null, [a, b, c], [servers('a', 3), servers('b', 2), servers('b', 1), servers('c', 5)], [])
  expect(told.elsewhere(new Set(['a']))).toEqual(new Map([['ann', 3], ['bob', 5]]))
  told.note(new Set(['a', 'b']), [a], [servers('a', 1)], [])
  expect(told.elsewhere(new Set())).toEqual(new Map([['ann', 1], ['bob', 5]]))
  expect(told.elsewhere(null)).toEqual(new Map())
})

it('says who had not room for all and may have some now: of the tenant that has fewer than before, and nobody else', () => {
  const told = new ToldServers()
  const [a, b, c] = [{ uid: 'a', tenantId: 'ann' }, { uid: 'b', tenantId: 'ann' }, { uid: 'c', tenantId: 'bob' }]
  expect(told.note(null, [a, b, c], [servers('a', 5), servers('b', 5), servers('c', 5)], [{ balancerUid: 'b' }, { balancerUid: 'c' }])).toEqual([])
  expect(told.note(new Set(['a']), [a], [servers('a', 5)], [])).toEqual([])
  expect(told.note(new Set(['a']), [a], [servers('a', 2)], [])).toEqual(['b'])
  // It took the room; nobody is asked without an end.
  expect(told.note(new Set(['b']), [b], [servers('b', 8)], [{ balancerUid: 'b' }])).toEqual([])
  expect(told.note(new Set(['a']), [], [], [])).toEqual(['b'])
  expect(told.note(new Set(['b']), [b], [servers('b', 9)], [])).toEqual([])
})
