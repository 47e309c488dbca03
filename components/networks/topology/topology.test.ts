import { describe, expect, it } from 'vitest'
import type { NetworkTopology } from '@/domain/network/topology'
import { graphOf, inGroup, maxServices, maxWays } from './graph'
import { boxesOf, groupFrom, isHeld, maxUnits } from './groups'
import { layOut } from './layout'
import { countLooks, lookOf } from './pod-look'
import { startView } from './start-view'
import { waysInto } from './ways-in'
import { nodeName, serviceName } from './words'

const none: ReadonlySet<string> = new Set()
const subnet = (name: string, cidr: string) => ({ name, cidr, gateway: cidr.replace('0/', '1/').split('/')[0] ?? '', used: 0, total: 253 })
const pod = (i: number, over: Partial<NetworkTopology['pods'][number]> = {}): NetworkTopology['pods'][number] => ({ uid: `p${i}`, namespace: 'default', name: `web-${i}`, state: 'Running', ready: true, addresses: [{ address: `10.0.0.${i + 2}`, subnet: 'pods' }], securityGroups: [], ...over })
const service = (i: number, pods: string[]): NetworkTopology['services'][number] => ({ uid: `s${i}`, namespace: 'default', name: `service-${i}`, externalName: null, addresses: [`10.96.0.${i + 1}`], ports: ['80/TCP'], pods })
const topology = (over: Partial<NetworkTopology> = {}): NetworkTopology => ({
  network: { name: 'net', uid: 'n', outbound: 'nat', domain: 'cluster.local', mtu: 1450, serviceCIDRs: ['10.96.0.0/16'] },
  subnets: [subnet('pods', '10.0.0.0/24')],
  pods: [], services: [], routes: [], peers: [], truncated: false,
  ...over,
})
const pods = (count: number) => Array.from({ length: count }, (_, i) => pod(i))

describe('what a network’s drawing holds', () => {
  it('a pod is a node and a line leads from it to each of its services', () => {
    const { nodes, edges } = graphOf(topology({ pods: pods(3), services: [service(1, ['p0', 'p1']), service(2, ['p1'])] }), none)
    expect(nodes.map(({ kind }) => kind)).toEqual(['outside', 'network', 'box', 'pod', 'pod', 'pod', 'service', 'service'])
    expect(edges.filter(({ from }) => from === 'pod p1').map(({ to }) => to)).toEqual(['service s1', 'service s2'])
    expect(nodes.find(({ id }) => id === 'pod p1')).toMatchObject({ services: ['service-1', 'service-2'] })
  })
  it('an empty network is its gateway, its subnet and the outside', () => {
    const { nodes, edges } = graphOf(topology({ network: { ...topology().network, outbound: 'none' } }), none)
    expect(nodes.map(({ kind }) => kind)).toEqual(['outside', 'network', 'box'])
    expect(edges[0]).toMatchObject({ from: 'outside', tone: 'closed' })
  })
  it('a pod with addresses of both families stands once, and its box tells the second subnet', () => {
    const both = pods(2).map((each) => ({ ...each, addresses: [...each.addresses, { address: `fd00::${each.uid}`, subnet: 'six' }] }))
    const boxes = boxesOf(topology({ subnets: [subnet('pods', '10.0.0.0/24'), subnet('six', 'fd00::/64'), subnet('spare', '10.1.0.0/24')], pods: both }), none)
    expect(boxes.map(({ subnet, beside, units }) => [subnet.name, beside.map(({ name }) => name), units.length])).toEqual([['pods', ['six'], 2], ['spare', [], 0]])
  })
  it('many pods of one service stand for one, and open again', () => {
    const large = topology({ pods: pods(300), services: [service(1, pods(298).map(({ uid }) => uid))] })
    const closed = graphOf(large, none)
    const group = closed.nodes.find((node) => node.kind === 'group')
    expect(group).toMatchObject({ height: inGroup.head, group: { title: 'service-1', open: false } })
    expect(closed.nodes.filter(({ kind }) => kind === 'pod')).toHaveLength(2)
    expect(closed.edges.filter(({ to }) => to === 'service s1')).toEqual([expect.objectContaining({ from: group?.id })])
    const opened = graphOf(large, new Set([group?.id ?? '']))
    expect(opened.nodes.find((node) => node.kind === 'group')?.height).toBe(inGroup.head + (inGroup.most / inGroup.columns) * inGroup.row + inGroup.more + inGroup.foot)
  })
  it('few pods are drawn one by one, whatever their services', () => {
    expect(graphOf(topology({ pods: pods(groupFrom - 1), services: [service(1, pods(groupFrom - 1).map(({ uid }) => uid))] }), none).nodes.filter(({ kind }) => kind === 'pod')).toHaveLength(groupFrom - 1)
  })
  it('no box and no column grows without end', () => {
    const { nodes } = graphOf(topology({ pods: pods(300), services: pods(300).map(({ uid }, i) => service(i, [uid])) }), none)
    expect(nodes.filter((node) => 'within' in node)).toHaveLength(maxUnits)
    expect(nodes.filter(({ kind }) => kind === 'service')).toHaveLength(maxServices)
    expect(nodes.find(({ kind }) => kind === 'more')).toMatchObject({ count: 260 })
  })
  it('a route leads from the pod that it goes through; one through nobody says so', () => {
    const { nodes, edges } = graphOf(topology({ pods: pods(1), routes: [{ destination: '10.9.0.0/16', via: '10.0.0.2' }, { destination: '10.8.0.0/16', via: '10.0.0.99' }] }), none)
    expect(edges.filter(({ id }) => id.startsWith('route'))).toEqual([{ id: 'route 10.9.0.0/16', from: 'pod p0', to: 'route 10.9.0.0/16', tone: 'open' }])
    expect(nodes.flatMap((node) => (node.kind === 'route' ? [node.known] : []))).toEqual([true, false])
  })
  it('that nobody holds an address is not said where not all pods are told', () => {
    expect([isHeld(topology({ pods: pods(1) }), '10.0.0.2'), isHeld(topology(), '10.0.0.2'), isHeld(topology({ truncated: true }), '10.0.0.2')]).toEqual([true, false, true])
  })
  it('a service that stands for a name elsewhere says the name, and no pods', () => {
    expect([serviceName({ ...service(1, []), addresses: [], ports: [], externalName: 'db.example.com' }), serviceName({ ...service(1, []), addresses: [] })]).toEqual(['Service service-1 in default, a name for db.example.com', 'Service service-1 in default, headless, ports 80/TCP, 0 pods'])
  })
})

describe('how the outside gets in', () => {
  const meta = (name: string) => ({ uid: `u ${name}`, name, labels: {}, annotations: {}, generation: 1, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', deletionTimestamp: null })
  const address = (name: string, target: { kind: 'Pod' | 'Service' | 'Ingress'; namespace: string; name: string }, phase: 'Active' | 'Pending' = 'Active') => ({ metadata: meta(name), spec: { target }, status: { address: '198.18.100.2', family: 'IPv4' as const, pool: 'default', phase, holder: phase === 'Active' ? target : null, host: null, managed: false, conditions: [] } })
  const balancer = (source: 'Service' | 'Ingress', name: string, network = 'net') => ({ metadata: { ...meta(name), namespace: 'default' }, source, ports: [], status: { phase: 'Active' as const, network, addresses: [], managedAddresses: [], urls: [], host: null, backendsReady: 0, backendsTotal: 0, conditions: [] } })
  const given = topology({ pods: pods(3), services: [service(1, ['p0', 'p1']), service(2, ['p2'])] })
  const ways = waysInto(given, {
    addresses: [address('one', { kind: 'Pod', namespace: 'default', name: 'web-2' }), address('two', { kind: 'Ingress', namespace: 'default', name: 'shop' }, 'Pending'), address('elsewhere', { kind: 'Pod', namespace: 'other', name: 'web-2' })],
    balancers: [balancer('Service', 'service-1'), balancer('Ingress', 'shop'), balancer('Service', 'service-2', 'other')],
    ingresses: [{ namespace: 'default', name: 'shop', services: ['service-1', 'service-2'] }],
  })
  it('what leads into the network, and nothing else, with the pods behind it', () => {
    expect(ways.addresses.map(({ name, to, active }) => [name, to, active])).toEqual([['one', { kind: 'pod', id: 'p2' }, true], ['two', { kind: 'balancer', id: 'Ingress default/shop' }, false]])
    expect(ways.balancers.map(({ id, pods }) => [id, pods])).toEqual([['Service default/service-1', ['p0', 'p1']], ['Ingress default/shop', ['p0', 'p1', 'p2']]])
  })
  it('a line leads from the outside over the address and the balancer to pods, and the drawing keeps its columns', async () => {
    const graph = graphOf(given, none, ways)
    expect(graph.edges.filter(({ from }) => from.startsWith('address') || from.startsWith('balancer Ingress')).map(({ to, tone }) => [to, tone])).toEqual([['pod p0', 'open'], ['pod p1', 'open'], ['pod p2', 'open'], ['pod p2', 'open'], ['balancer Ingress default/shop', 'closed']])
    expect(graph.nodes.filter(({ kind }) => kind === 'outside' || kind === 'address').map(nodeName)).toEqual(['Outside: Out by NAT, 2 addresses in', 'Floating address one, 198.18.100.2', 'Floating address two, 198.18.100.2, not active'])
    const places = await layOut(graph)
    const x = (id: string) => places.get(id)!.x
    expect(x('outside')).toBeLessThan(x('address u one'))
    expect(x('address u one')).toBeLessThan(x('balancer Ingress default/shop'))
    expect(x('balancer Ingress default/shop')).toBeLessThan(x('box pods'))
  })
  it('many of them do not fill the drawing', () => {
    const many = Array.from({ length: 300 }, (_, i) => ({ uid: `a${i}`, name: `a${i}`, address: '198.18.100.2', active: true, to: { kind: 'pod', id: 'p0' } as const }))
    const { nodes } = graphOf(given, none, { addresses: many, balancers: [] })
    expect(nodes.filter(({ kind }) => kind === 'address')).toHaveLength(maxWays)
    expect(nodes.filter(({ kind }) => kind === 'more').map(nodeName)).toEqual(['280 more floating addresses'])
  })
})

it('a pod’s state is a word and a shape; who runs and is not ready says so', () => {
  expect(lookOf({ state: 'Running', ready: false })).toEqual({ shape: 'unknown', word: 'Not ready' })
  expect(countLooks([...pods(3), pod(4, { state: 'Failed', ready: false }), pod(5, { state: 'Odd' })])).toEqual([{ shape: 'running', word: 'Running', count: 3 }, { shape: 'failed', word: 'Failed', count: 1 }, { shape: 'unknown', word: 'Odd', count: 1 }])
})

describe('where a drawing begins', () => {
  const graph = graphOf(topology(), none)
  const at = (x: number, y: number) => new Map(graph.nodes.map(({ id }, i) => [id, { x: i * x, y: i * y }]))
  it('in the middle and not enlarged, where there is room', () => {
    const view = startView(graph, at(300, 0), { width: 2000, height: 1000 })
    expect(view.zoom).toBe(1)
    expect(view.x).toBe((2000 - (600 + 288)) / 2)
  })
  it('at its upper left, where the whole could not be read', () => {
    expect(startView(graph, at(3000, 3000), { width: 400, height: 300 })).toEqual({ x: 24, y: 24, zoom: 0.7 })
  })
})

describe('where things stand', () => {
  const full = topology({
    subnets: [subnet('pods', '10.0.0.0/24'), subnet('more', '10.1.0.0/24')],
    pods: [...pods(200), ...Array.from({ length: 100 }, (_, i) => pod(1000 + i, { addresses: [{ address: `10.1.0.${i + 2}`, subnet: 'more' }] }))],
    services: Array.from({ length: 30 }, (_, i) => service(i, pods(200).filter((_, at) => at % 30 === i).map(({ uid }) => uid))),
    peers: [{ name: 'a', network: 'other', tenant: 'us', active: true }], routes: [{ destination: '10.9.0.0/16', via: '10.0.0.2' }],
  })
  it.each([['three pods', topology({ pods: pods(3), services: [service(1, ['p0', 'p2'])] })], ['nothing', topology()], ['300 pods', full]])('%s: columns from the left, and nothing lies over another', async (_, given) => {
    const graph = graphOf(given, none)
    const places = await layOut(graph)
    const tops = graph.nodes.filter((node) => !('within' in node)).map((node) => ({ ...node, ...places.get(node.id)! }))
    for (const [i, a] of tops.entries()) for (const b of tops.slice(i + 1)) {
      expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y, `${a.id} and ${b.id}`).toBe(true)
    }
    const box = tops.find(({ kind }) => kind === 'box')!
    const network = tops.find(({ kind }) => kind === 'network')!
    expect(network.x + network.width).toBeLessThan(box.x)
    for (const each of tops.filter(({ kind }) => kind === 'service')) expect(each.x).toBeGreaterThan(box.x + box.width)
    for (const node of graph.nodes) if ('within' in node) expect(places.get(node.id)!.x).toBe(places.get(node.within.box)!.x + node.within.x)
  })
})
