import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseSubnet, rangeOf, type IpRange } from './ip'
import { formatRange, isEverything, rangesOfSubnets, rangeWithout, unionOf } from './ip-ranges'

const range = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 12 })).map(([first, size]): IpRange => ({ family: 4, first: BigInt(first), last: BigInt(first + size) }))
const has = (ranges: readonly IpRange[], value: number) => ranges.some(({ first, last }) => value >= first && value <= last)
const values = Array.from({ length: 60 }, (_, value) => value)

it('a union holds what one of its ranges holds, in the fewest ranges', () => {
  fc.assert(fc.property(fc.array(range, { maxLength: 8 }), (ranges) => {
    const union = unionOf(ranges)
    expect(values.filter((value) => has(union, value))).toEqual(values.filter((value) => has(ranges, value)))
    for (const [i, { first }] of union.slice(1).entries()) expect(first).toBeGreaterThan((union[i]?.last ?? 0n) + 1n)
  }))
})

it('a range without others holds what is in none of them', () => {
  fc.assert(fc.property(range, fc.array(range, { maxLength: 8 }), (whole, others) => {
    const left = rangeWithout(whole, others)
    expect(values.filter((value) => has(left, value))).toEqual(values.filter((value) => has([whole], value) && !has(others, value)))
  }))
})

it('a range is written as a subnet where it is one', () => {
  const of = (subnet: string) => formatRange(rangeOf(parseSubnet(subnet)))
  expect(['10.0.0.0/24', '10.0.0.4/31', '10.0.0.5/32', '0.0.0.0/0', 'fd00::/64', 'fd00::5/128', '::/0'].map(of)).toEqual(['10.0.0.0/24', '10.0.0.4/31', '10.0.0.5', '0.0.0.0/0', 'fd00::/64', 'fd00::5', '::/0'])
  expect(rangeWithout(rangeOf(parseSubnet('10.0.0.0/24')), rangesOfSubnets(['10.0.0.5/32', '10.0.0.128/25', 'fd00::/64'], 4)).map(formatRange)).toEqual(['10.0.0.0-10.0.0.4', '10.0.0.6-10.0.0.127'])
  expect(isEverything(rangesOfSubnets(['0.0.0.0/1', '128.0.0.0/1'], 4), 4)).toBe(true)
  expect(isEverything(rangesOfSubnets(['0.0.0.0/1'], 4), 4)).toBe(false)
})
