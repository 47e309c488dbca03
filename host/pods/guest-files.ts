/** /etc/hosts in every container of a pod: loopback and the pod's own name, as the kubelet writes it. */
export function hostsFile(hostname: string, address: string): string {
  return [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    `${address}\t${hostname}`,
    '',
  ].join('\n')
}

/** /etc/resolv.conf: the network's resolvers; without any the file is there and names none. */
export const resolverFile = (servers: readonly string[]): string => servers.map((server) => `nameserver ${server}\n`).join('')
