import type { Assignment, NetworkAttachment } from '@/contracts/host/v1'
import { subnetsOf } from '@/domain/network/spec'
import { parseBandwidth } from '@/domain/pod/bandwidth'
import { podSize } from '@/domain/pod/size'
import { familyOf, inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import type { BoundPod } from '@/server/store/assignments'

/** What has to be done for one pod. Pure: the controller carries it out. */
export type PodPlan = { kind: 'nothing' } | { kind: 'remove' } | { kind: 'allocate' } | { kind: 'assign'; hostId: string; document: Assignment }

/**
 * A pod without a host goes at once when it is deleted, and so does one whose host is silent where that was asked for; one whose host says Gone goes then. One that was given up with its host is not
 * assigned again. Any other bound pod needs its addresses, and an assignment that says what its spec, network and deletion say now.
 */
export function planPod(pod: BoundPod): PodPlan {
  if (pod.deletedAt && (!pod.hostId || pod.reportPhase === 'Gone' || !pod.assignment || (pod.forced && pod.hostSilent))) return { kind: 'remove' }
  if (!pod.hostId || (pod.reportPhase === 'Failed' && !pod.assignment)) return { kind: 'nothing' }
  if (pod.addresses.length === 0) return { kind: 'allocate' }
  const document = toAssignment(pod)
  return pod.assignment && sameAssignment(pod.assignment, document) ? { kind: 'nothing' } : { kind: 'assign', hostId: pod.hostId, document }
}

function toAssignment(pod: BoundPod): Assignment {
  return {
    uid: pod.uid,
    tenantId: pod.tenantId,
    namespace: pod.namespace,
    name: pod.name,
    generation: pod.generation,
    hostname: pod.spec.hostname ?? pod.name,
    labels: pod.labels,
    annotations: pod.annotations,
    spec: pod.spec,
    size: podSize(pod.spec),
    configurationRevision: null,
    network: toAttachment(pod),
    deletion: pod.deletedAt ? { graceSeconds: pod.graceSeconds ?? 30 } : null,
  }
}

/** The pod's place in its network: the gateways of its subnets, of which the first answers names. */
function toAttachment({ uid, network, addresses, annotations }: BoundPod): NetworkAttachment {
  const ends = addresses.map(({ address, mac }) => {
    const subnet = subnetsOf(network.spec).find(({ cidr }) => inSubnet(parseSubnet(cidr), parseIp(address)))
    if (!subnet) throw new Error(`pod ${uid} has the address ${address}, which no subnet of network ${network.uid} holds`)
    return { mac, end: { cidr: subnet.cidr, gateway: subnet.gateway, address, prefixLength: parseSubnet(subnet.cidr).prefixLength } }
  })
  const first = ends.find(({ end }) => familyOf(end.address) === 4)
  if (!first) throw new Error(`pod ${uid} has no IPv4 address`)
  return {
    id: network.uid,
    number: network.number,
    name: network.name,
    ...first.end,
    mac: first.mac,
    outbound: network.spec.outbound,
    dns: [first.end.gateway],
    mtu: network.spec.mtu,
    domain: network.spec.dns.domain,
    ipv6: ends.find(({ end }) => familyOf(end.address) === 6)?.end ?? null,
    bandwidth: parseBandwidth(annotations).bandwidth,
  }
}

const sameAssignment = (a: Assignment, b: Assignment): boolean => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))
const canonical = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(canonical) : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined).sort(([x], [y]) => (x < y ? -1 : 1)).map(([k, v]) => [k, canonical(v)])) : value
