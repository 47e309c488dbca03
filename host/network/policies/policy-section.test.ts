import { expect, it } from 'vitest'
import type { NetworkPolicyObject, NetworkPolicyRule } from '@/contracts/host/v1/networks'
import { policySection, type PolicyState } from './policy-section'

const state: PolicyState = { number: 7, subnets: [{ cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { cidr: 'fd00::/64', gateway: 'fd00::1' }], serviceCidrs: ['10.96.0.0/16'], routes: [{ destination: '10.9.0.0/24', via: '10.0.0.5' }], policies: [], peers: [] }
const rule = (fields: Partial<NetworkPolicyRule>): NetworkPolicyRule => ({ id: 'rules[0]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: null, addresses: null }, ...fields })
const policy = (n: number, fields: Partial<NetworkPolicyObject>): NetworkPolicyObject => ({ kind: 'policy', uid: `00000000-0000-4000-8000-00000000000${n}`, source: 'SecurityGroup', namespace: null, name: `p${n}`, members: [], directions: ['ingress'], rules: [], ...fields })
const of = (...policies: NetworkPolicyObject[]) => policySection({ ...state, policies })
const chain = (section: ReturnType<typeof of>, name: string) => section.chains?.get(name)?.rules ?? []
const only = (section: ReturnType<typeof of>, prefix: string) => [...section.chains ?? []].filter(([name]) => name.startsWith(prefix)).map(([name, { rules }]) => [name, rules] as const)

it('a network without policies: nothing from outside, all else', () => {
  const section = of()
  const check = chain(section, 'policy_check')
  expect(check[0]).toBe('ct state untracked drop')
  expect(check[1]).toMatch(/^ct mark 0x[0-9a-f]{8} return$/)
  expect(check.slice(2).map((line) => line.replace(/@policy_\w+/g, '@…'))).toEqual(['ct state related drop', 'ct reply ip saddr @… ct original ip saddr != @… drop', 'ct reply ip6 saddr fd00::/64 ct original ip6 saddr != fd00::/64 drop', 'goto policy_allowed'])
  expect([...section.sets ?? []].map(([, { elements }]) => elements)).toEqual([['10.0.0.0/24', '10.9.0.0/24']])
})

it('rules are gathered: a line for all subnets of one traffic, one for each list of addresses', () => {
  const ports = (...all: number[]) => all.map((first) => ({ first, last: first }))
  const section = of(policy(1, { members: ['10.0.0.5', 'fd00::5'], rules: [
    rule({ id: 'rules[0]', protocol: 'tcp', ports: ports(80, 443), peer: { cidrs: [{ cidr: '192.168.0.0/24', except: ['192.168.0.0/25'] }], addresses: null } }),
    rule({ id: 'rules[1]', protocol: 'tcp', ports: [...ports(443), { first: 80, last: 80 }], peer: { cidrs: [{ cidr: '192.168.1.0/24', except: [] }, { cidr: '::/0', except: [] }], addresses: null } }),
    rule({ id: 'rules[2]', protocol: 'icmp', icmpTypes: [8, 13] }),
    rule({ id: 'rules[3]', protocol: 'udp', peer: { cidrs: null, addresses: ['10.0.0.6', 'fd00::6'] } }),
    rule({ id: 'rules[4]', protocol: 'icmpv6', peer: { cidrs: null, addresses: ['fd00::6', '10.0.0.6'] } }),
  ] }))
  const [[name, lines] = ['', []]] = only(section, 'policy_ingress_0')
  const sets = new Map([...section.sets ?? []].map(([key, { elements }]) => [`@${key}`, `{ ${elements.join(', ')} }`]))
  expect(lines.map((line) => line.replace(/@\w+/g, (set) => (set.startsWith(`@${name}`) ? '@list' : sets.get(set) ?? set)))).toEqual([
    'meta nfproto ipv4 meta l4proto icmp ct original proto-dst { 2048-2303, 3328-3583 } meta mark set meta mark or 0x40000000 return',
    'meta l4proto tcp ct reply proto-src { 80, 443 } ct original ip saddr 192.168.0.128-192.168.1.255 meta mark set meta mark or 0x40000000 return',
    'meta l4proto tcp ct reply proto-src { 80, 443 } meta nfproto ipv6 meta mark set meta mark or 0x40000000 return',
    'meta l4proto udp ct original ip saddr @list meta mark set meta mark or 0x40000000 return',
    'meta l4proto udp ct original ip6 saddr @list meta mark set meta mark or 0x40000000 return',
    'meta nfproto ipv6 meta l4proto ipv6-icmp ct original ip6 saddr @list meta mark set meta mark or 0x40000000 return',
  ])
  expect([...section.sets ?? []].filter(([key]) => key.startsWith(name)).map(([, { elements }]) => elements)).toEqual([['10.0.0.6'], ['fd00::6']])
})

it('members of the same policies share a chain, which has each policy once; what lies behind a member goes with it', () => {
  const [a, b] = [policy(1, { members: ['10.0.0.5', '10.0.0.6', '10.0.0.7'] }), policy(2, { members: ['10.0.0.6', '10.0.0.7'], directions: ['ingress', 'egress'] })]
  const section = of(b, a)
  expect(only(section, 'policy_ingress_of_').map(([, lines]) => lines.filter((line) => line.startsWith('jump')).length).sort()).toEqual([1, 2])
  expect(only(section, 'policy_ingress_of_').every(([, lines]) => lines.at(-1) === 'drop')).toBe(true)
  expect([...section.maps?.get('policy_egress_members_4')?.elements.keys() ?? []]).toEqual(['10.0.0.6', '10.0.0.7'])
  const behind = [...section.maps ?? []].find(([name]) => name.startsWith('policy_ingress_behind_'))?.[1]
  expect([...behind?.elements ?? []]).toEqual([['10.9.0.0/24', section.maps?.get('policy_ingress_members_4')?.elements.get('10.0.0.5')]])
  expect(of(a, b)).toEqual(section)
})

it('a list that changes changes elements and the mark of what was judged before, no other rule', () => {
  const listed = (...addresses: string[]) => of(policy(1, { members: ['10.0.0.5'], rules: [rule({ peer: { cidrs: null, addresses } })] }))
  const [before, after] = [listed('10.0.0.6'), listed('10.0.0.6', '10.0.0.7')]
  const changed = [...after.chains ?? []].filter(([name, { rules }]) => JSON.stringify(rules) !== JSON.stringify(before.chains?.get(name)?.rules)).map(([name]) => name)
  expect(changed).toEqual(['policy_allowed', 'policy_check'])
  expect([...after.sets?.keys() ?? []]).toEqual([...before.sets?.keys() ?? []])
})

it('two rules of one place in a policy keep both their lists', () => {
  const section = of(policy(1, { members: ['10.0.0.5'], rules: ['10.0.0.6', '10.0.0.7'].map((address) => rule({ id: 'ingress[0]', peer: { cidrs: null, addresses: [address] } })) }))
  expect([...section.sets ?? []].filter(([name]) => name.startsWith('policy_ingress_0') && name.includes('_4')).map(([, { elements }]) => elements)).toEqual([['10.0.0.6'], ['10.0.0.7']])
})
