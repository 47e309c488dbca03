import type { PodSpec } from '@/domain/pod/spec'

/** /etc/hosts in every container of a pod: loopback, the pod's own name and its hostAliases, as the kubelet writes it. */
export function hostsFile(hostname: string, address: string, aliases: PodSpec['hostAliases'] = []): string {
  return [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    `${address}\t${hostname}`,
    ...(aliases.length > 0 ? ['', '# Entries added by HostAliases.', ...aliases.map(({ ip, hostnames }) => `${ip}\t${hostnames.join('\t')}`)] : []),
    '',
  ].join('\n')
}

/** More resolvers than libc looks at are of no use. Source: resolv.conf(5), MAXNS. */
const maxNameservers = 3

/**
 * /etc/resolv.conf: the network's resolvers (none of them with dnsPolicy None), then what dnsConfig adds; an option of
 * dnsConfig goes before one of the same name. Without any the file is there and names none.
 * Source: kubernetes pkg/kubelet/network/dns, appendDNSConfig.
 */
export function resolverFile(servers: readonly string[], { dnsPolicy, dnsConfig }: Partial<Pick<PodSpec, 'dnsPolicy' | 'dnsConfig'>> = {}): string {
  const nameservers = [...new Set([...(dnsPolicy === 'None' ? [] : servers), ...(dnsConfig?.nameservers ?? [])])].slice(0, maxNameservers)
  const searches = [...new Set(dnsConfig?.searches ?? [])]
  const options = new Map((dnsConfig?.options ?? []).map(({ name, value }) => [name, value]))
  const lines = [
    ...nameservers.map((server) => `nameserver ${server}`),
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...(options.size > 0 ? [`options ${[...options].map(([name, value]) => (value ? `${name}:${value}` : name)).join(' ')}`] : []),
  ]
  return lines.map((line) => `${line}\n`).join('')
}
