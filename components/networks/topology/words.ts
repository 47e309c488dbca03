import type { NetworkTopology } from '@/domain/network/topology'
import { formatCount } from '@/components/client/formats'
import type { TopologyEdge, TopologyNode } from './graph'
import type { TopologyPod, TopologyService } from './groups'
import { lookOf } from './pod-look'
import type { WayBalancer } from './ways-in'

const joined = (parts: ReadonlyArray<string | false>) => parts.filter(Boolean).join(', ')

/** A pod as one sentence, for who does not see the drawing. */
export const podName = ({ name, namespace, addresses, ...state }: TopologyPod, services: readonly string[]): string =>
  joined([`Pod ${name} in ${namespace}`, lookOf(state).word, addresses.map(({ address }) => address).join(' and ') || 'no address', services.length > 0 && `of ${services.length === 1 ? 'service' : 'services'} ${services.join(', ')}`])

/** A service as one sentence; one that stands for a name elsewhere has no pods to count. */
export const serviceName = ({ name, namespace, externalName, addresses, ports, pods }: TopologyService): string =>
  externalName !== null
    ? joined([`Service ${name} in ${namespace}`, `a name for ${externalName}`])
    : joined([`Service ${name} in ${namespace}`, addresses.join(' and ') || 'headless', ports.length > 0 && `ports ${ports.join(', ')}`, formatCount(pods.length, 'pod')])

/** What passes between a network and the outside; `ways`: how many floating addresses lead into it. */
export const outsideWords = (outbound: 'nat' | 'none', ways: number) => ({ title: 'Outside', detail: ways > 0 ? `${outbound === 'nat' ? 'Out by NAT' : 'Nothing out'}, ${formatCount(ways, 'address', 'addresses')} in` : outbound === 'nat' ? 'Out through NAT, nothing in' : 'Closed both ways' })

/** What a node is, as its accessible name says it. */
export function nodeName(node: TopologyNode): string {
  switch (node.kind) {
    case 'outside': { const { title, detail } = outsideWords(node.outbound, node.ways); return `${title}: ${detail}` }
    case 'address': return joined([`Floating address ${node.address.name}`, node.address.address, !node.address.active && 'not active'])
    case 'balancer': return balancerName(node.balancer)
    case 'peer': return peerName(node.peer)
    case 'network': return `Network ${node.network.name}`
    case 'box': return joined([`Subnet ${node.subnet.name}`, node.subnet.cidr, formatCount(node.pods, 'pod')])
    case 'pod': return podName(node.pod, node.services)
    case 'group': return `${formatCount(node.group.pods.length, 'pod')} of ${node.group.title}`
    case 'service': return serviceName(node.service)
    case 'more': return formatCount(node.count, `more ${node.of}`, `more ${node.of}${node.of === 'floating address' ? 'es' : 's'}`)
    case 'route': return joined([`Route to ${node.route.destination}`, `via ${node.route.via}`, !node.known && 'which no pod holds'])
  }
}

/** A balancer as one sentence. */
export const balancerName = ({ source, namespace, name, phase, listeners, pods }: WayBalancer): string => joined([`Balancer of ${source} ${name} in ${namespace}`, phase.toLowerCase(), listeners.length > 0 && `ports ${listeners.join(', ')}`, formatCount(pods.length, 'pod')])

const peerName = ({ network, tenant, active }: NetworkTopology['peers'][number]) => joined([`Peer network ${network}`, tenant && `of ${tenant}`, active ? 'active' : 'not active'])

/** A line as one sentence. */
export const edgeName = (edge: TopologyEdge, names: ReadonlyMap<string, string>): string => `${names.get(edge.from) ?? edge.from} – ${names.get(edge.to) ?? edge.to}${edge.tone === 'closed' ? ', closed' : ''}`
