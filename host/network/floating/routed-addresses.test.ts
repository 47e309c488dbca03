import { describe, expect, it } from 'vitest'
import type { NetworkPeer, NetworkPolicyObject } from '@/contracts/host/v1/networks'
import type { Attachment } from '../attachment'
import { networkState, type FloatingBinding } from '../network-state'
import { withRouted } from '../policies/routed-members'
import { floatingSection } from './floating-section'
import { routedAddresses } from './routed-addresses'

const six = { cidr: 'fd00:0:0:1::/64', gateway: 'fd00:0:0:1::1' }
const place = (last: number, ipv6 = true): Attachment => ({
  network: { id: 'n', number: 1, cidr: '10.0.0.0/24', gateway: '10.0.0.1', outbound: 'nat', ...(ipv6 ? { ipv6: six } : {}) },
  pod: { uid: `p${last}`, address: `10.0.0.${last}`, prefixLength: 24, mac: `02:00:00:00:00:0${last}`, runAsUid: 700_000, ...(ipv6 ? { ipv6: { address: `fd00:0:0:1::${last}`, prefixLength: 64 } } : {}) },
})
const binding = (last: number, pod: number, target = `fd00:0:0:1::${pod}`): FloatingBinding => ({ uid: `u${last}`, address: `2001:db8:100::${last}`, podUid: `p${pod}`, target })
const pods = (...all: Attachment[]) => new Map(all.map((one) => [one.pod.uid, one]))

describe('what a guest is told of addresses that are routed to it', () => {
  it('is all of them, and what it reaches from its own address: its network, services, what lies behind pods, and peers', () => {
    const peers: NetworkPeer[] = [{ kind: 'peer', uid: '00000000-0000-4000-8000-000000000002', number: 2, name: 'two', subnets: ['10.2.0.0/24', 'fd00:0:0:2::/64'] }]
    const base = { kind: 'network' as const, number: 1, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 'b', ...six }], serviceCidrs: ['10.96.0.0/16', 'fd00:96::/112'], routes: [{ destination: 'fd00:8::/64', via: 'fd00:0:0:1::5' }], outbound: 'nat' as const, mtu: 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } }
    const state = networkState(place(5).network, [place(5)], { network: base, pods: [], services: [], policies: [], peers })
    const told = routedAddresses([binding(16, 5), binding(17, 5), { ...binding(18, 5), address: '198.18.100.18', target: '10.0.0.5' }], pods(place(5)), state)
    expect(told).toEqual(new Map([['p5', { addresses: ['2001:db8:100::16', '2001:db8:100::17'], gateway: 'fe80::1', inside: ['fd00:0:0:1::/64', 'fd00:0:0:2::/64', 'fd00:8::/64', 'fd00:96::/112'] }]]))
  })

  it('is nothing inside where its network has no IPv6, and nothing at all of pods that are not here', () => {
    const plain = place(5, false)
    const told = routedAddresses([binding(16, 5, '10.0.0.5'), binding(17, 6, '10.0.0.6')], pods(plain), networkState(plain.network, [plain]))
    expect(told).toEqual(new Map([['p5', { addresses: ['2001:db8:100::16'], gateway: 'fe80::1', inside: [] }]]))
  })
})

describe('policies of a pod with a routed address', () => {
  const policy = (members: string[], addresses: string[] | null): NetworkPolicyObject => ({ kind: 'policy', uid: 'p', source: 'SecurityGroup', namespace: null, name: 'web', members, directions: ['ingress'], rules: [{ id: 'rules[0]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: null, addresses } }] })

  it('speak of that address too, once, as a member and as the other side', () => {
    const [of] = withRouted([policy(['fd00:0:0:1::5', '2001:db8:100::17'], ['10.0.0.6'])], [binding(16, 5), binding(17, 5), binding(18, 6, '10.0.0.6')])
    expect(of?.members).toEqual(['fd00:0:0:1::5', '2001:db8:100::17', '2001:db8:100::16'])
    expect(of?.rules[0]?.peer.addresses).toEqual(['10.0.0.6', '2001:db8:100::18'])
    expect(withRouted([policy(['10.0.0.5'], null)], [binding(16, 5, '10.0.0.5')])[0]?.rules[0]?.peer.addresses).toBe(null)
  })

  it('are the same list where there is none', () => {
    const policies = [policy(['10.0.0.5'], null)]
    expect(withRouted(policies, [{ ...binding(16, 5, '10.0.0.5'), address: '198.18.100.16' }])).toBe(policies)
  })
})

it('nothing of a routed address is translated', () => {
  const plain = place(5, false)
  const { maps, chains } = floatingSection({ ...networkState(plain.network, [plain]), floating: [binding(16, 5, '10.0.0.5')] })
  expect(maps).toEqual(new Map())
  expect([...chains ?? []].filter(([, { hook = '' }]) => hook.includes('nat'))).toEqual([])
})
