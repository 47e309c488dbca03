import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { networkObject, type NetworkObject } from '@/contracts/host/v1/networks'
import { networkPolicySpec } from '@/domain/network-policy/spec'
import { networkSpec } from '@/domain/network/spec'
import type { NetworkState, StatePod } from '@/domain/network/state'
import { securityGroupSpec } from '@/domain/security-group/spec'
import { endpointSubsets } from '@/domain/service/endpoints'
import { serviceSpec } from '@/domain/service/spec'
import { leftOutMessage } from '@/server/gateway/left-out'
import { threadTimeMs } from '@/tools/testing/thread-time'
import { makeNetworkObjects, toNetworkObjects } from './objects'

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const hosts = { one: id(901), two: id(902) }
const pod = (n: number, over: Partial<StatePod> = {}): StatePod => ({ uid: id(n), namespace: 'default', name: `p${n}`, labels: {}, hostId: hosts.one, hostname: null, subdomain: null, securityGroups: [], addresses: [`10.0.0.${n}`, `fd00::${n}`], ports: [], ...over })
const both = (...numbers: number[]) => numbers.flatMap((n) => [`10.0.0.${n}`, `fd00::${n}`])
const state = (over: Partial<NetworkState> = {}): NetworkState => ({
  network: { uid: id(1000), number: 7, name: 'default', tenantId: 'a'.repeat(32), spec: networkSpec.parse({ subnets: { a: { cidr: '10.0.0.0/24' }, b: { cidr: 'fd00::/64' } }, routes: [{ destination: '192.168.9.0/24', via: '10.0.0.9' }] }) },
  namespaces: [{ name: 'default', labels: {} }, { name: 'shop', labels: { team: 'shop' } }],
  ...{ pods: [], services: [], endpoints: [], groups: [], policies: [], peers: [] },
  ...over,
})
const objects = (over: Partial<NetworkState>) => {
  const found = toNetworkObjects(state(over))
  for (const one of found) expect(networkObject.parse(one)).toEqual(one)
  return found
}
const of = <K extends NetworkObject['kind']>(kind: K, over: Partial<NetworkState>) => objects(over).filter((one): one is Extract<NetworkObject, { kind: K }> => one.kind === kind)

describe('a network for its hosts', () => {
  it('has the network, its pods on any host, and its peers', () => {
    const peer = networkSpec.parse({ subnets: { x: { cidr: '10.1.0.0/24' }, y: { cidr: 'fd01::/64' } } })
    expect(objects({ pods: [pod(2, { hostId: null, hostname: 'db-0', subdomain: 'db' })], peers: [{ uid: id(8), number: 8, name: 'other', spec: peer }, { uid: id(9), number: 9, name: 'clashing', spec: networkSpec.parse({ subnets: { x: { cidr: '10.0.0.0/28' } } }) }] })).toEqual([
      {
        kind: 'network', number: 7, name: 'default', tenantId: 'a'.repeat(32), subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 'b', cidr: 'fd00::/64', gateway: 'fd00::1' }], serviceCidrs: ['10.96.0.0/16', 'fd96::/112'],
        routes: [{ destination: '192.168.9.0/24', via: '10.0.0.9' }], outbound: 'nat', mtu: 1450, dns: { domain: 'cluster.local', upstream: true, nameservers: [] },
      },
      { kind: 'peer', uid: id(8), number: 8, name: 'other', subnets: ['10.1.0.0/24', 'fd01::/64'] },
      { kind: 'pod', uid: id(2), namespace: 'default', name: 'p2', hostname: 'db-0', subdomain: 'db', hostId: null, addresses: both(2) },
    ])
  })
})

describe('services', () => {
  const ref = (n: number) => ({ kind: 'Pod', namespace: 'default', name: `p${n}`, uid: id(n) })
  const service = (spec: object, addresses: string[], subsets: object[] = [], pods: StatePod[] = []) => of('service', {
    pods, services: [{ uid: id(100), namespace: 'default', name: 'web', spec: serviceSpec.parse(spec), addresses }], endpoints: [{ uid: id(200), namespace: 'default', name: 'web', subsets: endpointSubsets.parse(subsets) }],
  })[0]
  const selecting = { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'dns', port: 53, protocol: 'UDP' }] }
  const subset = { addresses: [{ ip: '10.0.0.2', targetRef: ref(2), hostname: 'one' }, { ip: '10.0.0.3', targetRef: ref(3) }], notReadyAddresses: [{ ip: '10.0.0.4', targetRef: ref(4) }], ports: [{ name: 'http', port: 8080 }, { name: 'dns', port: 53, protocol: 'UDP' }] }
  const pods = [pod(2), pod(3, { hostId: hosts.two }), pod(4)]
  const end = (address: string, port: number, hostId: string | null) => ({ address, port, hostId })

  it('have the ready endpoints of each port, with the host of each', () => {
    expect(service(selecting, ['10.96.0.1'], [subset], pods)).toEqual({
      kind: 'service', uid: id(100), namespace: 'default', name: 'web', addresses: ['10.96.0.1'], externalName: null, localOnly: false, affinitySeconds: null, hosts: [],
      ports: [
        { name: 'http', protocol: 'tcp', port: 80, endpoints: [end('10.0.0.2', 8080, hosts.one), end('10.0.0.3', 8080, hosts.two)] },
        { name: 'dns', protocol: 'udp', port: 53, endpoints: [end('10.0.0.2', 53, hosts.one), end('10.0.0.3', 53, hosts.two)] },
      ],
    })
  })
  it('have the addresses of their families, and keep what asks so near or with one pod', () => {
    const found = service({ ...selecting, internalTrafficPolicy: 'Local', sessionAffinity: 'ClientIP' }, ['10.96.0.1', 'fd96::1'], [subset], pods)
    expect(found).toMatchObject({ localOnly: true, affinitySeconds: 10_800 })
    expect(found?.ports[0]?.endpoints.map(({ address }) => address)).toEqual(both(2, 3))
    expect(service({ ...selecting, sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, ['fd96::1'], [subset], pods)).toMatchObject({ affinitySeconds: 5, ports: [{ endpoints: [{ address: 'fd00::2' }, { address: 'fd00::3' }] }, {}] })
  })
  it('without an address have names for their endpoints', () => {
    expect(service({ ...selecting, clusterIP: 'None', ipFamilyPolicy: 'PreferDualStack' }, [], [subset], pods)?.hosts).toEqual([{ hostname: 'one', address: '10.0.0.2' }, { hostname: 'one', address: 'fd00::2' }, { hostname: null, address: '10.0.0.3' }, { hostname: null, address: 'fd00::3' }])
    expect(service({ clusterIP: 'None', selector: { a: 'b' } }, [], [{ addresses: [{ ip: '10.0.0.2', targetRef: ref(2) }] }], pods)).toMatchObject({ ports: [], hosts: [{ address: '10.0.0.2' }] })
  })
  it('have no endpoint of a pod that has gone, but addresses that people wrote', () => {
    expect(service(selecting, ['10.96.0.1'], [subset], [pod(3)])?.ports[0]?.endpoints.map(({ address }) => address)).toEqual(['10.0.0.3'])
    const written = service({ ports: [{ port: 80 }] }, ['10.96.0.1'], [{ addresses: [{ ip: '192.0.2.1' }, { ip: 'fd99::1' }, { ip: '192.0.2.1', hostname: 'again' }], ports: [{ port: 8080 }, { name: 'other', port: 1 }] }])
    expect(written?.ports).toEqual([{ name: null, protocol: 'tcp', port: 80, endpoints: [end('192.0.2.1', 8080, null)] }])
  })
  it('that are names for others have nothing but that name', () => {
    expect(service({ type: 'ExternalName', externalName: 'example.com', ports: [{ port: 80 }] }, [], [subset], pods)).toMatchObject({ externalName: 'example.com', ports: [], hosts: [], addresses: [] })
  })
})

describe('security groups', () => {
  const group = (name: string, spec: object) => ({ uid: id(300 + name.charCodeAt(0)), name, spec: securityGroupSpec.parse(spec) })

  it('have the pods that name them and those that they select, in the namespaces of the network', () => {
    const pods = [pod(2, { securityGroups: ['a'] }), pod(3, { labels: { app: 'web' } }), pod(4, { namespace: 'shop', labels: { app: 'web' } }), pod(5, { namespace: 'shop' })]
    const members = (spec: object) => of('policy', { pods, groups: [group('a', spec)] })[0]?.members
    expect(members({})).toEqual(both(2))
    expect(members({ podSelector: { matchLabels: { app: 'web' } } })).toEqual(both(2, 3, 4))
    expect(members({ namespaceSelector: { matchLabels: { team: 'shop' } } })).toEqual(both(2, 4, 5))
    expect(members({ podSelector: { matchLabels: { app: 'web' } }, namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['shop'] }] } })).toEqual(both(2, 4))
    expect(members({ podSelector: {} })).toEqual(both(2, 3, 4, 5))
  })
  it('have rules of subnets, of everybody, and of other groups’ and their own pods', () => {
    const rules = [
      { direction: 'ingress', protocol: 'tcp', ports: [{ port: 80 }, { port: 8000, endPort: 8100 }], cidr: '10.9.0.0/16' },
      { direction: 'ingress', group: 'b' },
      { direction: 'egress', protocol: 'icmp', icmpTypes: [8] },
      { direction: 'ingress', group: 'a' },
      { direction: 'ingress', group: 'gone' },
    ]
    const [a, b] = of('policy', { pods: [pod(2, { securityGroups: ['a', 'b'] }), pod(3, { securityGroups: ['b'] })], groups: [group('a', { rules }), group('b', {})] })
    expect(a).toEqual({
      kind: 'policy', uid: id(397), source: 'SecurityGroup', namespace: null, name: 'a', members: both(2), directions: ['ingress', 'egress'],
      rules: [
        { id: 'rules[0]', direction: 'ingress', protocol: 'tcp', ports: [{ first: 80, last: 80 }, { first: 8000, last: 8100 }], icmpTypes: null, peer: { cidrs: [{ cidr: '10.9.0.0/16', except: [] }], addresses: null } },
        { id: 'rules[1]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: null, addresses: both(2, 3) } },
        { id: 'rules[2]', direction: 'egress', protocol: 'icmp', ports: null, icmpTypes: [8], peer: { cidrs: null, addresses: null } },
        { id: 'rules[3]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: null, addresses: both(2) } },
        { id: 'rules[4]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: null, addresses: [] } },
      ],
    })
    expect(b).toMatchObject({ directions: ['ingress'], rules: [], members: both(2, 3) })
  })
})

describe('network policies', () => {
  const policies = (spec: object, pods: StatePod[]) => of('policy', { pods, policies: [{ uid: id(500), namespace: 'default', name: 'p', spec: networkPolicySpec.parse(spec) }] })
  const web = { podSelector: { matchLabels: { app: 'web' } } }
  const named = (port: number) => ({ ports: [{ name: 'http', protocol: 'TCP' as const, port }] })
  const pods = [pod(2, { labels: { app: 'web' }, ...named(8080) }), pod(3, { labels: { app: 'db' } }), pod(4, { namespace: 'shop', labels: { app: 'web' }, ...named(9090) }), pod(5, { namespace: 'shop' })]

  it('are of the pods of their namespace, and in the directions that they name', () => {
    expect(policies({ podSelector: {} }, pods)).toEqual([{ kind: 'policy', uid: id(500), source: 'NetworkPolicy', namespace: 'default', name: 'p', members: both(2, 3), directions: ['ingress'], rules: [] }])
    expect(policies({ ...web, policyTypes: ['Egress'] }, pods)[0]).toMatchObject({ members: both(2), directions: ['egress'] })
    expect(policies({ ...web, egress: [{}] }, pods)[0]).toMatchObject({ directions: ['ingress', 'egress'], rules: [{ id: 'egress[0]', direction: 'egress', protocol: 'any', ports: null, peer: { cidrs: null, addresses: null } }] })
    expect(policies(web, [])).toMatchObject([{ members: [], rules: [] }])
  })
  it('have a rule for each side: pods of their namespace, of others, and subnets', () => {
    const from = [{ podSelector: { matchLabels: { app: 'db' } } }, { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } }, { namespaceSelector: {}, podSelector: { matchLabels: { app: 'web' } } }, { ipBlock: { cidr: '10.9.0.0/16', except: ['10.9.1.0/24'] } }]
    const rules = policies({ ...web, ingress: [{ from, ports: [{ port: 80 }, { port: 8000, endPort: 8100 }, { protocol: 'UDP' }] }] }, pods)[0]?.rules ?? []
    expect(rules.filter(({ protocol }) => protocol === 'tcp')).toEqual([[both(3), null], [both(4, 5), null], [both(2, 4), null], [null, [{ cidr: '10.9.0.0/16', except: ['10.9.1.0/24'] }]]].map(([addresses, cidrs], i) => ({ id: `ingress[0].from[${i}]`, direction: 'ingress', protocol: 'tcp', ports: [{ first: 80, last: 80 }, { first: 8000, last: 8100 }], icmpTypes: null, peer: { cidrs, addresses } })))
    expect(rules.filter(({ protocol }) => protocol === 'udp').map(({ id: at, ports }) => [at, ports])).toEqual([0, 1, 2, 3].map((i) => [`ingress[0].from[${i}]`, null]))
  })
  it('mean by a port’s name each of their pods’ own port', () => {
    const own = [pod(2, { labels: { app: 'web' }, ...named(8080) }), pod(3, { labels: { app: 'web' }, ...named(9090) }), pod(4, { labels: { app: 'web' } }), pod(5, { labels: { app: 'web' }, ...named(8080) })]
    const found = policies({ ...web, ingress: [{ ports: [{ port: 'http' }] }] }, own)
    expect(found.map(({ members, rules }) => [members, rules.map(({ ports }) => ports?.map(({ first }) => first))])).toEqual([[both(2, 5), [[8080]]], [both(3), [[9090]]], [both(4), []]])
    expect(new Set(found.map(({ uid }) => uid)).size).toBe(3)
    expect(found[0]?.uid).toBe(id(500))
  })
  it('mean by a port’s name going out that of the pods on the other side', () => {
    const rules = policies({ ...web, egress: [{ to: [{ namespaceSelector: {} }, { ipBlock: { cidr: '10.9.0.0/16' } }], ports: [{ port: 'http' }, { protocol: 'UDP', port: 53 }] }, { ports: [{ port: 'nothing' }] }] }, pods)[0]?.rules
    expect(rules?.map((rule) => [rule.id, rule.protocol, rule.ports?.[0]?.first, rule.peer.addresses])).toEqual([
      ['egress[0].to[0]', 'udp', 53, both(2, 3, 4, 5)], ['egress[0].to[0]', 'tcp', 8080, both(2)], ['egress[0].to[0]', 'tcp', 9090, both(4)], ['egress[0].to[1]', 'udp', 53, null],
    ])
  })
})

describe('what hostile objects come to', () => {
  it('endpoints beyond what a network may have are none', () => {
    const ports = Array.from({ length: 100 }, (_, i) => ({ name: `p${i}`, port: i + 1 }))
    const addresses = Array.from({ length: 900 }, (_, i) => ({ ip: `10.0.${i >> 8}.${i & 255}` }))
    const services = ['a', 'b'].map((name, i) => ({ uid: id(100 + i), namespace: 'default', name, spec: serviceSpec.parse({ ports }), addresses: [`10.96.0.${i + 1}`] }))
    const found = of('service', { services, endpoints: services.map(({ name }, i) => ({ uid: id(200 + i), namespace: 'default', name, subsets: endpointSubsets.parse([{ addresses, ports }]) })) })
    expect(found.map(({ ports: all }) => all.map(({ endpoints }) => endpoints.length))).toEqual([ports.map(() => 900), ports.map(() => 0)])
  })
  it('of a port with more endpoints than hosts carry out the rest has none, which is told', () => {
    const ports = [{ port: 80 }]
    const subsets = [0, 1, 2].map((at) => ({ addresses: Array.from({ length: 700 }, (_, i) => ({ ip: `10.${at}.${i >> 8}.${i & 255}` })), ports }))
    const of = (count: number) => makeNetworkObjects(state({ services: [{ uid: id(100), namespace: 'default', name: 'web', spec: serviceSpec.parse({ ports }), addresses: ['10.96.0.1'] }], endpoints: [{ uid: id(200), namespace: 'default', name: 'web', subsets: endpointSubsets.parse(subsets.slice(0, count)) }] }))
    const { objects: made, leftOut } = of(3)
    expect(made.flatMap((object) => (object.kind === 'service' ? object.ports.map(({ endpoints }) => endpoints.length) : []))).toEqual([2000])
    expect(leftOutMessage(state(), leftOut)).toContain('of default/web the rest gets no connections')
    expect(leftOutMessage(state(), of(2).leftOut)).toBeNull()
  })
  it('a policy whose pods all mean another port is of so many kinds, and to the rest the name means nothing', () => {
    const pods = Array.from({ length: 100 }, (_, i) => pod(i + 2, { ports: [{ name: 'http', protocol: 'TCP', port: i + 1 }] }))
    const found = of('policy', { pods, policies: [{ uid: id(500), namespace: 'default', name: 'p', spec: networkPolicySpec.parse({ podSelector: {}, ingress: [{ ports: [{ port: 'http' }] }] }) }] })
    expect(found).toHaveLength(65)
    expect(found.find(({ members }) => members.length > 2)).toMatchObject({ members: { length: 72 }, rules: [] })
    expect(found.flatMap(({ members }) => members)).toHaveLength(200)
  })
  it('rules that name more than there is room for let nothing through, and nobody is less of a member', () => {
    const pods = Array.from({ length: 400 }, (_, i) => pod(i + 2, { securityGroups: ['a'], addresses: [`10.0.${i >> 8}.${i & 255}`] }))
    const rules = Array.from({ length: 200 }, () => ({ direction: 'ingress', group: 'a' }))
    const groups = Array.from({ length: 10 }, (_, i) => ({ uid: id(300 + i), name: i === 0 ? 'a' : `b${i}`, spec: securityGroupSpec.parse({ podSelector: {}, rules }) }))
    const found = of('policy', { pods, groups })
    expect(found.map(({ members }) => members.length)).toEqual(Array.from({ length: 10 }, () => 400))
    const kept = found.reduce((sum, policy) => sum + policy.rules.length, 0)
    // A member takes a tenth of what a rule's address does.
    expect(kept).toBe(Math.floor((500_000 - 10 * 40) / 410))
  })
  it('ports of one name in one pod are one rule, however often a policy writes the name', () => {
    const pods = [pod(2, { ports: Array.from({ length: 20 }, (_, i) => ({ name: 'http', protocol: 'TCP' as const, port: i + 1 })) })]
    const egress = Array.from({ length: 10 }, () => ({ ports: Array.from({ length: 100 }, () => ({ port: 'http' })) }))
    const [found] = of('policy', { pods, policies: [{ uid: id(500), namespace: 'default', name: 'p', spec: networkPolicySpec.parse({ podSelector: {}, policyTypes: ['Egress'], egress }) }] })
    expect(found?.rules.map(({ ports }) => ports?.length)).toEqual(Array.from({ length: 10 }, () => 20))
  })
  it('a policy has as many rules as hosts take, and what was cut is named', () => {
    const pods = Array.from({ length: 400 }, (_, i) => pod(2, { uid: id(i + 2), addresses: [`10.0.${i >> 8}.${i & 255}`], ports: Array.from({ length: 3 }, (_, j) => ({ name: `p${j}`, protocol: 'TCP' as const, port: i * 3 + j + 1 })) }))
    const egress = Array.from({ length: 10 }, () => ({ ports: ['p0', 'p1', 'p2'].map((port) => ({ port })) }))
    const { objects: made, leftOut } = makeNetworkObjects(state({ pods, policies: [{ uid: id(500), namespace: 'default', name: 'p', spec: networkPolicySpec.parse({ podSelector: {}, policyTypes: ['Egress'], egress }) }] }))
    const [found] = made.filter((one) => one.kind === 'policy')
    expect(networkObject.safeParse(found).success).toBe(true)
    expect([found?.rules.length, found?.members.length]).toEqual([4_000, 400])
    expect(leftOut).toMatchObject({ rules: 1, policies: ['default/p'] })
  })
  it('more members than one object may have are those of several, of which each holds its own to the rules', () => {
    const pods = Array.from({ length: 60_000 }, (_, i) => pod(2, { uid: id(i + 2), addresses: [`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, `fd00::${i.toString(16)}`] }))
    const { objects: made } = makeNetworkObjects(state({ pods, groups: [{ uid: id(300), name: 'a', spec: securityGroupSpec.parse({ podSelector: {}, rules: [{ direction: 'ingress', protocol: 'tcp', ports: [{ port: 22 }] }, { direction: 'ingress', group: 'a' }] }) }] }))
    const found = made.filter((one) => one.kind === 'policy')
    expect(found.map(({ members, rules }) => [members.length, rules.map(({ id: at }) => at)])).toEqual([[50_000, ['rules[0]']], [50_000, ['rules[0]']], [20_000, ['rules[0]']]])
    expect(new Set(found.map(({ uid }) => uid)).size).toBe(3)
  })
  it('of peers that share addresses the one that is connected longer counts', () => {
    const peer = (n: number, cidr: string) => ({ uid: id(n), number: n, name: `n${n}`, spec: networkSpec.parse({ subnets: { x: { cidr } } }) })
    expect(of('peer', { peers: [peer(8, '10.1.0.0/16'), peer(7, '10.1.5.0/24'), peer(9, '10.2.0.0/24')] }).map(({ number }) => number)).toEqual([8, 9])
  })
})

describe('a change of one pod', () => {
  it('makes anew what it changes alone, and soon, however many groups and policies select all pods', () => {
    const pods = Array.from({ length: 1_000 }, (_, i) => pod(2, { uid: id(i + 2), name: `p${i}`, labels: { app: 'web' }, addresses: [`10.0.${i >> 8}.${i & 255}`, `fd00::${i.toString(16)}`] }))
    const groups = Array.from({ length: 200 }, (_, i) => ({ uid: id(5_000 + i), name: `g${i}`, spec: securityGroupSpec.parse({ podSelector: { matchLabels: { app: 'web' } } }) }))
    const policies = Array.from({ length: 500 }, (_, i) => ({ uid: id(6_000 + i), namespace: 'default', name: `p${i}`, spec: networkPolicySpec.parse({ podSelector: { matchLabels: { app: 'web' } }, ingress: [{ from: [{ podSelector: {} }] }] }) }))
    const before = toNetworkObjects(state({ pods, groups, policies }))
    const changed = pods.map((one, i) => (i === 5 ? { ...one, labels: { app: 'web', version: '2' } } : one))
    const from = threadTimeMs()
    const after = toNetworkObjects(state({ pods: changed, groups, policies }))
    const took = threadTimeMs() - from
    const known = new Set(before)
    expect(after.filter((one) => one.kind === 'policy' && !known.has(one))).toEqual([])
    expect(took).toBeLessThan(2_000)
    const without = toNetworkObjects(state({ pods: changed.map((one, i) => (i === 5 ? { ...one, labels: {} } : one)), groups, policies }))
    expect(without.filter((one) => one.kind === 'policy' && !known.has(one))).toHaveLength(700)
  })
})

it('every pod is a member of a policy once, whatever the ports that it names', () => {
  const ports = fc.array(fc.record({ name: fc.constantFrom('http', 'admin'), protocol: fc.constantFrom('TCP' as const, 'UDP' as const), port: fc.integer({ min: 1, max: 4 }) }), { maxLength: 3 })
  fc.assert(fc.property(fc.array(ports, { maxLength: 30 }), (all) => {
    const pods = all.map((own, i) => pod(i + 2, { ports: own }))
    const spec = networkPolicySpec.parse({ podSelector: {}, ingress: [{ ports: [{ port: 'http' }, { port: 'admin', protocol: 'UDP' }] }] })
    const found = of('policy', { pods, policies: [{ uid: id(500), namespace: 'default', name: 'p', spec }] })
    expect(found.flatMap(({ members }) => members).sort()).toEqual(pods.flatMap(({ addresses }) => addresses).sort())
    expect(new Set(found.map(({ uid }) => uid)).size).toBe(found.length)
    for (const { members, rules } of found) for (const { addresses, ports: own } of pods) {
      if (!addresses.some((address) => members.includes(address))) continue
      const wanted = own.filter((one) => (one.name === 'http' ? one.protocol === 'TCP' : one.protocol === 'UDP')).map((one) => `${one.protocol.toLowerCase()} ${one.port}`)
      expect(new Set(rules.flatMap((rule) => rule.ports?.map(({ first }) => `${rule.protocol} ${first}`) ?? []))).toEqual(new Set(wanted))
    }
  }))
})
