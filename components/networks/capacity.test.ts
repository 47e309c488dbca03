import { expect, it } from 'vitest'
import { ipv4First, usedOf } from './capacity'

it('says what is used in words, and of IPv6 no number that nobody reads', () => {
  expect([usedOf(3, 253), usedOf(1200, 65_533), usedOf(3, Number.MAX_SAFE_INTEGER)]).toEqual(['3 of 253', '1,200 of 65,533', '3 used'])
})

it('puts IPv4 first, whatever the order of a map', () => {
  expect(ipv4First([{ cidr: 'fd00::/64' }, { cidr: '10.1.0.0/24' }, { cidr: '10.0.0.0/24' }]).map(({ cidr }) => cidr)).toEqual(['10.1.0.0/24', '10.0.0.0/24', 'fd00::/64'])
})
