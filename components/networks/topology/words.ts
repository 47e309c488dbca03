import type { NetworkTopology } from '@/domain/network/topology'
import { formatCount } from '@/components/client/formats'
import type { TopologyEdge, TopologyNode } from './graph'
import type { TopologyPod, TopologyService } from './groups'
import { lookOf } from './pod-look'

const joined = (parts: ReadonlyArray<string | false>) => parts.filter(Boolean).join(', ')

/** A pod as one sentence, for who does not see the drawing. */
export const podName = ({ name, namespace, addresses, ...state }: TopologyPod, services: readonly string[]): string =>
  joined([`Pod ${name} in ${namespace}`, lookOf(state).word, addresses.map(({ address }) => address).join(' and ') || 'no address', services.length > 0 && `of ${services.length === 1 ? 'service' : 'services'} ${services.join(', ')}`])

/** A service as one sentence; one that stands for a name elsewhere has no pods to count. */
export const serviceName = ({ name, namespace, externalName, addresses, ports, pods }: TopologyService): string =>
  externalName !== null
    ? joined([`Service ${name} in ${namespace}`, `a name for ${externalName}`])
    : joined([`Service ${name} in ${namespace}`, addresses.join(' and ') || 'headless', ports.length > 0 && `ports ${ports.join(', ')}`, formatCount(pods.length, 'pod')])

export const outboundWords = { nat: { title: 'Outside', detail: 'Out through NAT, nothing in' }, none: { title: 'Outside', detail: 'Closed both ways' } } as const

/** What a node is, as its accessible name says it. */
export function nodeName(node: TopologyNode): string {
  switch (node.kind) {
    case 'outside': return `${outboundWords[node.outbound].title}: ${outboundWords[node.outbound].detail}`
    case 'peer': return peerName(node.peer)
    case 'network': return `Network ${node.network.name}`
    case 'box': return joined([`Subnet ${node.subnet.name}`, node.subnet.cidr, formatCount(node.pods, 'pod')])
    case 'pod': return podName(node.pod, node.services)
    case 'group': return `${formatCount(node.group.pods.length, 'pod')} of ${node.group.title}`
    case 'service': return serviceName(node.service)
    case 'more': return `${formatCount(node.count, 'more service')}`
    case 'route': return joined([`Route to ${node.route.destination}`, `via ${node.route.via}`, !node.known && 'which no pod holds'])
  }
}

const peerName = ({ network, tenant, active }: NetworkTopology['peers'][number]) => joined([`Peer network ${network}`, tenant && `of ${tenant}`, active ? 'active' : 'not active'])

/** A line as one sentence. */
export const edgeName = (edge: TopologyEdge, names: ReadonlyMap<string, string>): string => `${names.get(edge.from) ?? edge.from} – ${names.get(edge.to) ?? edge.to}${edge.tone === 'closed' ? ', closed' : ''}`
