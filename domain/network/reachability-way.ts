import { invalidInput } from '../shared/errors'
import { familyOf } from '../shared/ip'
import type { DecidingRule, ReachabilityEnd, ReachabilityQuestion } from './reachability'
import { canonical, holdsAddress, podAt, podNamed, serviceNamed, sourceTo, type World, type WorldPod, type WorldService } from './reachability-world'
import { isOwn } from './rules'
import { reservedSubnets } from './spec'
import { formatSubnet, inSubnet, parseIp } from '../shared/ip'

/** Where a packet would end. `world` is the network whose rules let it in; null: no rules that this tenant sees. `blocked`: what keeps it from getting there, whatever the rules say. */
export type Target = { address: string; port: number | null; pod: WorldPod | null; world: World | null; blocked?: { step: WayStep; advice: string } }
export type WayStep = { title: string; detail: string; passes: boolean; rule: DecidingRule | null }

/** What the pod dials and where that leads. No targets: it leads nowhere, as the last step says; `advice` says what to do then. `local`: the pod's own gateway or itself, where no rules are asked. */
export type Way = { dial: { address: string; port: number | null } | null; steps: WayStep[]; targets: Target[]; certain: boolean; local?: true; advice: string | null; name: string }

/** `visible`: the tenant's other networks that the question may meet, by number: where a named pod or service is, and peers. */
export type Surroundings = { world: World; visible: ReadonlyMap<number, World> }

const nowhere = (way: Pick<Way, 'name' | 'dial'>, steps: WayStep[], advice: string): Way => ({ ...way, steps, targets: [], certain: true, advice })
const networkLink = ({ network }: World, path: string): DecidingRule => ({ kind: 'Network', namespace: null, name: network.name, path })
const serviceLink = ({ namespace, name }: WorldService, path: string): DecidingRule => ({ kind: 'Service', namespace, name, path })

/** Follows a question from a pod of `world` to where its packets would end. Throws invalid_input where a port is missing, and returns null for a named end that is not there. */
export function followWay(map: Surroundings, from: WorldPod, { to, protocol, port }: Pick<ReachabilityQuestion, 'protocol' | 'port'> & { to: ReachabilityEnd }): Way | null {
  if (to.kind === 'address') return toAddress(map, from, canonical(to.address), protocol, port)
  if (to.kind === 'pod') return toPod(map, from, to, protocol, port)
  const home = [map.world, ...map.visible.values()].find((world) => serviceNamed(world, to.namespace, to.name))
  const service = home && serviceNamed(home, to.namespace, to.name)
  if (!home || !service) return null
  if (home.network.number !== map.world.network.number) {
    const detail = `Service “${service.name}” is in network “${home.network.name}”; a service answers inside its own network alone.`
    return nowhere({ name: service.name, dial: null }, [{ title: `Service ${service.name}`, detail, passes: false, rule: serviceLink(service, 'metadata.namespace') }], `Ask about its pods, or make a service in a namespace of network “${map.world.network.name}”.`)
  }
  return toService(map, from, service, null, protocol, port)
}

function needPort(protocol: ReachabilityQuestion['protocol'], port: number | null): number | null {
  if (protocol === 'icmp') return null
  if (port === null) throw invalidInput([{ path: 'port', line: null, message: `is needed for ${protocol.toUpperCase()}` }])
  return port
}

function toPod(map: Surroundings, from: WorldPod, { namespace, name }: { namespace: string; name: string }, protocol: ReachabilityQuestion['protocol'], given: number | null): Way | null {
  const home = [map.world, ...map.visible.values()].find((world) => podNamed(world, namespace, name))
  const pod = home && podNamed(home, namespace, name)
  if (!home || !pod) return null
  const port = needPort(protocol, given)
  const address = commonAddress(from, pod.addresses)
  if (!address) {
    const detail = pod.addresses.length === 0 ? `Pod “${name}” has no address yet: it gets one when a host is found for it.` : `Pod “${from.name}” and pod “${name}” have no address of the same family.`
    return nowhere({ name, dial: null }, [{ title: `Pod ${name}`, detail, passes: false, rule: null }], pod.addresses.length === 0 ? `Look at what pod “${name}” waits for.` : 'Give the network of both a subnet of the other family.')
  }
  return home.network.number === map.world.network.number ? toAddress(map, from, address, protocol, port) : toPeer(map, { address, port, pod, world: home }, home.network)
}

const commonAddress = (from: WorldPod, addresses: readonly string[]): string | undefined => addresses.find((address) => from.addresses.some((own) => familyOf(own) === familyOf(address)))

function toAddress(map: Surroundings, from: WorldPod, address: string, protocol: ReachabilityQuestion['protocol'], given: number | null): Way {
  const { world } = map
  const { network } = world
  const named = { name: address, dial: { address, port: given } }
  const end = (title: string, detail: string, advice: string, rule: DecidingRule | null = null) => nowhere(named, [{ title, detail, passes: false, rule }], advice)
  if (sourceTo(world, from, address) === undefined) return end('Address family', `Pod “${from.name}” has no IPv${familyOf(address)} address.`, `Give network “${network.name}” an IPv${familyOf(address)} subnet.`, networkLink(world, 'spec.subnets'))
  const reserved = reservedSubnets.find((range) => inSubnet(range, parseIp(address)))
  if (reserved) return end('Never routed', `${address} lies in ${formatSubnet(reserved)}: loopback, link-local with metadata services, and multicast never leave a pod.`, 'Name another address; what a metadata service would tell stands in the pod’s own spec.')
  const service = world.services.find(({ addresses }) => addresses.includes(address))
  if (service) return toService(map, from, service, address, protocol, given)
  const port = needPort(protocol, given)
  const gateway = network.subnets.find((subnet) => canonical(subnet.gateway) === address)
  if (gateway) return toGateway(world, address, protocol, port)
  const pod = podAt(world, address)
  if (pod?.uid === from.uid) return { ...named, steps: [{ title: `Pod ${from.name} itself`, detail: `${address} is its own address: what it sends there never leaves it.`, passes: true, rule: null }], targets: [{ address, port, pod, world }], certain: true, local: true, advice: null }
  if (pod?.routed?.includes(address)) return { dial: { address, port }, name: pod.name, steps: [{ title: 'Floating address', detail: `${address} is routed to pod “${pod.name}” of network “${network.name}”, in which pod “${from.name}” is, too.`, passes: true, rule: null }], targets: [{ address, port, pod, world }], certain: true, advice: null }
  if (pod) return { dial: { address, port }, name: pod.name, steps: [{ title: `Pod ${pod.name}`, detail: `It has ${address} in network “${network.name}”, as pod “${from.name}” is.`, passes: true, rule: networkLink(world, `spec.subnets.${subnetNameOf(world, address)}`) }], targets: [{ address, port, pod, world }], certain: true, advice: null }
  const subnet = network.subnets.find(({ cidr }) => holdsAddress(cidr, address))
  if (subnet) return end('No pod there', `${address} lies in subnet “${subnet.name}” of network “${network.name}”, and no pod has it.`, 'Compare it with the addresses of the network’s pods.', networkLink(world, `spec.subnets.${subnet.name}`))
  if (network.serviceCidrs.some((cidr) => holdsAddress(cidr, address))) return end('No service there', `${address} lies where services of network “${network.name}” get their addresses, and no service has it.`, 'Ask for the service by its name: its address is new when it was deleted and made again.', networkLink(world, 'spec.serviceCIDRs'))
  const route = network.routes.findIndex(({ destination }) => holdsAddress(destination, address))
  if (route >= 0) return behindPod(world, address, port, route)
  // Where peers overlap, the one with the smaller number keeps its addresses.
  const peer = world.peers.toSorted((a, b) => a.number - b.number).find(({ subnets }) => subnets.some((cidr) => holdsAddress(cidr, address)))
  if (peer) {
    const home = map.visible.get(peer.number) ?? null
    return toPeer(map, { address, port, pod: (home && podAt(home, address)) ?? null, world: home }, peer)
  }
  return toOutside(map, from, address, port)
}

const subnetNameOf = ({ network }: World, address: string): string => network.subnets.find(({ cidr }) => holdsAddress(cidr, address))?.name ?? ''

/** The namespace of the network itself, which answers a ping and names. */
function toGateway(world: World, address: string, protocol: ReachabilityQuestion['protocol'], port: number | null): Way {
  const passes = protocol === 'icmp' || port === 53
  const detail = passes ? `${address} is the gateway of network “${world.network.name}”, which answers ${protocol === 'icmp' ? 'a ping' : 'names on port 53'}.` : `${address} is the gateway of network “${world.network.name}”: it answers a ping, and names on port 53, and nothing else.`
  const step = { title: 'Gateway', detail, passes, rule: networkLink(world, 'spec.subnets') }
  const way = { name: address, dial: { address, port } }
  return passes ? { ...way, steps: [step], targets: [{ address, port, pod: null, world: null }], certain: true, local: true, advice: null } : nowhere(way, [step], 'Ask about port 53, or about a pod.')
}

/** What lies behind a pod is let in by that pod's rules: it forwards. */
function behindPod(world: World, address: string, port: number | null, index: number): Way {
  const { destination, via } = world.network.routes[index] ?? { destination: '', via: '' }
  const router = podAt(world, canonical(via))
  const rule = networkLink(world, `spec.routes[${index}]`)
  const way = { name: address, dial: { address, port } }
  if (!router) return nowhere(way, [{ title: 'Route', detail: `${destination} lies behind ${via}, and no pod has that address.`, passes: false, rule }], `Start the pod that has ${via}, or take the route away.`)
  return { ...way, steps: [{ title: 'Route', detail: `${destination} lies behind pod “${router.name}” (${via}), which must forward it.`, passes: true, rule }], targets: [{ address, port, pod: router, world }], certain: false, advice: null }
}

function toPeer({ world }: Surroundings, target: Target, other: { number: number; name: string }): Way {
  const peer = world.peers.find(({ number }) => number === other.number)
  const way = { name: target.pod?.name ?? target.address, dial: { address: target.address, port: target.port } }
  const title = `Network ${other.name}`
  if (!peer) return nowhere(way, [{ title, detail: `It is in network “${other.name}”, and no peering lets network “${world.network.name}” talk with it.`, passes: false, rule: networkLink(world, 'metadata.name') }], `Make a peering between the networks “${world.network.name}” and “${other.name}”.`)
  const rule: DecidingRule = { kind: 'NetworkPeering', namespace: null, name: peer.name, path: 'spec.peer' }
  if (target.world && !target.pod) return nowhere(way, [{ title, detail: `${target.address} lies in network “${other.name}”, which is peered with “${world.network.name}”, and no pod has it.`, passes: false, rule }], 'Compare it with the addresses of that network’s pods.')
  const step = { title, detail: `Network “${world.network.name}” is peered with “${other.name}”.`, passes: true, rule }
  if (target.world) return { ...way, steps: [step], targets: [target], certain: true, advice: null }
  return { ...way, steps: [{ ...step, detail: `Network “${world.network.name}” is peered with one of another tenant: what that one lets in is not visible here.` }], targets: [target], certain: false, advice: null }
}

function toOutside({ world, visible }: Surroundings, from: WorldPod, address: string, port: number | null): Way {
  const { network } = world
  const title = 'Outside'
  const rule = networkLink(world, 'spec.outbound')
  // A floating address of one of the tenant's other networks: by the bridge of the outside.
  const home = familyOf(address) === 6 ? [...visible.values()].find((one) => podAt(one, address)?.routed?.includes(address)) : undefined
  const pod = (home && podAt(home, address)) ?? null
  const way = { name: pod?.name ?? address, dial: { address, port } }
  if (familyOf(address) === 6 && !from.routed?.length) return nowhere(way, [{ title, detail: `${address} is outside network “${network.name}” and its peers, and IPv6 stays inside, but for what a pod sends from a floating address of that family.`, passes: false, rule }], 'Name an IPv4 address, or give the pod a floating address of IPv6.')
  if (network.outbound === 'none') return nowhere(way, [{ title, detail: `${address} is outside network “${network.name}”, whose outbound connections are closed.`, passes: false, rule }], `Open the outbound connections of network “${network.name}”.`)
  if (from.routed?.length && familyOf(address) === 6) return { ...way, steps: [{ title, detail: `${address} is outside network “${network.name}”${home && pod ? `, and routed to pod “${pod.name}” of network “${home.network.name}”` : ''}: pod “${from.name}” speaks to it from its floating address ${from.routed[0]}.`, passes: true, rule }], targets: [{ address, port, pod, world: home ?? null }], certain: home !== undefined, advice: null }
  return { ...way, steps: [{ title, detail: `${address} is outside network “${network.name}”: it is reached through the host’s address (NAT), unless it is a host’s own.`, passes: true, rule }], targets: [{ address, port, pod: null, world: null }], certain: false, advice: null }
}

function toService(map: Surroundings, from: WorldPod, service: WorldService, asked: string | null, protocol: ReachabilityQuestion['protocol'], given: number | null): Way {
  const { name } = service
  const title = `Service ${name}`
  const stop = (detail: string, path: string, advice: string, dial: Way['dial'] = null) => nowhere({ name, dial }, [{ title, detail, passes: false, rule: serviceLink(service, path) }], advice)
  if (service.externalName !== null) return stop(`It is another name for ${service.externalName}, and has no address of its own.`, 'spec.externalName', `Ask about an address of ${service.externalName}.`)
  if (protocol === 'icmp') return stop('A service answers on its ports alone: it cannot be pinged.', 'spec.ports', 'Choose TCP or UDP and a port.', asked === null ? null : { address: asked, port: null })
  const ofProtocol = service.ports.filter((one) => one.protocol === protocol)
  if (given === null && ofProtocol.length > 1) throw invalidInput([{ path: 'port', line: null, message: `is needed: service "${name}" has the ports ${ofProtocol.map(({ port }) => port).join(', ')} of ${protocol.toUpperCase()}` }])
  const headless = service.addresses.length === 0
  const address = asked ?? commonAddress(from, service.addresses) ?? null
  // A headless service has no address: who asks its name dials its pods, on whatever port.
  const port = ofProtocol.find((one) => given === null || one.port === given)
  const dial = address === null ? null : { address, port: given ?? port?.port ?? null }
  if (!port) return stop(`It does not serve ${protocol.toUpperCase()}${given === null ? '' : ` ${given}`}: ${service.ports.length === 0 ? 'it has no ports' : `its ports are ${service.ports.map((one) => `${one.protocol.toUpperCase()} ${one.port}`).join(', ')}`}.`, 'spec.ports', 'Choose one of its ports, or add this one to its spec.', dial)
  const path = `spec.ports[${service.ports.indexOf(port)}]`
  const family = familyOf(address ?? from.addresses[0] ?? '')
  if (!headless && address === null) return stop(`Pod “${from.name}” and service “${name}” have no address of the same family.`, 'spec.ipFamilies', 'Give the network of both a subnet of the other family.')
  const ready = port.endpoints.filter((one) => familyOf(one.address) === family)
  const taken = service.localOnly ? ready.filter((one) => one.hostId === null || one.hostId === from.hostId) : ready
  if (ready.length === 0) return stop('None of its pods is ready: a connection goes nowhere.', 'spec.selector', 'Look at the service’s endpoints: are its pods running and ready, and does its selector name them?', dial)
  if (taken.length === 0) return stop(`None of its ${ready.length} ready endpoints is on the host of pod “${from.name}”, and its internalTrafficPolicy is Local.`, 'spec.internalTrafficPolicy', 'Set internalTrafficPolicy to Cluster, or run one of its pods on each host.', dial)
  const where = headless ? `its name leads to ${count(taken.length)}` : `${address} port ${port.port} leads to ${count(taken.length)}`
  const targets = taken.map(({ address: at, port: number }): Target => endpointTarget(map, from, at, number))
  const [first] = taken
  return { name, dial: headless ? (first ? { address: first.address, port: first.port } : null) : dial, steps: [{ title, detail: `${where.charAt(0).toUpperCase()}${where.slice(1)}.`, passes: true, rule: serviceLink(service, path) }], targets, certain: targets.every((target) => target.world !== null || target.blocked !== undefined), advice: null }
}

/** An endpoint that somebody wrote may lie outside, where the network may have no way to. */
function endpointTarget(map: Surroundings, from: WorldPod, address: string, port: number): Target {
  const { world } = map
  if (isOwn(world.rules, address)) return { address, port, pod: podAt(world, address) ?? null, world }
  if (world.peers.some(({ subnets }) => subnets.some((cidr) => holdsAddress(cidr, address)))) return { address, port, pod: null, world: null }
  const { steps: [step], targets, advice } = toOutside(map, from, address, port)
  return { address, port, pod: null, world: null, ...(targets.length === 0 && step && { blocked: { step, advice: advice ?? '' } }) }
}

const count = (endpoints: number): string => (endpoints === 1 ? 'one ready endpoint' : `${endpoints} ready endpoints`)
