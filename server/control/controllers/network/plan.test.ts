import { describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import type { JudgedPeering } from '@/server/store/network-control'
import { judgeNetwork, judgePeering } from './plan'

const spec = (...cidrs: string[]) => networkSpec.parse({ subnets: Object.fromEntries(cidrs.map((cidr, i) => [`s${i}`, { cidr }])) })

describe('a network is ready', () => {
  it('with subnets for pods and services', () => {
    expect(judgeNetwork('n', spec('10.0.0.0/24', 'fd00::/64'))).toEqual({ status: 'True', reason: 'Ready', message: 'Pods get addresses of 10.0.0.0/24, fd00::/64, services of 10.96.0.0/16 and fd96::/112.' })
    expect(judgeNetwork('n', spec('fd00::/64'))).toMatchObject({ status: 'False', reason: 'NoIPv4Subnet' })
    expect(judgeNetwork('n', spec('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'))).toMatchObject({ status: 'False', reason: 'NoServiceSubnet' })
  })
})

describe('a peering is active', () => {
  const networks = { a: spec('10.1.0.0/24'), b: spec('10.2.0.0/24'), c: spec('10.2.0.0/25'), d: spec('10.1.0.0/28') }
  type Name = keyof typeof networks
  const side = (name: Name) => ({ uid: name, name, spec: networks[name] })
  let made = 0
  const peering = (own: Name, other: Name, over: Partial<JudgedPeering> = {}): JudgedPeering => ({ uid: `${own}-${other}`, tenantId: 't', generation: 1, createdAt: new Date((made += 1) * 1000), spec: { network: own, peer: { network: other } }, peerTenantId: 't', peerNetwork: other, slug: 'ann', own: side(own), other: side(other), agreed: true, agreedSubnets: null, covered: true, ...over })
  const reasons = (...all: JudgedPeering[]) => all.map((one) => judgePeering(one, all).reason)

  it('where both networks are there, agree and share no address', () => {
    expect(reasons(peering('a', 'b'))).toEqual(['Agreed'])
    expect(reasons(peering('a', 'd'))).toEqual(['SubnetsOverlap'])
    expect(reasons(peering('a', 'b', { other: null }))).toEqual(['NoNetwork'])
    expect(reasons(peering('a', 'b', { peerTenantId: 'u', agreed: false }))).toEqual(['NotAgreed'])
  })
  it('where no older peering of either network has the addresses', () => {
    expect(reasons(peering('a', 'b'), peering('a', 'c'))).toEqual(['Agreed', 'PeersOverlap'])
    expect(reasons(peering('b', 'a'), peering('c', 'a'))).toEqual(['Agreed', 'PeersOverlap'])
    const [first, second] = [peering('a', 'c'), peering('a', 'b')]
    expect(judgePeering(second, [second, first])).toMatchObject({ reason: 'PeersOverlap', message: 'Network "a" is connected with "c" already, which has addresses that "b" has too: to one network, an address is one place. Change the subnets of one of them, or delete the other peering.' })
    // One that was never agreed, or is in its own way, is in nobody else's.
    expect(reasons(peering('a', 'b', { peerTenantId: 'u', agreed: false }), peering('a', 'c'))).toEqual(['NotAgreed', 'Agreed'])
  })
  it('of two tenants with the subnets that were agreed on, in private addresses', () => {
    const there = { peerTenantId: 'u' }
    expect(reasons(peering('a', 'b', { ...there, agreedSubnets: ['10.2.0.0/24', '10.3.0.0/24'] }))).toEqual(['Agreed'])
    const changed = peering('a', 'b', { ...there, agreedSubnets: ['10.3.0.0/24'] })
    expect(judgePeering(changed, [changed])).toMatchObject({ status: 'False', reason: 'SubnetsChanged', message: 'Network "b" of tenant "u" has the subnet 10.2.0.0/24, which it had not when this peering was agreed on: to agree to it, delete this peering and create it anew.' })
    expect(reasons(peering('a', 'b', { ...there, covered: false }))).toEqual(['SubnetsChanged'])
    const outside = { uid: 'x', name: 'x', spec: spec('10.3.0.0/24', '8.8.8.0/24') }
    expect(reasons(peering('a', 'b', { ...there, other: outside }), peering('a', 'b', { ...there, own: outside }), peering('a', 'b', { other: outside }))).toEqual(['PublicSubnet', 'PublicSubnet', 'Agreed'])
  })
  it('of one tenant before one with another, however old', () => {
    expect(reasons(peering('a', 'c', { peerTenantId: 'u' }), peering('a', 'b'))).toEqual(['PeersOverlap', 'Agreed'])
  })
  it('where neither has a route or its services at addresses of the other', () => {
    const routed = { uid: 'r', name: 'r', spec: networkSpec.parse({ subnets: { s: { cidr: '10.5.0.0/24' } }, routes: [{ destination: '10.2.0.0/16', via: '10.5.0.9' }] }) }
    const serving = { uid: 's', name: 's', spec: networkSpec.parse({ subnets: { s: { cidr: '10.6.0.0/24' } }, serviceCIDRs: ['10.2.0.0/20'] }) }
    for (const own of [routed, serving]) expect(reasons(peering('b', 'a', { other: own }), peering('a', 'b', { own }))).toEqual(['SubnetsOverlap', 'SubnetsOverlap'])
    const both = peering('a', 'b', { own: serving })
    expect(judgePeering(both, [both]).message).toContain('In network "s", the subnet of the services has addresses that network "b" has too (10.2.0.0/24)')
    expect(reasons(peering('a', 'b', { own: routed, other: serving }))).toEqual(['Agreed'])
  })
  it('for both of its sides alike, whichever wrote first', () => {
    const there = { peerTenantId: 'u' }
    const back = peering('b', 'a', { ...there, tenantId: 'u', peerTenantId: 't' })
    const third = peering('a', 'c', { peerTenantId: 'v' })
    expect(reasons(back, third, peering('a', 'b', there))).toEqual(['Agreed', 'PeersOverlap', 'Agreed'])
  })
})
