import type { NetworkTopology } from '@/domain/network/topology'
import { ipv4First } from '../capacity'

export type TopologyPod = NetworkTopology['pods'][number]
export type TopologyService = NetworkTopology['services'][number]
export type TopologySubnet = NetworkTopology['subnets'][number]

/** Pods that stand for one: those of the same services. `pods` is all of them; `open` says that each is drawn. */
export type Group = { id: string; title: string; pods: readonly TopologyPod[]; open: boolean }
/** What stands in a subnet's box, from top to bottom. */
export type Unit = { kind: 'pod'; id: string; pod: TopologyPod } | { kind: 'group'; id: string; group: Group }
/** A subnet with the pods whose first address is of it, and the other subnets in which these pods have addresses. */
export type Box = { subnet: TopologySubnet; beside: readonly TopologySubnet[]; units: readonly Unit[] }

/** Networks of fewer pods are drawn pod by pod. */
export const groupFrom = 25
/** So many pods of the same services are drawn as one, where there are many. */
const groupSize = 4
/** No box holds more units than so many; the pods beyond stand for one. */
export const maxUnits = 40

const byName = (a: TopologyPod, b: TopologyPod) => (a.namespace === b.namespace ? a.name.localeCompare(b.name, 'en', { numeric: true }) : a.namespace.localeCompare(b.namespace))

/** Whether a pod has an address; of a network whose pods are not all told it cannot be denied. */
export const isHeld = ({ pods, truncated }: Pick<NetworkTopology, 'pods' | 'truncated'>, via: string): boolean => truncated || pods.some(({ addresses }) => addresses.some(({ address }) => address === via))

/** The services of each pod, by the pod's uid. */
export function servicesByPod(services: readonly TopologyService[]): ReadonlyMap<string, readonly TopologyService[]> {
  const found = new Map<string, TopologyService[]>()
  for (const service of services) for (const uid of service.pods) found.set(uid, [...(found.get(uid) ?? []), service])
  return found
}

/** The name of a group: its services', or that it has none. Namespaces only where names alone would not tell. */
function titleOf(services: readonly TopologyService[]): string {
  if (services.length === 0) return 'No service'
  const [first, second] = services.map(({ name }) => name)
  return services.length === 1 ? first ?? '' : services.length === 2 ? `${first}, ${second}` : `${first} + ${services.length - 1}`
}

/**
 * The boxes of a network: each subnet with its pods, sorted by their services so that lines cross little. Where there are many
 * pods, those of the same services stand for one unless it is among `open`.
 */
export function boxesOf({ subnets, pods, services }: Pick<NetworkTopology, 'subnets' | 'pods' | 'services'>, open: ReadonlySet<string>): Box[] {
  const served = servicesByPod(services)
  const grouped = pods.length >= groupFrom
  return ipv4First(subnets).flatMap((subnet): Box[] => {
    const own = pods.filter((pod) => pod.addresses[0]?.subnet === subnet.name)
    const second = pods.some((pod) => pod.addresses.some((each, i) => i > 0 && each.subnet === subnet.name))
    // A subnet that only gives second addresses is told by the boxes of the pods that have them.
    if (own.length === 0 && second) return []
    const names = new Set(own.flatMap((pod) => pod.addresses.slice(1).map((each) => each.subnet)))
    return [{ subnet, beside: subnets.filter(({ name }) => names.has(name) && name !== subnet.name), units: unitsOf(subnet.name, own, served, grouped, open) }]
  })
}

function unitsOf(subnet: string, pods: readonly TopologyPod[], served: ReadonlyMap<string, readonly TopologyService[]>, grouped: boolean, open: ReadonlySet<string>): Unit[] {
  const sets = new Map<string, { services: readonly TopologyService[]; pods: TopologyPod[] }>()
  for (const pod of [...pods].sort(byName)) {
    const services = served.get(pod.uid) ?? []
    const key = services.map(({ uid }) => uid).join(' ')
    const set = sets.get(key) ?? { services, pods: [] }
    set.pods.push(pod)
    sets.set(key, set)
  }
  // Those of a service first, in the order of its name; those of none at the end.
  const ordered = [...sets.values()].sort((a, b) => Number(a.services.length === 0) - Number(b.services.length === 0) || titleOf(a.services).localeCompare(titleOf(b.services)))
  const units = ordered.flatMap(({ services, pods: those }): Unit[] => {
    const id = `group ${subnet} ${services.map(({ uid }) => uid).join(' ')}`
    if (grouped && those.length >= groupSize) return [{ kind: 'group', id, group: { id, title: titleOf(services), pods: those, open: open.has(id) } }]
    return those.map((pod) => ({ kind: 'pod', id: `pod ${pod.uid}`, pod }))
  })
  if (units.length <= maxUnits) return units
  const rest = units.slice(maxUnits - 1).flatMap((unit) => (unit.kind === 'pod' ? [unit.pod] : unit.group.pods))
  const id = `group ${subnet} rest`
  return [...units.slice(0, maxUnits - 1), { kind: 'group', id, group: { id, title: 'Other pods', pods: rest, open: open.has(id) } }]
}
