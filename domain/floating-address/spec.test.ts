import { describe, expect, it } from 'vitest'
import { floatingAddressSpec } from './spec'

describe('a floating address', () => {
  it('may be any one, and says its family where the address does', () => {
    expect(floatingAddressSpec.parse({})).toEqual({})
    expect(floatingAddressSpec.parse({ address: '2001:DB8::0001' })).toEqual({ address: '2001:db8::1', family: 'IPv6' })
    expect(floatingAddressSpec.parse({ pool: 'six', target: { kind: 'Service', name: 'shop' } })).toEqual({ pool: 'six', target: { kind: 'Service', namespace: 'default', name: 'shop' } })
    const read = floatingAddressSpec.parse({ family: 'IPv4', address: '198.18.100.7', target: { kind: 'Pod', namespace: 'a', name: 'web.0' } })
    expect(floatingAddressSpec.parse(read)).toEqual(read)
  })
  it.each([
    [{ address: 42 }, 'address', 'must be an IP address: quote it'],
    [{ address: '198.18.100.0/24' }, 'address', 'must be an IP address'],
    [{ address: 'fe80::1%eth0' }, 'address', 'must be an IP address'],
    [{ address: '198.18.100.7', family: 'IPv6' }, 'family', 'must be IPv4, as 198.18.100.7 is'],
    [{ family: 'ipv4' }, 'family', 'must be IPv4 or IPv6'],
    [{ pool: 'Main' }, 'pool', 'must consist of lower-case letters'],
    [{ target: { kind: 'Node', name: 'a' } }, 'target.kind', 'must be Pod, Service or Ingress'],
    [{ target: { kind: 'Pod' } }, 'target.name', 'expected string'],
    [{ target: { kind: 'Pod', name: 'a', port: 80 } }, 'target', 'Unrecognized key'],
  ])('is not %j', (spec, path, message) => {
    expect(floatingAddressSpec.safeParse(spec).error?.issues).toEqual([expect.objectContaining({ path: path.split('.'), message: expect.stringContaining(message) })])
  })
})
