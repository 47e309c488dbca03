import type { PodSpec } from '@/domain/pod/spec'

/** What a pod is called. `fullName`: below its subdomain, where it has one and its network has names. */
export type PodName = { hostname: string; fullName: string | null }

/** /etc/hosts in every container of a pod: loopback, the pod's own names at each of its addresses, and its hostAliases, as the kubelet writes it. */
export function hostsFile({ hostname, fullName }: PodName, addresses: readonly string[], aliases: PodSpec['hostAliases'] = []): string {
  return [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...addresses.map((address) => [address, ...(fullName === null ? [] : [fullName]), hostname].join('\t')),
    ...(aliases.length > 0 ? ['', '# Entries added by HostAliases.', ...aliases.map(({ ip, hostnames }) => `${ip}\t${hostnames.join('\t')}`)] : []),
    '',
  ].join('\n')
}

/** More resolvers than libc looks at are of no use. Source: resolv.conf(5), MAXNS. */
const maxNameservers = 3

/** Whom a pod may ask: `servers` of its network with the names of `domain` (null: there are none), or those of its host. */
export type PodResolvers = { servers: readonly string[]; hostServers: readonly string[]; domain: string | null; namespace: string }

type DnsSpec = Partial<Pick<PodSpec, 'dnsPolicy' | 'dnsConfig'>>
type Resolving = { nameservers: readonly string[]; searches: readonly string[]; options: readonly (readonly [name: string, value: string | undefined])[] }

/** A pod that follows its network completes short names there; one that follows its host asks whom that asks. Source: kubernetes pkg/kubelet/network/dns, GetPodDNS. */
function followed({ servers, hostServers, domain, namespace }: PodResolvers, policy: DnsSpec['dnsPolicy']): Resolving {
  if (policy === 'None') return { nameservers: [], searches: [], options: [] }
  if (policy === 'Default') return { nameservers: hostServers, searches: [], options: [] }
  if (domain === null) return { nameservers: servers, searches: [], options: [] }
  return { nameservers: servers, searches: [`${namespace}.svc.${domain}`, `svc.${domain}`, domain], options: [['ndots', '5']] }
}

/**
 * /etc/resolv.conf: what its policy says, then what dnsConfig adds; an option of dnsConfig goes before one of the same name. Without any the file
 * is there and names none. Source: kubernetes pkg/kubelet/network/dns, appendDNSConfig.
 */
export function resolverFile(resolvers: PodResolvers, { dnsPolicy, dnsConfig }: DnsSpec = {}): string {
  const policy = followed(resolvers, dnsPolicy)
  const nameservers = [...new Set([...policy.nameservers, ...(dnsConfig?.nameservers ?? [])])].slice(0, maxNameservers)
  const searches = [...new Set([...policy.searches, ...(dnsConfig?.searches ?? [])])]
  const options = new Map([...policy.options, ...(dnsConfig?.options ?? []).map(({ name, value }) => [name, value] as const)])
  const lines = [
    ...nameservers.map((server) => `nameserver ${server}`),
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...(options.size > 0 ? [`options ${[...options].map(([name, value]) => (value ? `${name}:${value}` : name)).join(' ')}`] : []),
  ]
  return lines.map((line) => `${line}\n`).join('')
}
