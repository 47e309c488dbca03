import type { NetworkTopology } from '@/domain/network/topology'
import { boxesOf, isHeld, type Box, type Group, type TopologyPod, type TopologyService, type TopologySubnet, type Unit } from './groups'
import { noWaysIn, type WayAddress, type WayBalancer, type WaysIn } from './ways-in'

/** Pixels, as the nodes' own classes draw them. */
export const size = {
  outside: { width: 184, height: 60 }, peer: { width: 184, height: 60 }, address: { width: 176, height: 48 }, balancer: { width: 224, height: 56 }, network: { width: 224, height: 132 }, box: { width: 288 },
  pod: { height: 44 }, service: { width: 240, height: 56 }, more: { width: 240, height: 36 }, route: { width: 200, height: 44 },
} as const
export const inBox = { padding: 12, head: 56, beside: 20, gap: 8, empty: 32 } as const
export const inGroup = { head: 52, row: 26, more: 24, foot: 8, columns: 2, most: 48 } as const
/** More services than so many are told by their number. */
export const maxServices = 40
/** And so many ways in of each kind. */
export const maxWays = 20
const maxRoutes = 20

type Place = { id: string; width: number; height: number }
export type TopologyNode = Place & (
  | { kind: 'outside'; outbound: 'nat' | 'none'; ways: number }
  | { kind: 'peer'; peer: NetworkTopology['peers'][number] }
  | { kind: 'address'; address: WayAddress }
  | { kind: 'balancer'; balancer: WayBalancer }
  | { kind: 'network'; network: NetworkTopology['network']; gateways: readonly string[] }
  | { kind: 'box'; subnet: TopologySubnet; beside: readonly TopologySubnet[]; pods: number }
  | { kind: 'pod'; pod: TopologyPod; services: readonly string[]; groups: readonly string[]; within: Within }
  | { kind: 'group'; group: Group; within: Within }
  | { kind: 'service'; service: TopologyService }
  | { kind: 'more'; count: number; of: 'service' | 'floating address' | 'balancer' }
  | { kind: 'route'; route: NetworkTopology['routes'][number]; known: boolean }
)
/** The box that a pod or group stands in, and where from its corner. */
export type Within = { box: string; x: number; y: number }
/** `tone`: whether something passes there; `label` says what. */
export type TopologyEdge = { id: string; from: string; to: string; tone: 'open' | 'closed'; label?: string }
export type TopologyGraph = { nodes: TopologyNode[]; edges: TopologyEdge[] }

/** Which column a node stands in, from the left. */
export function columnOf(node: TopologyNode): number {
  if (node.kind === 'more') return { 'floating address': 1, balancer: 2, service: 4 }[node.of]
  return { outside: 0, peer: 0, address: 1, balancer: 2, network: 2, box: 3, pod: 3, group: 3, service: 4, route: 4 }[node.kind]
}

export function unitHeight(unit: Unit): number {
  if (unit.kind === 'pod') return size.pod.height
  const { open, pods } = unit.group
  if (!open) return inGroup.head
  return inGroup.head + Math.ceil(Math.min(pods.length, inGroup.most) / inGroup.columns) * inGroup.row + (pods.length > inGroup.most ? inGroup.more : 0) + inGroup.foot
}

/** What is drawn of a network, without places: nodes of a size, and lines. `open`: the groups whose pods are drawn one by one. */
export function graphOf(topology: NetworkTopology, open: ReadonlySet<string>, ways: WaysIn = noWaysIn): TopologyGraph {
  const { network, subnets, peers, routes } = topology
  const boxes = boxesOf(topology, open)
  const servicesShown = [...topology.services].sort((a, b) => b.pods.length - a.pods.length || a.name.localeCompare(b.name)).slice(0, maxServices)
  const services = topology.services.filter((service) => servicesShown.includes(service))
  const namesOf = new Map<string, string[]>()
  for (const { name, pods } of topology.services) for (const uid of pods) namesOf.set(uid, [...(namesOf.get(uid) ?? []), name])

  const nodes: TopologyNode[] = [
    { id: 'outside', kind: 'outside', outbound: network.outbound, ways: ways.addresses.length, ...size.outside },
    ...peers.map((peer): TopologyNode => ({ id: `peer ${peer.name}`, kind: 'peer', peer, ...size.peer })),
    { id: 'network', kind: 'network', network, gateways: subnets.map(({ gateway }) => gateway), ...size.network },
  ]
  const edges: TopologyEdge[] = [
    { id: 'outside', from: 'outside', to: 'network', tone: network.outbound === 'nat' ? 'open' : 'closed' },
    ...peers.map((peer): TopologyEdge => ({ id: `peer ${peer.name}`, from: `peer ${peer.name}`, to: 'network', tone: peer.active ? 'open' : 'closed' })),
  ]
  const unitOf = new Map<string, string>()
  for (const box of boxes) {
    const { placed, height } = placeUnits(box)
    const id = `box ${box.subnet.name}`
    const pods = box.units.reduce((sum, unit) => sum + (unit.kind === 'pod' ? 1 : unit.group.pods.length), 0)
    nodes.push({ id, kind: 'box', subnet: box.subnet, beside: box.beside, pods, width: size.box.width, height })
    edges.push({ id, from: 'network', to: id, tone: 'open' })
    for (const { unit, y } of placed) {
      const place = { id: unit.id, width: size.box.width - 2 * inBox.padding, height: unitHeight(unit), within: { box: id, x: inBox.padding, y } }
      if (unit.kind === 'pod') nodes.push({ ...place, kind: 'pod', pod: unit.pod, services: namesOf.get(unit.pod.uid) ?? [], groups: unit.pod.securityGroups })
      else nodes.push({ ...place, kind: 'group', group: unit.group })
      for (const pod of unit.kind === 'pod' ? [unit.pod] : unit.group.pods) unitOf.set(pod.uid, unit.id)
    }
  }
  for (const service of services) {
    const id = `service ${service.uid}`
    nodes.push({ id, kind: 'service', service, ...size.service })
    const units = new Set(service.pods.flatMap((uid) => unitOf.get(uid) ?? []))
    edges.push(...[...units].map((unit): TopologyEdge => ({ id: `${id} ${unit}`, from: unit, to: id, tone: 'open' })))
  }
  if (topology.services.length > services.length) nodes.push({ id: 'more', kind: 'more', of: 'service', count: topology.services.length - services.length, ...size.more })
  drawWays(ways, unitOf, nodes, edges)
  for (const route of routes.slice(0, maxRoutes)) {
    const id = `route ${route.destination}`
    const holder = topology.pods.find((pod) => pod.addresses.some(({ address }) => address === route.via))
    const unit = holder && unitOf.get(holder.uid)
    nodes.push({ id, kind: 'route', route, known: isHeld(topology, route.via), ...size.route })
    if (unit) edges.push({ id, from: unit, to: id, tone: 'open' })
  }
  return { nodes, edges }
}

/** The outside leads to floating addresses, these to their pod or balancer, and a balancer to the pods behind it. */
function drawWays({ addresses, balancers }: WaysIn, unitOf: ReadonlyMap<string, string>, nodes: TopologyNode[], edges: TopologyEdge[]): void {
  const shown = balancers.slice(0, maxWays)
  for (const balancer of shown) {
    const id = `balancer ${balancer.id}`
    nodes.push({ id, kind: 'balancer', balancer, ...size.balancer })
    for (const unit of new Set(balancer.pods.flatMap((uid) => unitOf.get(uid) ?? []))) edges.push({ id: `${id} ${unit}`, from: id, to: unit, tone: balancer.phase === 'Active' || balancer.phase === 'Degraded' ? 'open' : 'closed' })
  }
  for (const address of addresses.slice(0, maxWays)) {
    const id = `address ${address.uid}`
    const tone = address.active ? 'open' : 'closed'
    const to = address.to.kind === 'pod' ? unitOf.get(address.to.id) : shown.some((each) => each.id === address.to.id) ? `balancer ${address.to.id}` : undefined
    nodes.push({ id, kind: 'address', address, ...size.address })
    edges.push({ id, from: 'outside', to: id, tone }, ...(to === undefined ? [] : [{ id: `${id} ${to}`, from: id, to, tone } as const]))
  }
  for (const [of, count] of [['floating address', addresses.length], ['balancer', balancers.length]] as const) if (count > maxWays) nodes.push({ id: `more ${of}`, kind: 'more', of, count: count - maxWays, ...size.more })
}

function placeUnits({ units, beside }: Box): { placed: { unit: Unit; y: number }[]; height: number } {
  let y = inBox.head + beside.length * inBox.beside
  const placed = units.map((unit) => {
    const at = { unit, y }
    y += unitHeight(unit) + inBox.gap
    return at
  })
  return { placed, height: units.length === 0 ? y + inBox.empty : y - inBox.gap + inBox.padding }
}
