import { describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { draftOf, draftProblems, draftSchema, fieldOf, newDraft, newRange, newRoute, newSubnet, specOf, type NetworkDraft } from './network-draft'

const draft = (over: Partial<NetworkDraft> = {}): NetworkDraft => ({ ...newDraft(), name: 'net1', ...over })
const both = draft({
  subnets: [newSubnet({ name: 'pods', cidr: '10.0.0.0/24', ranges: [newRange({ start: '10.0.0.10', end: '10.0.0.20' })] }), newSubnet({ name: 'six', cidr: 'fd00::/64', gateway: 'fd00::1' })],
  outbound: false, domain: 'cloud.test', nameservers: '10.0.0.53, 10.0.0.54', serviceCIDRs: '10.100.0.0/16 fd99::/112', routes: [newRoute({ destination: '10.9.0.0/16', via: '10.0.0.11' })], mtu: '1400',
})

describe('a network’s form', () => {
  it('says little in the common case, and everything where it is filled', () => {
    expect(specOf(draft())).toEqual({ subnets: { default: { cidr: '10.0.0.0/24' } }, outbound: 'nat', dns: { upstream: true, nameservers: [] }, routes: [] })
    expect(specOf(both)).toEqual({
      subnets: { pods: { cidr: '10.0.0.0/24', allocationRanges: [{ start: '10.0.0.10', end: '10.0.0.20' }] }, six: { cidr: 'fd00::/64', gateway: 'fd00::1' } },
      outbound: 'none', dns: { domain: 'cloud.test', upstream: true, nameservers: ['10.0.0.53', '10.0.0.54'] }, serviceCIDRs: ['10.100.0.0/16', 'fd99::/112'], routes: [{ destination: '10.9.0.0/16', via: '10.0.0.11' }], mtu: 1400,
    })
    expect(draftProblems(both)).toEqual([])
  })
  it('of a network that is there becomes the same network again', () => {
    const spec = networkSpec.parse(specOf(both))
    expect(networkSpec.parse(specOf(draftOf('net1', spec)))).toEqual(spec)
  })
  it('has each problem at its field', () => {
    const at = (over: Partial<NetworkDraft>) => draftProblems(draft(over)).map(({ path }) => path)
    expect(at({ subnets: [newSubnet({ cidr: '10.0.0.0/40' })] })).toEqual(['subnets.0.cidr'])
    expect(at({ subnets: [newSubnet({ cidr: '10.0.0.0/24', gateway: '10.1.0.1' })] })).toEqual(['subnets.0.gateway'])
    expect(at({ subnets: [newSubnet({ cidr: '10.0.0.0/24', ranges: [newRange({ start: '10.0.0.5', end: '10.0.9.9' })] })] })).toEqual(['subnets.0.ranges.0.end'])
    expect(at({ subnets: [newSubnet({ name: 'a', cidr: '10.0.0.0/24' }), newSubnet({ name: 'b', cidr: '10.0.0.128/25' })] })).toEqual(['subnets.1.cidr'])
    expect(at({ subnets: [newSubnet({ name: 'a', cidr: '10.0.0.0/24' }), newSubnet({ name: 'a', cidr: '10.1.0.0/24' })] })).toEqual(['subnets.1.name'])
    expect(at({ subnets: [] })).toEqual(['subnets'])
    expect(at({ name: 'Bad name' })).toEqual(['name'])
    expect(at({ domain: '-' })).toEqual(['domain'])
    expect(at({ nameservers: 'x' })).toEqual(['nameservers'])
    expect(at({ serviceCIDRs: '10.0.0.0/16' })).toEqual(['serviceCIDRs'])
    expect(at({ routes: [newRoute({ destination: '10.9.0.0/16', via: '10.7.0.1' })] })).toEqual(['routes.0.via'])
    expect(at({ mtu: '9000' })).toEqual(['mtu'])
    expect(at({ mtu: 'large' })).toEqual(['mtu'])
  })
  it('has the problems between fields beside those of a field', () => {
    const at = (over: Partial<NetworkDraft>) => draftProblems(draft(over)).map(({ path }) => path).sort()
    expect(at({ subnets: [newSubnet({ cidr: '10.0.0.0/33', ranges: [newRange()] })] })).toEqual(['subnets.0.cidr', 'subnets.0.ranges.0.end', 'subnets.0.ranges.0.start'])
    expect(at({ subnets: [newSubnet({ cidr: '10.0.0.0/24', gateway: 'x', ranges: [newRange(), newRange({ start: '10.0.0.9', end: '10.0.0.8' })] })] })).toEqual(['subnets.0.gateway', 'subnets.0.ranges.0.end', 'subnets.0.ranges.0.start', 'subnets.0.ranges.1.end'])
    expect(at({ subnets: [newSubnet({ name: 'a', cidr: '10.0.0.0/24' }), newSubnet({ name: 'b', cidr: '10.0.0.128/25' })], mtu: '1' })).toEqual(['mtu', 'subnets.1.cidr'])
    expect(at({ subnets: [newSubnet({ name: 'A', cidr: '' })], serviceCIDRs: '10.0.0.0/30', routes: [newRoute({ destination: 'x', via: '10.0.0.7' }), newRoute()] })).toEqual(['routes.0.destination', 'routes.1.destination', 'routes.1.via', 'serviceCIDRs', 'subnets.0.cidr', 'subnets.0.name'])
  })
  it('puts what the server says at the field too', () => {
    expect(['spec.subnets.six.cidr', 'spec.subnets.pods.allocationRanges[0].start', 'spec.subnets', 'spec.serviceCIDRs[1]', 'spec.dns.nameservers[0]', 'spec.routes[0].via', 'spec.mtu', 'name'].map((path) => fieldOf(path, both)))
      .toEqual(['subnets.1.cidr', 'subnets.0.ranges.0.start', 'subnets', 'serviceCIDRs', 'nameservers', 'routes.0.via', 'mtu', 'name'])
  })
  it('is refused by its schema with paths of fields', () => {
    expect(draftSchema.safeParse(draft({ subnets: [newSubnet({ cidr: '' })] })).error?.issues[0]?.path).toEqual(['subnets', '0', 'cidr'])
  })
})

it('what is no address is a problem at its field, not an error that nobody catches', () => {
  const at = (over: Partial<NetworkDraft>) => draftProblems(draft(over)).map(({ path, message }) => `${path} ${message}`)
  expect(at({ subnets: [newSubnet({ cidr: '10.0.0.0/24', gateway: 'x', ranges: [newRange()] })] })).toEqual(['subnets.0.gateway must be an IP address', 'subnets.0.ranges.0.start must be an IP address', 'subnets.0.ranges.0.end must be an IP address'])
  expect(at({ routes: [newRoute({ destination: '10.9.0.0/16', via: '10.0.0' })] })).toEqual(['routes.0.via must be an IP address'])
})
