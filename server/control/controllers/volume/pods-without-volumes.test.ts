import { expect, it } from 'vitest'
import { PodsWithoutVolumes } from './pods-without-volumes'

it('a pod that was found without volumes is asked for no more until it has one, and then looked at anew', () => {
  const pods = new PodsWithoutVolumes()
  expect(pods.has('a')).toBe(false)
  for (const uid of ['a', 'b']) pods.note(uid, pods.begin())
  expect([pods.has('a'), pods.has('b')]).toEqual([true, true])
  expect(pods.attached(['a', 'c'])).toEqual(['a'])
  expect([pods.has('a'), pods.has('b'), pods.attached(['a'])]).toEqual([false, true, []])
})

it('what was found before an attachment was seen says nothing after it', () => {
  const pods = new PodsWithoutVolumes()
  const begun = pods.begin()
  expect(pods.attached(['a'])).toEqual([])
  pods.note('a', begun)
  expect(pods.has('a')).toBe(false)
  pods.note('a', pods.begin())
  expect(pods.has('a')).toBe(true)
})

it('their number is bounded', () => {
  const pods = new PodsWithoutVolumes()
  for (let i = 0; i <= 10_000; i += 1) pods.note(String(i), pods.begin())
  expect([pods.has('0'), pods.has('10000')]).toEqual([false, true])
})
