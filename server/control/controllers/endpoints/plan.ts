import { maxEndpoints, type EndpointAddress, type EndpointSubset } from '@/domain/service/endpoints'
import { serviceFamilies } from '@/domain/service/families'
import { familyOf, type Family } from '@/domain/shared/ip'
import type { ServicePod, ServiceState } from '@/server/store/endpoint-state'

export type EndpointPlan = { subsets: EndpointSubset[]; /** Pods that take connections and have no place in them. */ leftOut: number }
type Planned = Pick<ServiceState, 'namespace' | 'name' | 'spec' | 'network'>
type Found = { pod: ServicePod; address: EndpointAddress; ready: boolean; ports: EndpointSubset['ports'] }

const maxSubsets = 100
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * The endpoints of a service, from all pods that it selects: those that are ready, and apart from them those that are not. A pod that ended
 * or is being deleted is neither. Pods whose ports have the same numbers share a subset. Pure; the order of the pods does not matter.
 */
export function planEndpoints(service: Planned, pods: readonly ServicePod[]): EndpointPlan {
  const family = serviceFamilies(service.spec, service.network).families[0] ?? 4
  const found = pods.flatMap((pod) => findEndpoint(service, pod, family) ?? []).sort((a, b) => byText(a.pod.name, b.pod.name))
  const all = [...found.filter(({ ready }) => ready), ...found.filter(({ ready }) => !ready)]
  const taken = all.slice(0, maxEndpoints)
  const groups = new Map<string, Found[]>()
  for (const one of taken) {
    const key = JSON.stringify(one.ports)
    const others = groups.get(key)
    if (others) others.push(one)
    else groups.set(key, [one])
  }
  const kept = [...groups].slice(0, maxSubsets).sort(([a], [b]) => byText(a, b))
  const listed = (members: Found[], ready: boolean) => members.filter((one) => one.ready === ready).map(({ address }) => address).sort((a, b) => byText(a.ip, b.ip))
  const subsets = kept.map(([, members]) => ({ addresses: listed(members, true), notReadyAddresses: listed(members, false), ports: members[0]?.ports ?? [] }))
  const placed = subsets.reduce((sum, { addresses }) => sum + addresses.length, 0)
  return { subsets, leftOut: found.filter(({ ready }) => ready).length - placed }
}

function findEndpoint(service: Planned, pod: ServicePod, family: Family): Found | null {
  const { spec } = service
  if (pod.ended || (pod.deleted && !spec.publishNotReadyAddresses)) return null
  const ip = pod.addresses.find((address) => familyOf(address) === family)
  const ports = spec.ports.flatMap(({ targetPort, protocol, name, appProtocol }) => {
    const port = typeof targetPort === 'number' ? targetPort : pod.ports.find((one) => one.name === targetPort && one.protocol === protocol)?.port
    return port === undefined ? [] : { ...(name === undefined ? {} : { name }), protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) }
  })
  if (ip === undefined || (spec.ports.length > 0 && ports.length === 0)) return null
  const hostname = pod.hostname !== null && pod.subdomain === service.name ? { hostname: pod.hostname } : {}
  return { pod, ports, ready: pod.ready || spec.publishNotReadyAddresses, address: { ip, ...hostname, nodeName: pod.hostId, targetRef: { kind: 'Pod', namespace: service.namespace, name: pod.name, uid: pod.uid } } }
}

/** Whether two lists of subsets say the same, in whatever order their fields are written. */
export const sameSubsets = (a: readonly EndpointSubset[], b: readonly EndpointSubset[]): boolean => JSON.stringify(a.map(written)) === JSON.stringify(b.map(written))
const writtenAddress = ({ ip, hostname, nodeName, targetRef: ref }: EndpointAddress) => [ip, hostname, nodeName, ref?.kind, ref?.namespace, ref?.name, ref?.uid]
const written = ({ addresses, notReadyAddresses, ports }: EndpointSubset) => [addresses.map(writtenAddress), notReadyAddresses.map(writtenAddress), ports.map(({ name, protocol, port, appProtocol }) => [name, protocol, port, appProtocol])]
