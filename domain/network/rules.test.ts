import { expect, it } from 'vitest'
import { decide, type NetworkRules, type Policy, type PolicyRule, type Traffic } from './rules'

const rule = (fields: Partial<PolicyRule>): PolicyRule => ({ id: 'rules[0]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: null, addresses: null }, ...fields })
const policy = (name: string, fields: Partial<Policy>): Policy => ({ uid: name, source: 'SecurityGroup', namespace: null, name, members: ['10.0.0.5', 'fd00::5'], directions: ['ingress'], rules: [], ...fields })
const network = (...policies: Policy[]): NetworkRules => ({ subnets: ['10.0.0.0/24', 'fd00::/64'], routes: [{ destination: '10.9.0.0/24', via: '10.0.0.5' }], peerSubnets: ['10.1.0.0/24'], policies })
const tcp = (port: number): Traffic => ({ protocol: 'tcp', port })
const incoming = (rules: NetworkRules, other: string, traffic: Traffic = tcp(80), pod = '10.0.0.5') => {
  const { allowed, because } = decide(rules, 'ingress', traffic, pod, other)
  return [allowed, because.kind === 'rule' ? `${because.policy.name} ${because.rule.id}` : because.kind === 'default' ? because.default : because.kind]
}

it('a pod of no policy: all within the network and its peers, nothing from outside, all out', () => {
  expect(incoming(network(), '10.0.0.6')).toEqual([true, 'within'])
  expect(incoming(network(), '10.9.0.7')).toEqual([true, 'within'])
  expect(incoming(network(), '10.1.0.6')).toEqual([true, 'within'])
  expect(incoming(network(), '203.0.113.1')).toEqual([false, 'outside'])
  expect(decide(network(), 'egress', tcp(80), '10.0.0.5', '203.0.113.1')).toEqual({ allowed: true, because: { kind: 'default', default: 'out' } })
  expect(decide(network(), 'ingress', tcp(80), '203.0.113.1', '10.0.0.5')).toEqual({ allowed: true, because: { kind: 'foreign' } })
})

it('a pod of policies: what one rule of one of them allows, in the directions that they have', () => {
  const web = policy('web', { rules: [rule({ id: 'rules[2]', protocol: 'tcp', ports: [{ first: 80, last: 90 }] })] })
  const closed = policy('closed', {})
  expect(incoming(network(closed, web), '203.0.113.1', tcp(85))).toEqual([true, 'web rules[2]'])
  expect(incoming(network(closed, web), '10.0.0.6', tcp(91))).toEqual([false, 'noRule'])
  expect(incoming(network(closed), '10.0.0.6', tcp(91), '10.0.0.7')).toEqual([true, 'within'])
  expect(decide(network(closed), 'egress', tcp(80), '10.0.0.5', '10.0.0.6').because.kind).toBe('default')
  expect(decide(network(policy('out', { directions: ['ingress', 'egress'] })), 'egress', tcp(80), '10.0.0.5', '10.0.0.6')).toMatchObject({ allowed: false })
})

it('a pod reaches itself, and what lies behind it is under its policies', () => {
  expect(incoming(network(policy('closed', {})), '10.0.0.5')).toEqual([true, 'self'])
  expect(incoming(network(policy('closed', {})), '10.0.0.6', tcp(80), '10.9.0.7')).toEqual([false, 'noRule'])
})

it('subnets with what they leave out, lists of addresses, protocols, ports and types', () => {
  const cidrs = policy('cidrs', { rules: [rule({ peer: { cidrs: [{ cidr: '10.0.0.0/24', except: ['10.0.0.128/25'] }], addresses: ['10.0.0.200'] } })] })
  expect(['10.0.0.6', '10.0.0.130', '10.0.0.200', '10.1.0.6'].map((other) => incoming(network(cidrs), other)[0])).toEqual([true, false, true, false])
  const ping = policy('ping', { rules: [rule({ protocol: 'icmp', icmpTypes: [8] }), rule({ protocol: 'icmpv6' })] })
  expect(incoming(network(ping), '10.0.0.6', { protocol: 'icmp', port: null })[0]).toBe(true)
  expect(incoming(network(ping), '10.0.0.6', { protocol: 'icmp', port: null, icmpType: 13 })[0]).toBe(false)
  expect(incoming(network(ping), 'fd00::6', { protocol: 'icmp', port: null, icmpType: 128 }, 'fd00::5')[0]).toBe(true)
  expect(incoming(network(ping), '10.0.0.6', tcp(80))[0]).toBe(false)
  const any = policy('any', { rules: [rule({})] })
  expect(incoming(network(any), '10.0.0.6', { protocol: 'other', port: null })[0]).toBe(true)
  const ports = policy('ports', { rules: [rule({ ports: [{ first: 53, last: 53 }] })] })
  expect([incoming(network(ports), '10.0.0.6', { protocol: 'udp', port: 53 })[0], incoming(network(ports), '10.0.0.6', { protocol: 'icmp', port: null })[0]]).toEqual([true, false])
})
