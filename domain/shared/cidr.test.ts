import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import {
  addressCount, contains, containsCidr, defaultGateway, firstHost, formatCidr, formatIpv4, hostCount, isCidr, isHost, isIpv4,
  lastAddress, lastHost, netmask, nthHost, overlaps, parseCidr, parseIpv4, subnetOf,
} from './cidr'

const anyAddress = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const anyCidr = fc.tuple(anyAddress, fc.integer({ min: 0, max: 32 })).map(([address, length]) => subnetOf(address, length))

describe('addresses', () => {
  it('reads back what it writes', () => {
    fc.assert(fc.property(anyAddress, (address) => parseIpv4(formatIpv4(address)) === address))
  })

  it.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.-4', ' 1.2.3.4', '1.2.3.4\n', '0x1.2.3.4', '1.2.3.4e0', '::1', '1..3.4'])(
    'refuses %j', (text) => {
      expect(() => parseIpv4(text)).toThrow(TypeError)
      expect(isIpv4(text)).toBe(false)
    })

  it.each([-1, 2 ** 32, 1.5, NaN])('does not write %d', (address) => {
    expect(() => formatIpv4(address)).toThrow(TypeError)
  })
})

describe('subnets', () => {
  it('reads back what it writes', () => {
    fc.assert(fc.property(anyCidr, (cidr) => {
      expect(parseCidr(formatCidr(cidr))).toEqual(cidr)
    }))
  })

  it.each(['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/024', '10.0.0.0/2 ', '10.0.0.0/24/8', '/24', '10.0.0.0/-1'])('refuses %j', (text) => {
    expect(() => parseCidr(text)).toThrow(TypeError)
    expect(isCidr(text)).toBe(false)
  })

  it('says which subnet was meant when host bits are set', () => {
    expect(() => parseCidr('10.1.2.3/16')).toThrow('10.1.0.0/16 holds it')
  })

  it('contains exactly the addresses from its first to its last', () => {
    fc.assert(fc.property(anyCidr, anyAddress, (cidr, address) => {
      expect(contains(cidr, address)).toBe(subnetOf(address, cidr.prefixLength).network === cidr.network)
    }))
  })

  it('two subnets overlap exactly when one contains the other', () => {
    fc.assert(fc.property(anyCidr, anyCidr, (a, b) => {
      expect(overlaps(a, b)).toBe(containsCidr(a, b) || containsCidr(b, a))
    }))
  })

  it.each([
    ['10.0.0.0/24', '10.0.0.1', '10.0.0.254', 254, '255.255.255.0'],
    ['10.0.0.0/30', '10.0.0.1', '10.0.0.2', 2, '255.255.255.252'],
    ['10.0.0.2/31', '10.0.0.2', '10.0.0.3', 2, '255.255.255.254'],
    ['10.0.0.7/32', '10.0.0.7', '10.0.0.7', 1, '255.255.255.255'],
    ['0.0.0.0/0', '0.0.0.1', '255.255.255.254', 2 ** 32 - 2, '0.0.0.0'],
    ['255.255.255.0/24', '255.255.255.1', '255.255.255.254', 254, '255.255.255.0'],
  ])('%s has hosts %s to %s', (text, first, last, count, mask) => {
    const cidr = parseCidr(text)
    expect([formatIpv4(firstHost(cidr)), formatIpv4(lastHost(cidr)), hostCount(cidr), netmask(cidr)]).toEqual([first, last, count, mask])
    expect(defaultGateway(cidr)).toBe(firstHost(cidr))
    expect(nthHost(cidr, 0)).toBe(firstHost(cidr))
    expect(nthHost(cidr, count - 1)).toBe(lastHost(cidr))
    expect(() => nthHost(cidr, count)).toThrow(TypeError)
  })

  it('its network and broadcast addresses are no hosts', () => {
    const cidr = parseCidr('10.0.0.0/24')
    expect([cidr.network, lastAddress(cidr)].map((address) => isHost(cidr, address))).toEqual([false, false])
    expect(addressCount(cidr)).toBe(256)
  })
})
