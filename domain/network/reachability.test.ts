import { describe, expect, it } from 'vitest'
import { agrees, type ReachabilityEnd } from './reachability'
import { answerReachability } from './reachability-answer'
import { withRoutedPods, worldOf, type World, type WorldObject, type WorldPod, type WorldService } from './reachability-world'
import { decide, type Policy, type PolicyRule } from './rules'

const network = (over: object = {}): WorldObject => ({ kind: 'network', number: 1, name: 'net1', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], serviceCidrs: ['10.96.0.0/16'], routes: [], outbound: 'nat', ...over })
const pod = (name: string, ...addresses: string[]): WorldPod => ({ kind: 'pod', uid: name, namespace: 'default', name, hostId: `host-of-${name}`, addresses })
const service = (over: Partial<WorldService> = {}): WorldService => ({ kind: 'service', namespace: 'default', name: 'db', addresses: ['10.96.0.7'], externalName: null, localOnly: false, hosts: [], ports: [{ name: null, protocol: 'tcp', port: 80, endpoints: [{ address: '10.0.0.3', port: 8080, hostId: 'host-of-b' }, { address: '10.0.0.4', port: 8080, hostId: 'host-of-c' }] }], ...over })
const rule = (over: Partial<PolicyRule> = {}): PolicyRule => ({ id: 'rules[0]', direction: 'ingress', protocol: 'tcp', ports: [{ first: 8080, last: 8080 }], icmpTypes: null, peer: { cidrs: null, addresses: ['10.0.0.2'] }, ...over })
const group = (name: string, members: string[], rules: PolicyRule[], directions: Policy['directions'] = ['ingress']): WorldObject => ({ kind: 'policy', uid: name, source: 'SecurityGroup', namespace: null, name, members, directions, rules })
const three = [pod('a', '10.0.0.2'), pod('b', '10.0.0.3'), pod('c', '10.0.0.4')]
const world = (...objects: WorldObject[]): World => worldOf([network(), ...three, ...objects])
const from = { namespace: 'default', name: 'a' }
const toPod = (name: string): ReachabilityEnd => ({ kind: 'pod', namespace: 'default', name })
const toService: ReachabilityEnd = { kind: 'service', namespace: 'default', name: 'db' }
const toAddress = (address: string): ReachabilityEnd => ({ kind: 'address', address })
type Ask = { world?: World; to: ReachabilityEnd; protocol?: 'tcp' | 'udp' | 'icmp'; port?: number | null; visible?: World[] }
const ask = ({ world: of = world(), to, protocol = 'tcp', port = 8080, visible = [] }: Ask) => {
  const answer = answerReachability({ world: of, visible: new Map(visible.map((one) => [one.network.number, one])) }, { from, to, protocol, port: protocol === 'icmp' ? null : port })
  if (!answer) throw new Error('not found')
  return answer
}
const decisive = (given: Ask) => {
  const answer = ask(given)
  expect(answer.steps.filter((step) => step.decides)).toHaveLength(1)
  expect(answer.advice === null).toBe(answer.reachable && answer.targets.every((target) => target.reachable))
  return { reachable: answer.reachable, rule: answer.steps.find((step) => step.decides)?.rule, detail: answer.steps.find((step) => step.decides)?.detail ?? '', certain: answer.certain }
}

describe('between pods', () => {
  it('of one network without groups everything passes', () => {
    expect(decisive({ to: toPod('b') })).toMatchObject({ reachable: true, certain: true, detail: expect.stringContaining('everything of its network') })
    expect(decisive({ to: toPod('b'), protocol: 'icmp' })).toMatchObject({ reachable: true })
    expect(decisive({ to: toPod('a') })).toMatchObject({ reachable: true, detail: expect.stringContaining('never leaves') })
  })
  it('the rule that lets in is named with its place, and so is the group without one', () => {
    const guarded = world(group('web', ['10.0.0.3'], [rule()]))
    expect(decisive({ world: guarded, to: toPod('b') })).toMatchObject({ reachable: true, rule: { kind: 'SecurityGroup', name: 'web', path: 'spec.rules[0]' } })
    expect(decisive({ world: guarded, to: toPod('b'), port: 22 })).toMatchObject({ reachable: false, rule: { kind: 'SecurityGroup', name: 'web', path: 'spec' }, detail: expect.stringContaining('no rule of it lets TCP 22 in from pod “a” (10.0.0.2)') })
    expect(ask({ world: guarded, to: toPod('b'), port: 22 }).advice).toBe('Add an ingress rule for TCP 22 from 10.0.0.2 to security group “web”, or take the pod out of it.')
    expect(decisive({ world: guarded, to: toPod('c'), port: 22 })).toMatchObject({ reachable: true })
  })
  it('what may leave is asked first', () => {
    const closed = world(group('out', ['10.0.0.2'], [rule({ direction: 'egress', peer: { cidrs: null, addresses: ['10.0.0.4'] } })], ['ingress', 'egress']))
    expect(decisive({ world: closed, to: toPod('b') })).toMatchObject({ reachable: false, detail: expect.stringContaining('out to pod “b”') })
    expect(decisive({ world: closed, to: toPod('c') })).toMatchObject({ reachable: true, rule: { name: 'out' } })
  })
  it('a port must be named, and a pod that is not there is not found', () => {
    expect(() => ask({ to: toPod('b'), port: null })).toThrow('port: is needed for TCP')
    expect(() => ask({ to: toPod('nobody') })).toThrow('not found')
  })
  it('one without an address says so', () => {
    expect(decisive({ world: world(pod('d')), to: toPod('d') })).toMatchObject({ reachable: false, detail: expect.stringContaining('no address yet') })
    expect(decisive({ world: world(pod('v6', 'fd00::2')), to: toPod('v6') })).toMatchObject({ reachable: false, detail: expect.stringContaining('same family') })
  })
})

describe('to a service', () => {
  it('its port leads to its ready endpoints, whose rules are asked', () => {
    expect(decisive({ world: world(service()), to: toService, port: null })).toMatchObject({ reachable: true })
    expect(ask({ world: world(service()), to: toService, port: null })).toMatchObject({ dial: { address: '10.96.0.7', port: 80 }, targets: [{ address: '10.0.0.3', port: 8080, pod: { name: 'b' } }, { address: '10.0.0.4' }] })
    const partly = ask({ world: world(service(), group('web', ['10.0.0.3'], [])), to: toService, port: 80 })
    expect(partly).toMatchObject({ reachable: true, summary: expect.stringContaining('only 1 of its 2 endpoints'), targets: [{ reachable: false }, { reachable: true }] })
    expect(partly.steps.find((step) => step.decides)?.detail).toContain('1 of 2 endpoints are out of reach')
  })
  it('of many endpoints the first hundred are looked at', () => {
    const endpoints = Array.from({ length: 300 }, (_, i) => ({ address: i === 0 ? '10.0.0.3' : '10.0.0.4', port: 8000 + i, hostId: null }))
    const many = ask({ world: world(service({ ports: [{ name: null, protocol: 'tcp', port: 80, endpoints }] }), group('web', ['10.0.0.3'], [])), to: toService, port: 80 })
    expect(many.targets).toHaveLength(100)
    expect(many.summary).toContain('only 99 of its first 100 endpoints')
  })
  it('an endpoint that somebody wrote is outside', () => {
    const written = service({ ports: [{ name: null, protocol: 'tcp', port: 80, endpoints: [{ address: '192.0.2.1', port: 80, hostId: null }] }] })
    expect(decisive({ world: world(written), to: toService, port: 80 })).toMatchObject({ reachable: true, certain: false })
    expect(decisive({ world: worldOf([network({ outbound: 'none' }), ...three, written]), to: toService, port: 80 })).toMatchObject({ reachable: false, rule: { kind: 'Network', path: 'spec.outbound' } })
  })
  it('by its address it is the same service', () => {
    expect(decisive({ world: world(service()), to: toAddress('10.96.0.7'), port: 80 })).toMatchObject({ reachable: true })
    expect(decisive({ world: world(service()), to: toAddress('10.96.0.8'), port: 80 })).toMatchObject({ reachable: false, detail: expect.stringContaining('no service has it') })
  })
  it.each([
    ['a port that it has not', {}, 443, 'spec.ports', 'does not serve TCP 443'],
    ['no endpoint', { ports: [{ name: null, protocol: 'tcp', port: 80, endpoints: [] }] }, 80, 'spec.selector', 'None of its pods is ready'],
    ['none on the pod’s host', { localOnly: true }, 80, 'spec.internalTrafficPolicy', 'on the host of pod “a”'],
    ['a name elsewhere', { externalName: 'example.com', addresses: [] }, 80, 'spec.externalName', 'another name for example.com'],
  ] as const)('with %s it is not reached', (_, over, port, path, detail) => {
    expect(decisive({ world: world(service(over as Partial<WorldService>)), to: toService, port })).toMatchObject({ reachable: false, rule: { kind: 'Service', name: 'db', path }, detail: expect.stringContaining(detail) })
  })
  it('cannot be pinged, and of several ports one must be named', () => {
    expect(decisive({ world: world(service()), to: toService, protocol: 'icmp' })).toMatchObject({ reachable: false, detail: expect.stringContaining('cannot be pinged') })
    const two = service({ ports: [80, 443].map((port) => ({ name: String(port), protocol: 'tcp' as const, port, endpoints: [] })) })
    expect(() => ask({ world: world(two), to: toService, port: null })).toThrow('has the ports 80, 443')
  })
  it('without an address of its own leads to its pods', () => {
    expect(ask({ world: world(service({ addresses: [] })), to: toService, port: 80 })).toMatchObject({ reachable: true, dial: { address: '10.0.0.3', port: 8080 } })
  })
})

describe('to an address', () => {
  it.each([
    ['169.254.169.254', false, 'Never routed'], ['127.0.0.1', false, 'Never routed'], ['224.0.0.1', false, 'Never routed'], ['10.0.0.99', false, 'No pod there'],
    ['10.0.0.3', true, 'Pod b'], ['8.8.8.8', true, 'Outside'], ['fd00::1', false, 'Address family'],
  ])('%s: %s', (address, reachable, title) => {
    const answer = ask({ to: toAddress(address) })
    expect(answer.reachable).toBe(reachable)
    expect(answer.steps[1]?.title).toBe(title)
  })
  it('of the gateway: a ping and names', () => {
    expect(decisive({ to: toAddress('10.0.0.1'), protocol: 'icmp' })).toMatchObject({ reachable: true })
    expect(decisive({ to: toAddress('10.0.0.1'), protocol: 'udp', port: 53 })).toMatchObject({ reachable: true })
    expect(decisive({ to: toAddress('10.0.0.1') })).toMatchObject({ reachable: false, rule: { kind: 'Network' } })
  })
  it('outside: as the network says, and IPv6 stays inside; what is beyond is not ours to say', () => {
    expect(decisive({ to: toAddress('8.8.8.8') })).toMatchObject({ reachable: true, certain: false })
    expect(decisive({ world: worldOf([network({ outbound: 'none' }), ...three]), to: toAddress('8.8.8.8') })).toMatchObject({ reachable: false, rule: { kind: 'Network', name: 'net1', path: 'spec.outbound' } })
    expect(decisive({ world: worldOf([network(), pod('a', '10.0.0.2', 'fd00::2')]), to: toAddress('2001:4860::1') })).toMatchObject({ reachable: false, detail: expect.stringContaining('IPv6 stays inside') })
  })
  it('behind a pod, by its route', () => {
    const routed = (via: string) => worldOf([network({ routes: [{ destination: '192.168.9.0/24', via }] }), ...three, group('router', ['10.0.0.3'], [])])
    expect(decisive({ world: routed('10.0.0.3'), to: toAddress('192.168.9.7') })).toMatchObject({ reachable: false, rule: { kind: 'SecurityGroup', name: 'router' } })
    expect(decisive({ world: routed('10.0.0.4'), to: toAddress('192.168.9.7') })).toMatchObject({ reachable: true, certain: false })
    expect(decisive({ world: routed('10.0.0.9'), to: toAddress('192.168.9.7') })).toMatchObject({ reachable: false, rule: { kind: 'Network', path: 'spec.routes[0]' } })
  })
})

describe('by a floating address of IPv6, which is routed to its pod', () => {
  const [mine, theirs] = ['2001:db8:100::16', '2001:db8:100::17']
  const given = (of: World, ...all: [string, string][]): World => withRoutedPods(of, new Map(all.map(([uid, address]) => [uid, [address]])))
  const both = [pod('a', '10.0.0.2'), pod('b', '10.0.0.3', 'fd00::3'), pod('c', '10.0.0.4', 'fd00::4')]
  const six = (...objects: WorldObject[]) => worldOf([network({ subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 's', cidr: 'fd00::/64', gateway: 'fd00::1' }] }), ...both, ...objects])
  it('a pod speaks to the outside, as its network says, and what is beyond is not ours to say', () => {
    expect(decisive({ world: given(six(), ['a', mine]), to: toAddress('2001:4860::1') })).toMatchObject({ reachable: true, certain: false })
    expect(ask({ world: given(six(), ['a', mine]), to: toAddress('2001:4860::1') }).steps.map(({ detail }) => detail).join()).toContain(`from its floating address ${mine}`)
    expect(decisive({ world: given(worldOf([network({ outbound: 'none' }), ...both]), ['a', mine]), to: toAddress('2001:4860::1') })).toMatchObject({ reachable: false, rule: { kind: 'Network', path: 'spec.outbound' } })
    // Its groups name it by its own address.
    expect(decisive({ world: given(six(group('out', ['10.0.0.2'], [], ['egress'])), ['a', mine]), to: toAddress('2001:4860::1') })).toMatchObject({ reachable: false, rule: { kind: 'SecurityGroup', name: 'out' } })
    expect(decisive({ world: given(six(), ['b', mine]), to: toAddress('2001:4860::1') })).toMatchObject({ reachable: false, detail: expect.stringContaining('no IPv6 address') })
  })
  it('a pod of the same network is reached at it, from its sibling’s own address or routed one, under its groups', () => {
    expect(ask({ world: given(six(), ['b', theirs], ['a', mine]), to: toAddress(theirs) })).toMatchObject({ reachable: true, certain: true, targets: [{ address: theirs, pod: { name: 'b' } }] })
    const guarded = (other: string) => six(group('web', ['10.0.0.3', 'fd00::3'], [rule({ peer: { cidrs: null, addresses: [other] } })]))
    expect(decisive({ world: given(guarded('10.0.0.2'), ['b', theirs], ['a', mine]), to: toAddress(theirs) })).toMatchObject({ reachable: true, rule: { kind: 'SecurityGroup', name: 'web' } })
    expect(decisive({ world: given(guarded('10.0.0.4'), ['b', theirs], ['a', mine]), to: toAddress(theirs) })).toMatchObject({ reachable: false, rule: { kind: 'SecurityGroup', name: 'web' }, detail: expect.stringContaining(mine) })
    const fromC = answerReachability({ world: given(guarded('fd00::4'), ['b', theirs]), visible: new Map() }, { from: { namespace: 'default', name: 'c' }, to: toAddress(theirs), protocol: 'tcp', port: 8080 })
    expect(fromC).toMatchObject({ reachable: true })
    expect(decisive({ world: given(six(), ['b', theirs]), to: toAddress(theirs) })).toMatchObject({ reachable: false, detail: expect.stringContaining('no IPv6 address') })
    expect(ask({ world: given(six(), ['a', mine]), to: toAddress(mine) })).toMatchObject({ reachable: true, targets: [{ pod: { name: 'a' } }] })
  })
  it('a pod of another network is reached at it by the outside, open without a group, and no peering is asked for', () => {
    const other = (...objects: WorldObject[]) => given(worldOf([network({ number: 2, name: 'net2', subnets: [{ name: 'a', cidr: '10.2.0.0/24', gateway: '10.2.0.1' }] }), pod('far', '10.2.0.5'), ...objects]), ['far', theirs])
    expect(ask({ world: given(six(), ['a', mine]), to: toAddress(theirs), visible: [other()] })).toMatchObject({ reachable: true, certain: true, targets: [{ pod: { name: 'far' } }], summary: expect.stringContaining('pod “a” reaches far') })
    expect(ask({ world: given(six(), ['a', mine]), to: toAddress(theirs), visible: [other()] }).steps.at(-1)?.detail).toContain('open to everybody')
    expect(decisive({ world: given(six(), ['a', mine]), to: toAddress(theirs), visible: [other(group('far', ['10.2.0.5'], [rule({ peer: { cidrs: [{ cidr: `${mine}/128`, except: [] }], addresses: null } })]))] })).toMatchObject({ reachable: true, rule: { name: 'far' } })
    expect(decisive({ world: given(six(), ['a', mine]), to: toAddress(theirs), visible: [other(group('far', ['10.2.0.5'], []))] })).toMatchObject({ reachable: false, rule: { kind: 'SecurityGroup', name: 'far' } })
    const fromC = answerReachability({ world: six(), visible: new Map([[2, other()]]) }, { from: { namespace: 'default', name: 'c' }, to: toAddress(theirs), protocol: 'tcp', port: 8080 })
    expect(fromC).toMatchObject({ reachable: false, summary: expect.stringContaining('IPv6 stays inside') })
  })
})

describe('to another network', () => {
  const peer = (number: number): WorldObject => ({ kind: 'peer', number, name: 'with-net2', subnets: ['10.2.0.0/24'] })
  const other = (...objects: WorldObject[]) => worldOf([network({ number: 2, name: 'net2', subnets: [{ name: 'a', cidr: '10.2.0.0/24', gateway: '10.2.0.1' }] }), pod('far', '10.2.0.5'), { kind: 'peer', number: 1, name: 'with-net1', subnets: ['10.0.0.0/24'] }, ...objects])
  it('needs a peering', () => {
    expect(decisive({ to: toPod('far'), visible: [other()] })).toMatchObject({ reachable: false, detail: expect.stringContaining('no peering') })
    expect(decisive({ world: world(peer(2)), to: toPod('far'), visible: [other()] })).toMatchObject({ reachable: true, certain: true })
    expect(decisive({ world: world(peer(2)), to: toAddress('10.2.0.5'), visible: [other(group('far', ['10.2.0.5'], []))] })).toMatchObject({ reachable: false, rule: { kind: 'SecurityGroup', name: 'far' } })
    expect(decisive({ world: world(peer(2)), to: toAddress('10.2.0.9'), visible: [other()] })).toMatchObject({ reachable: false, rule: { kind: 'NetworkPeering', name: 'with-net2' } })
  })
  it('of another tenant: what it lets in is not ours to say', () => {
    expect(decisive({ world: world(peer(2)), to: toAddress('10.2.0.5') })).toMatchObject({ reachable: true, certain: false })
  })
  it('its services stay its own', () => {
    expect(decisive({ world: world(peer(2)), to: toService, port: 80, visible: [other(service({ addresses: ['10.97.0.1'] }))] })).toMatchObject({ reachable: false, detail: expect.stringContaining('inside its own network alone') })
  })
})

describe('a try', () => {
  const yes = { reachable: true, certain: true, targets: [] }
  const no = { ...yes, reachable: false, targets: [{ address: '10.0.0.3', port: 1, reachable: false, pod: null }] }
  it.each([
    [yes, 'tcp', 'open', true], [yes, 'tcp', 'refused', true], [yes, 'tcp', 'silent', false], [yes, 'tcp', 'unreachable', false], [yes, 'udp', 'silent', null], [yes, 'tcp', 'failed', null],
    [no, 'tcp', 'silent', true], [no, 'tcp', 'unreachable', true], [no, 'tcp', 'open', false], [no, 'tcp', 'refused', false], [{ ...no, targets: [] }, 'tcp', 'refused', true],
    [{ ...yes, certain: false }, 'tcp', 'silent', null], [{ ...yes, targets: no.targets }, 'tcp', 'silent', null],
  ] as const)('%o over %s that is %s agrees: %s', (answer, protocol, outcome, expected) => {
    expect(agrees({ ...answer, targets: [...answer.targets] }, protocol, outcome)).toBe(expected)
  })
})

it('agrees with the policies’ own decision for whatever rules there are', () => {
  let seed = 20261125
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below
  const addresses = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '8.8.8.8']
  const subset = () => addresses.slice(0, 3).filter(() => random(2) === 0)
  const anyRule = (): PolicyRule => {
    const protocol = (['any', 'tcp', 'udp', 'icmp'] as const)[random(4)]!
    const peer = ([{ cidrs: null, addresses: null }, { cidrs: [{ cidr: '10.0.0.0/29', except: random(2) === 0 ? ['10.0.0.3/32'] : [] }], addresses: null }, { cidrs: null, addresses: subset() }] as const)[random(3)]!
    return rule({ direction: random(2) === 0 ? 'ingress' : 'egress', protocol, ports: (protocol === 'tcp' || protocol === 'udp') && random(2) === 0 ? [{ first: 80, last: 90 }] : null, peer })
  }
  const seen = { yes: 0, no: 0 }
  for (let round = 0; round < 3000; round += 1) {
    const policies = Array.from({ length: random(4) }, (_, i) => group(`g${i}`, subset(), Array.from({ length: random(3) }, anyRule), random(2) === 0 ? ['ingress'] : ['ingress', 'egress']))
    const of = world(...policies)
    const protocol = (['tcp', 'udp', 'icmp'] as const)[random(3)]!
    const target = addresses[1 + random(3)]!
    const port = protocol === 'icmp' ? null : [80, 443][random(2)]!
    const allowed = decide(of.rules, 'egress', { protocol, port }, '10.0.0.2', target).allowed && decide(of.rules, 'ingress', { protocol, port }, target, '10.0.0.2').allowed
    const answer = ask({ world: of, to: toAddress(target), protocol, port })
    expect(answer.reachable, JSON.stringify({ policies, target, protocol, port, answer })).toBe(allowed)
    seen[allowed ? 'yes' : 'no'] += 1
    const step = answer.steps.find((one) => one.decides)
    if (!allowed) expect(step).toMatchObject({ passes: false, rule: { kind: 'SecurityGroup' } })
    else expect(step?.passes).toBe(true)
  }
  expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(300)
})
