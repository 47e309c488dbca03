import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstHostOf, formatIp, formatSubnet, hostRange, inSubnet, isIp, isSubnet, parseIp, parseSubnet, rangeOf, subnetHolds, subnetsOverlap } from './ip'

const ipv6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value) => ({ family: 6 as const, value }))

describe('addresses of both families', () => {
  it('come back as they were written, whatever the address', () => {
    fc.assert(fc.property(ipv6, (ip) => {
      const text = formatIp(ip)
      expect(isIPv6(text)).toBe(true)
      expect(parseIp(text)).toEqual(ip)
    }))
    fc.assert(fc.property(fc.ipV6(), (text) => void expect(parseIp(formatIp(parseIp(text)))).toEqual(parseIp(text))))
  })
  it.each([['FD00:0:0::1', 'fd00::1'], ['::ffff:192.0.2.1', '::ffff:c000:201'], ['::', '::'], ['1:0:0:2::', '1:0:0:2::'], ['10.0.0.1', '10.0.0.1']])('%s is %s', (text, form) => expect(formatIp(parseIp(text))).toBe(form))
  it.each(['fe80::1%eth0', '1::2::3', '1:2:3', 'g::1', '10.0.0.256', '10.0.0.01', '', '[::1]', '1::/64'])('%s is none', (text) => expect(isIp(text)).toBe(false))
})

describe('subnets of both families', () => {
  it('tell what they hold', () => {
    const subnet = parseSubnet('fd00:1::/64')
    expect(formatSubnet(subnet)).toBe('fd00:1::/64')
    expect(inSubnet(subnet, parseIp('fd00:1::ffff'))).toBe(true)
    expect(inSubnet(subnet, parseIp('fd00:2::1'))).toBe(false)
    expect(inSubnet(subnet, parseIp('10.0.0.1'))).toBe(false)
    expect(subnetHolds(parseSubnet('fd00::/16'), subnet)).toBe(true)
    expect(subnetsOverlap(parseSubnet('0.0.0.0/0'), parseSubnet('::/0'))).toBe(false)
    expect(formatIp(firstHostOf(subnet))).toBe('fd00:1::1')
    expect(hostRange(parseSubnet('10.0.0.0/29'))).toEqual({ family: 4, first: 0x0a000001n, last: 0x0a000006n })
    expect(rangeOf(parseSubnet('::/0')).last).toBe((1n << 128n) - 1n)
  })
  it('are refused with the one that was meant', () => expect(() => parseSubnet('fd00::1/64')).toThrow('fd00::/64 holds it'))
  it.each(['fd00::/129', '10.0.0.0/33', 'fd00::', '10.0.0.0/', 'fd00::/064'])('%s is none', (text) => expect(isSubnet(text)).toBe(false))
})
