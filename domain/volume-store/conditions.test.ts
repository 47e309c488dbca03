import { expect, it } from 'vitest'
import { storeVerdicts, type StoreWord } from './conditions'
import { volumeStoreSpec } from './spec'

const [local, shared] = [volumeStoreSpec.parse({ kind: 'file' }), volumeStoreSpec.parse({ kind: 'file', folder: '/srv', shared: true })]
const GiB = 2 ** 30
const word = (host: string, over: Partial<StoreWord> = {}): StoreWord => ({ host, heard: true, reachable: true, message: '', totalBytes: 100 * GiB, freeBytes: 50 * GiB, ...over })
const away = (host: string) => word(host, { reachable: false, message: 'its folder is not there.', totalBytes: null, freeBytes: null })
const of = (words: StoreWord[], spec = local) => storeVerdicts(spec, words).map(({ status, reason, message }) => [status, reason, message])

it('a store is reached by those of its hosts that are heard of, by some of them, or by none', () => {
  expect(of([word('a'), word('b'), word('c', { heard: false, reachable: false })])[0]).toEqual(['True', 'Reached', 'All 2 hosts that are heard of reach it.'])
  expect(of([word('a'), away('b')])[0]).toEqual(['True', 'ReachedBySome', '1 of 2 hosts reach it, and pods with its volumes run there alone. Not: b (its folder is not there).'])
  expect(of([away('a'), word('b', { heard: false })])[0]).toEqual(['False', 'NotReached', 'No host reaches it: a (its folder is not there). No volume of it is opened, made or removed meanwhile.'])
  expect(of([word('a', { heard: false })]).map(([status, reason]) => [status, reason])).toEqual([['Unknown', 'NoHostHeard'], ['Unknown', 'NotKnown']])
  expect(of(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(away))[0]?.[2]).toContain('e (its folder is not there) and 2 more.')
})

it('the room of a store is that of its fullest host, or of all of them where they share it', () => {
  const tight = word('b', { freeBytes: 5 * GiB })
  expect(of([word('a'), word('b', { freeBytes: 40 * GiB })])[1]).toEqual(['True', 'Room', 'More than a tenth is free on each host that reaches it.'])
  expect(of([word('a'), tight])[1]).toEqual(['False', 'NearlyFull', expect.stringContaining('Less than a tenth is free on b: delete volumes')])
  expect(of([word('a', { freeBytes: GiB }), tight])[1]).toEqual(['False', 'Full', expect.stringContaining('is free on a, b, in places next to nothing: delete')])
  expect(of([word('a'), word('b', { freeBytes: 49 * GiB })], shared)[1]).toEqual(['True', 'Room', 'More than a tenth of it is free.'])
  expect(of([tight], shared)[1]).toEqual(['False', 'NearlyFull', expect.stringContaining('Less than a tenth is free: delete')])
  expect(of([away('a'), word('b', { reachable: false, freeBytes: GiB })])[1]?.[1]).toBe('NotKnown')
})
