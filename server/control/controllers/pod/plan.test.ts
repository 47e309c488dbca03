import { describe, expect, it } from 'vitest'
import { assignment } from '@/contracts/host/v1'
import { networkSpec } from '@/domain/network/spec'
import { bandwidthAnnotations } from '@/domain/pod/bandwidth'
import { podSpec } from '@/domain/pod/spec'
import type { BoundPod } from '@/server/store/assignments'
import { planPod } from './plan'

const uid = '00000000-0000-4000-8000-000000000001'
const spec = networkSpec.parse({ subnets: { a: { cidr: '10.0.0.0/24' }, b: { cidr: '10.1.0.0/16', gateway: '10.1.0.9' }, c: { cidr: 'fd00::/64' } }, outbound: 'none', mtu: 1400, dns: { domain: 'corp.example' } })
const mac = '02:00:00:00:00:01'
const held = (...addresses: string[]) => addresses.map((address) => ({ address, mac }))
const pod = (over: Partial<BoundPod> = {}): BoundPod => ({
  uid, tenantId: 'a'.repeat(32), namespace: 'default', name: 'web', generation: 1, deletedAt: null, graceSeconds: null, forced: false, hostSilent: false, hostId: uid, labels: {}, annotations: {}, spec: podSpec.parse({ containers: [{ name: 'a', image: 'busybox' }] }),
  network: { uid, number: 7, name: 'default', spec }, addresses: held('10.1.0.2', 'fd00::2'), assignment: null, reportPhase: null, ...over,
})
const documentOf = (over: Partial<BoundPod> = {}) => {
  const plan = planPod(pod(over))
  if (plan.kind !== 'assign') throw new Error(`the plan is ${plan.kind}`)
  expect(assignment.parse(plan.document)).toEqual(plan.document)
  return plan.document
}

describe('what a pod’s host shall do', () => {
  it('has its place in the network: the subnet of each of its addresses, and the gateway for names', () => {
    expect(documentOf().network).toEqual({
      id: uid, number: 7, name: 'default', cidr: '10.1.0.0/16', gateway: '10.1.0.9', address: '10.1.0.2', prefixLength: 16, mac, outbound: 'none', dns: ['10.1.0.9'], mtu: 1400, domain: 'corp.example', bandwidth: null,
      ipv6: { cidr: 'fd00::/64', gateway: 'fd00::1', address: 'fd00::2', prefixLength: 64 },
    })
    expect(documentOf({ addresses: held('10.0.0.2') }).network).toMatchObject({ cidr: '10.0.0.0/24', gateway: '10.0.0.1', prefixLength: 24, ipv6: null })
  })
  it('follows the network’s switches and the pod’s annotations while it runs', () => {
    const first = documentOf()
    expect(planPod(pod({ assignment: first }))).toEqual({ kind: 'nothing' })
    const limits = { [bandwidthAnnotations.ingress]: '10M', [bandwidthAnnotations.egress]: 'nonsense' }
    expect(documentOf({ assignment: first, annotations: limits }).network.bandwidth).toEqual({ ingress: 10_000_000, egress: null })
    expect(documentOf({ assignment: first, network: { uid, number: 7, name: 'default', spec: { ...spec, outbound: 'nat', mtu: 1300 } } }).network).toMatchObject({ outbound: 'nat', mtu: 1300 })
  })
  it('is nothing before it has addresses, and never with one that no subnet holds', () => {
    expect(planPod(pod({ addresses: [] }))).toEqual({ kind: 'allocate' })
    expect(planPod(pod({ addresses: [], hostId: null }))).toEqual({ kind: 'nothing' })
    expect(() => planPod(pod({ addresses: held('10.9.0.2') }))).toThrow('no subnet of network')
    expect(planPod(pod({ addresses: [], deletedAt: new Date() }))).toEqual({ kind: 'remove' })
  })
  it('is nothing more once it was given up with its host, and without its host’s word only where that was asked for and the host is silent', () => {
    expect(planPod(pod({ reportPhase: 'Failed' }))).toEqual({ kind: 'nothing' })
    const document = documentOf()
    const deleted = { deletedAt: new Date(), assignment: { ...document, deletion: { graceSeconds: 30 } } }
    expect(planPod(pod(deleted))).toEqual({ kind: 'nothing' })
    expect(planPod(pod({ ...deleted, forced: true }))).toEqual({ kind: 'nothing' })
    expect(planPod(pod({ ...deleted, hostSilent: true }))).toEqual({ kind: 'nothing' })
    expect(planPod(pod({ ...deleted, forced: true, hostSilent: true }))).toEqual({ kind: 'remove' })
  })
})
