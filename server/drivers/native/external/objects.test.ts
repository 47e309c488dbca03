import { describe, expect, it } from 'vitest'
import { externalObject } from '@/contracts/host/v1/external'
import type { ExternalState, StateBackendService, StateBalancer } from '@/domain/external/state'
import { compileService } from '@/domain/load-balancer/compile'
import { serviceSpec } from '@/domain/service/spec'
import { maxServersOfTenant, toExternalObjects } from './objects'

const tenantId = 'a'.repeat(32)
const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const spec = serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'dns', port: 53, protocol: 'UDP' }] })
const compiled = compileService({ name: 'web', spec, annotations: {}, certificates: new Map() })
if ('problems' in compiled) throw new Error(JSON.stringify(compiled.problems))

const balancer = (n: number, over: Partial<StateBalancer> = {}): StateBalancer => ({
  uid: id(n), tenantId, namespace: 'shop', name: 'web', number: n, compiled: compiled.compiled, inner: ['10.1.0.9'], mac: '02:00:00:00:00:01', addresses: [{ address: `198.18.100.${n}`, poolId: id(900) }],
  network: { uid: id(500), number: 7, mtu: 1450, outbound: 'nat', subnets: [{ cidr: '10.1.0.0/24', gateway: '10.1.0.1' }] }, ...over,
})
const pods = (from: number, count: number) => Array.from({ length: count }, (_, i) => ({ ip: `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`, targetRef: { kind: 'Pod', name: `p${i}`, uid: id(from + i) } }))
const service = (addresses: StateBackendService['subsets'][number]['addresses'], over: Partial<StateBackendService> = {}): StateBackendService => ({
  namespace: 'shop', name: 'web', ports: spec.ports, hasSelector: true,
  subsets: [{ addresses, notReadyAddresses: [{ ip: '10.1.9.9', targetRef: { kind: 'Pod', name: 'x', uid: id(1) } }], ports: [{ name: 'http', protocol: 'TCP', port: 8080 }, { name: 'dns', protocol: 'UDP', port: 53 }] }], ...over,
})
const state = (over: Partial<ExternalState> = {}): ExternalState => ({
  pools: [], floating: [], balancers: [], services: new Map(), weights: new Map(), others: false, ...over,
})
const serversOf = (of: ExternalState, backend: string) => toExternalObjects(of).objects.flatMap((object) => (object.kind === 'backendServers' && object.backend === backend ? [object.servers] : []))

describe('what a host is told of the outside', () => {
  it('is the pools that its addresses are of, its pods’ addresses, its balancers and their servers, as agreed', () => {
    const pools = [{ uid: id(900), name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }, { uid: id(901), name: 'other', cidr: '198.18.101.0/24', gateway: '198.18.101.1' }]
    const { objects } = toExternalObjects(state({ pools, balancers: [balancer(2)], floating: [{ uid: id(30), poolId: id(901), address: '198.18.101.7', networkId: id(500), podUid: id(31), podAddress: '10.1.0.3' }] }))
    expect(objects.map(({ kind }) => kind)).toEqual(['addressPool', 'addressPool', 'floatingAddress', 'balancer', 'backendServers', 'backendServers'])
    for (const object of objects) expect(externalObject.safeParse(object).error).toBeUndefined()
    expect(toExternalObjects(state()).objects).toEqual([])
  })

  it('has no balancer without an address, outside or inside, and one that may answer forever only where nobody else could', () => {
    expect(toExternalObjects(state({ balancers: [balancer(2, { addresses: [] }), balancer(3, { inner: [] })] })).objects).toEqual([])
    const until = (others: boolean) => toExternalObjects(state({ others, balancers: [balancer(2)] })).objects.flatMap((object) => (object.kind === 'balancer' ? [object.until] : []))
    expect([until(false), until(true)]).toEqual([[null], [15]])
  })

  it('has the ready endpoints of the port, of pods that are there, each once with its weight', () => {
    const [first, second, gone] = pods(100, 3)
    const services = new Map([[`${tenantId}/shop/web`, service([second, first, first, gone].flatMap((one) => one ?? []))]])
    const weights = new Map([[id(100), null], [id(101), 5]])
    const of = state({ balancers: [balancer(2)], services, weights })
    expect(serversOf(of, 'tcp-80')).toEqual([[{ address: '10.1.0.0', port: 8080, weight: 1 }, { address: '10.1.0.1', port: 8080, weight: 5 }]])
    expect(serversOf(of, 'udp-53')).toEqual([[{ address: '10.1.0.0', port: 53, weight: 1 }, { address: '10.1.0.1', port: 53, weight: 5 }]])
  })

  it('has addresses that were written by hand, but none of a family that the balancer has not', () => {
    const services = new Map([[`${tenantId}/shop/web`, service([{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }], { hasSelector: false })]])
    expect(serversOf(state({ balancers: [balancer(2)], services }), 'tcp-80')).toEqual([[{ address: '192.0.2.1', port: 8080, weight: 1 }]])
    const both = state({ balancers: [balancer(2, { inner: ['10.1.0.9', 'fd00::9'] })], services })
    expect(serversOf(both, 'tcp-80')[0]).toHaveLength(2)
  })

  it('is bounded: a backend, a balancer and a tenant have so many servers, and another tenant has its own', () => {
    const many = pods(1000, 2500)
    const weights = new Map(many.map(({ targetRef }) => [targetRef.uid, null]))
    const other = 'b'.repeat(32)
    const services = new Map([[`${tenantId}/shop/web`, service(many)], [`${other}/shop/web`, service(many)]])
    const balancers = [...Array.from({ length: 30 }, (_, i) => balancer(i + 2)), balancer(40, { tenantId: other })]
    const { objects, leftOut } = toExternalObjects(state({ balancers, services, weights }))
    const counts = objects.flatMap((object) => (object.kind === 'backendServers' ? [[object.balancerUid, object.servers.length] as const] : []))
    expect(Math.max(...counts.map(([, count]) => count))).toBe(2000)
    expect(counts.filter(([uid]) => uid !== id(40)).reduce((sum, [, count]) => sum + count, 0)).toBe(maxServersOfTenant)
    expect(counts.filter(([uid]) => uid === id(40)).map(([, count]) => count)).toEqual([2000, 2000])
    expect(leftOut.length).toBe(31)
    // Also where some of its balancers alone are read.
    const one = toExternalObjects(state({ balancers: [balancer(2)], services, weights }), new Map([[tenantId, maxServersOfTenant - 10]]))
    expect(one.objects.flatMap((object) => (object.kind === 'backendServers' ? [object.servers.length] : []))).toEqual([10, 0])
  })
})
