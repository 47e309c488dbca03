import type { Assignment } from '@/contracts/host/v1'
import { parseCidr } from '@/domain/shared/cidr'
import { podSubnet } from '@/domain/network/spec'
import { podSize } from '@/domain/pod/size'
import type { BoundPod } from '@/server/store/assignments'

/** What has to be done for one pod. Pure: the controller carries it out. */
export type PodPlan = { kind: 'nothing' } | { kind: 'remove' } | { kind: 'allocate' } | { kind: 'assign'; hostId: string; document: Assignment }

/**
 * A pod without a host goes at once when it is deleted; one whose host says Gone goes then; any other bound pod needs
 * an address, and an assignment that says what its spec, network and deletion say now.
 */
export function planPod(pod: BoundPod): PodPlan {
  if (pod.deletedAt && (!pod.hostId || pod.reportPhase === 'Gone' || !pod.assignment)) return { kind: 'remove' }
  if (!pod.hostId) return { kind: 'nothing' }
  const [held] = pod.addresses
  if (!held) return { kind: 'allocate' }
  const document = toAssignment(pod, held)
  return pod.assignment && sameAssignment(pod.assignment, document) ? { kind: 'nothing' } : { kind: 'assign', hostId: pod.hostId, document }
}

function toAssignment(pod: BoundPod, held: { address: string; mac: string }): Assignment {
  const subnet = podSubnet(pod.network.spec)
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
    network: {
      id: pod.network.uid,
      number: pod.network.number,
      name: pod.network.name,
      cidr: subnet.cidr,
      gateway: subnet.gateway,
      outbound: pod.network.spec.outbound,
      address: held.address,
      prefixLength: parseCidr(subnet.cidr).prefixLength,
      mac: held.mac,
      dns: [],
    },
    deletion: pod.deletedAt ? { graceSeconds: pod.graceSeconds ?? 30 } : null,
  }
}

const sameAssignment = (a: Assignment, b: Assignment): boolean => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))
const canonical = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(canonical) : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined).sort(([x], [y]) => (x < y ? -1 : 1)).map(([k, v]) => [k, canonical(v)])) : value
