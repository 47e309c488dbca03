import { icmpTypeName } from '@/domain/security-group/icmp-types'
import type { SecurityGroupRule } from '@/domain/security-group/spec'

const protocols = { any: 'Any', tcp: 'TCP', udp: 'UDP', icmp: 'ICMP', icmpv6: 'ICMPv6' } as const
export const protocolWord = (protocol: SecurityGroupRule['protocol']): string => protocols[protocol]

/** "80, 8000-8100", "echo-request", or "All". */
export function portsWords({ protocol, ports, icmpTypes }: Pick<SecurityGroupRule, 'protocol' | 'ports' | 'icmpTypes'>): string {
  if (ports) return ports.map(({ port, endPort }) => (endPort === undefined || endPort === port ? String(port) : `${port}-${endPort}`)).join(', ')
  if (icmpTypes && (protocol === 'icmp' || protocol === 'icmpv6')) return icmpTypes.map((type) => icmpTypeName(protocol, type)).join(', ')
  return 'All'
}
