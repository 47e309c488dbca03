import { expect, it } from 'vitest'
import { BoundedCache } from './bounded-cache'

it('keeps what fits, and forgets first what was asked for longest ago', () => {
  const cache = new BoundedCache<string>(10)
  cache.set('a', 'one', 4)
  cache.set('b', 'two', 4)
  expect(cache.get('a')).toBe('one')
  cache.set('c', 'three', 4)
  expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual(['one', undefined, 'three'])
  expect(cache.bytes).toBe(8)
  cache.set('a', 'again', 6)
  expect([cache.get('a'), cache.bytes]).toEqual(['again', 10])
  cache.set('a', 'too large', 11)
  expect([cache.get('a'), cache.get('c'), cache.bytes]).toEqual([undefined, 'three', 4])
  cache.clear()
  expect([cache.get('c'), cache.bytes]).toEqual([undefined, 0])
})
