import type { NetworkPolicyPeer, NetworkPolicySpec } from '@/domain/network-policy/spec'
import { selectorText } from './selector-words'

/** One line of a policy as people read it: whom and what a rule lets through. `id` names its place. */
export type PolicyLine = { id: string; direction: 'In' | 'Out'; peers: string[]; ports: string }

export function peerText({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer): string {
  if (ipBlock) return ipBlock.except.length > 0 ? `${ipBlock.cidr} without ${ipBlock.except.join(', ')}` : ipBlock.cidr
  const pods = podSelector ? `pods ${selectorText(podSelector)}` : 'all pods'
  return namespaceSelector ? `${pods} in namespaces ${selectorText(namespaceSelector)}` : `${pods} in its own namespace`
}

const portsText = (ports: NetworkPolicySpec['ingress'][number]['ports']): string =>
  ports.length === 0 ? 'All' : ports.map(({ protocol, port, endPort }) => `${protocol}${port === undefined ? '' : ` ${port}${endPort === undefined || endPort === port ? '' : `-${endPort}`}`}`).join(', ')

export const policyLines = ({ ingress, egress }: NetworkPolicySpec): PolicyLine[] => [
  ...ingress.map(({ from, ports }, i): PolicyLine => ({ id: `ingress[${i}]`, direction: 'In', peers: from.map(peerText), ports: portsText(ports) })),
  ...egress.map(({ to, ports }, i): PolicyLine => ({ id: `egress[${i}]`, direction: 'Out', peers: to.map(peerText), ports: portsText(ports) })),
]
