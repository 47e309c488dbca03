import { expect, it } from 'vitest'
import { among, both, count } from './server-sets'

const server = (last: number, weight = 1) => ({ address: `10.0.0.${last}`, port: 80, weight })
const before = new Map([['a', [server(1), server(2)]], ['b', [server(3)]]])

it('those that others have, too, are of the same backend', () => {
  expect(among(before, new Map([['a', [server(2, 5), server(3)]]]))).toEqual(new Map([['a', [server(2)]], ['b', []]]))
})

it('two states have who is in either, and who left without weight', () => {
  const all = both(before, new Map([['a', [server(2, 5), server(4)]]]))
  expect(all).toEqual(new Map([['a', [server(2, 5), server(4), server(1, 0)]], ['b', [server(3, 0)]]]))
  expect(count(all)).toBe(4)
})
