import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { endpointSubsets, maxEndpoints } from '@/domain/service/endpoints'
import { serviceSpec } from '@/domain/service/spec'
import type { ServicePod } from '@/server/store/endpoint-state'
import { planEndpoints, sameSubsets } from './plan'

const network = networkSpec.parse({ subnets: { a: { cidr: '10.0.0.0/16' }, b: { cidr: 'fd00::/64' } } })
const hostId = '00000000-0000-4000-8000-00000000000a'
const uidOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const pod = (n: number, over: Partial<ServicePod> = {}): ServicePod => ({ uid: uidOf(n), name: `p${n}`, hostId, deleted: false, ready: true, ended: false, hostname: null, subdomain: null, addresses: [`10.0.${n >> 8}.${n & 255}`, `fd00::${n.toString(16)}`], ports: [{ name: 'http', protocol: 'TCP', port: 8080 }], ...over })
const service = (spec: object) => ({ namespace: 'default', name: 'web', network, spec: serviceSpec.parse({ selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }], ...spec }) })
const plan = (spec: object, ...pods: ServicePod[]) => planEndpoints(service(spec), pods)
const address = (n: number, over: object = {}) => ({ ip: `10.0.0.${n}`, nodeName: hostId, targetRef: { kind: 'Pod', namespace: 'default', name: `p${n}`, uid: uidOf(n) }, ...over })

describe('the endpoints of a service', () => {
  it('are the ready pods, and apart from them those that are not', () => {
    expect(plan({}, pod(2), pod(1, { ready: false }), pod(3))).toEqual({ leftOut: 0, subsets: [{ addresses: [address(2), address(3)], notReadyAddresses: [address(1)], ports: [{ protocol: 'TCP', port: 8080 }] }] })
  })
  it('are no pods that ended, are being deleted, or have no address of its family', () => {
    expect(plan({}, pod(1, { ended: true }), pod(2, { deleted: true }), pod(3, { addresses: [] }), pod(4, { addresses: ['fd00::4'] })).subsets).toEqual([])
    expect(plan({ ipFamilies: ['IPv6'] }, pod(4, { addresses: ['fd00::4'] })).subsets[0]?.addresses).toMatchObject([{ ip: 'fd00::4' }])
  })
  it('are all of them where it publishes those that are not ready', () => {
    const { subsets } = plan({ publishNotReadyAddresses: true }, pod(1, { ready: false }), pod(2, { deleted: true }), pod(3, { ended: true }))
    expect(subsets).toMatchObject([{ addresses: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }], notReadyAddresses: [] }])
  })
  it('have the port that each pod calls by the name, and without any such port are none', () => {
    const ports = [{ name: 'web', port: 80, targetPort: 'http' }, { name: 'dns', port: 53, protocol: 'UDP', targetPort: 'dns' }]
    const { subsets } = plan({ ports }, pod(1), pod(2, { ports: [{ name: 'http', protocol: 'TCP', port: 9090 }, { name: 'dns', protocol: 'UDP', port: 5353 }] }), pod(3), pod(4, { ports: [{ name: 'dns', protocol: 'TCP', port: 53 }] }))
    expect(subsets.map((one) => [one.addresses.map(({ ip }) => ip), one.ports])).toEqual([
      [['10.0.0.1', '10.0.0.3'], [{ name: 'web', protocol: 'TCP', port: 8080 }]],
      [['10.0.0.2'], [{ name: 'web', protocol: 'TCP', port: 9090 }, { name: 'dns', protocol: 'UDP', port: 5353 }]],
    ])
  })
  it('have the hostname of pods that name the service as their subdomain, and no ports where it has none', () => {
    expect(plan({ clusterIP: 'None', ports: [] }, pod(1, { hostname: 'db-0', subdomain: 'web' }), pod(2, { hostname: 'db-1', subdomain: 'other' }), pod(3, { subdomain: 'web' }))).toMatchObject({
      subsets: [{ addresses: [address(1, { hostname: 'db-0' }), address(2), address(3)], ports: [] }],
    })
  })
  it('are at most a thousand, ready ones first, and the rest is counted', () => {
    const pods = Array.from({ length: maxEndpoints + 20 }, (_, i) => pod(i + 1, { ready: i >= 10 }))
    const { subsets, leftOut } = plan({}, ...pods)
    expect(subsets.map((one) => [one.addresses.length, one.notReadyAddresses.length])).toEqual([[maxEndpoints, 0]])
    expect(leftOut).toBe(10)
  })
  it('are those of a plain count, whatever the pods and their order', () => {
    const arbitrary = fc.uniqueArray(fc.record({ n: fc.integer({ min: 1, max: 400 }), ready: fc.boolean(), deleted: fc.boolean(), ended: fc.boolean(), port: fc.constantFrom(null, 8080, 9090) }), { selector: ({ n }) => n, maxLength: 40 })
    fc.assert(fc.property(arbitrary, fc.boolean(), fc.nat(), (described, publishes, turn) => {
      const pods = described.map(({ n, port, ...over }) => pod(n, { ...over, ports: port === null ? [] : [{ name: 'http', protocol: 'TCP', port }] }))
      const { subsets, leftOut } = plan({ publishNotReadyAddresses: publishes }, ...pods)
      const ready = subsets.flatMap((one) => one.addresses.flatMap(({ ip }) => one.ports.map(({ port }) => `${ip}:${port}`)))
      const wanted = described.filter((one) => one.port !== null && !one.ended && (publishes || (!one.deleted && one.ready))).map((one) => `10.0.${one.n >> 8}.${one.n & 255}:${one.port}`)
      expect([...ready].sort()).toEqual(wanted.sort())
      expect(leftOut).toBe(0)
      expect(endpointSubsets.parse(subsets)).toEqual(subsets)
      const turned = [...pods.slice(turn % (pods.length + 1)), ...pods.slice(0, turn % (pods.length + 1))].reverse()
      expect(sameSubsets(plan({ publishNotReadyAddresses: publishes }, ...turned).subsets, subsets)).toBe(true)
    }))
  })
})
