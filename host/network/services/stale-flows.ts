import type { NetworkPod } from '@/contracts/host/v1/networks'
import { formatIp, parseIp, parseSubnet, type Family } from '@/domain/shared/ip'
import { localAddresses, serviceElements } from './service-elements'
import type { ServiceState } from './service-section'

/** Connections of one kind: who asked for this address and port of a service and was led to this endpoint. */
export type ServiceFlow = { family: Family; protocol: 'tcp' | 'udp'; address: string; port: number; endpoint: string; endpointPort: number }

const LINE = /^(tcp|udp) .*?\bsrc=\S+ dst=(\S+) sport=\d+ dport=(\d+) .*?\bsrc=(\S+) dst=\S+ sport=(\d+) dport=\d+/

/** Kinds of connections that one look keeps in mind; more are looked at another time. */
const MOST_KINDS = 100_000

/** Reads a line that `conntrack -L` prints; each kind of connection is kept once. Other protocols are left out. */
export function readFlow(line: string, flows: Map<string, ServiceFlow>): void {
  const [, protocol, to = '', port, from = '', fromPort] = LINE.exec(line) ?? []
  if (protocol !== 'tcp' && protocol !== 'udp') return
  const key = `${protocol} ${to} ${port} ${from} ${fromPort}`
  if (flows.has(key) || flows.size >= MOST_KINDS) return
  const address = parseIp(to)
  flows.set(key, { family: address.family, protocol, address: formatIp(address), port: Number(port), endpoint: formatIp(parseIp(from)), endpointPort: Number(fromPort) })
}

/**
 * Those that lead where nobody answers any more. UDP has no end of its own: a client that goes on sending would stay at an endpoint which
 * takes no more, so it is led to another at once. TCP ends itself as long as a pod with the endpoint's address may run; without one the
 * next packet of the client goes to another endpoint, which resets what it does not know.
 */
export function staleFlows(flows: readonly ServiceFlow[], state: ServiceState): ServiceFlow[] {
  const local = localAddresses(state)
  const led = new Map<string, Set<string>>()
  for (const service of state.services) {
    for (const { endpoints } of serviceElements(service, local)) {
      for (const [key, endpoint] of endpoints) {
        const port = key.slice(0, key.lastIndexOf(' . '))
        const all = led.get(port) ?? new Set()
        led.set(port, all.add(endpoint))
      }
    }
  }
  const pods = new Set(livingPods(state).flatMap(({ addresses }) => addresses.map((address) => formatIp(parseIp(address)))))
  return flows.filter(({ protocol, address, port, endpoint, endpointPort }) => {
    if (led.get(`${address} . ${protocol} . ${port}`)?.has(`${endpoint} . ${endpointPort}`)) return false
    return protocol === 'udp' || !pods.has(endpoint)
  })
}

/** Pods that may run: all but those of this host that have no place in its network, since they ended or did not start yet. */
export function livingPods({ pods, ports }: Pick<ServiceState, 'pods' | 'ports'>): NetworkPod[] {
  const here = new Set(ports.map(({ uid }) => uid))
  const thisHost = new Set(pods.filter(({ uid }) => here.has(uid)).map(({ hostId }) => hostId))
  thisHost.delete(null)
  return pods.filter(({ uid, hostId }) => here.has(uid) || !thisHost.has(hostId))
}

/** Arguments of `conntrack` that list what was asked of service addresses, a command for each subnet. */
export const listFlowArguments = (serviceCidrs: readonly string[]): string[][] => serviceCidrs.map((cidr) => ['-L', '-f', parseSubnet(cidr).family === 4 ? 'ipv4' : 'ipv6', '-d', cidr])

/** Arguments of `conntrack` that make the kernel forget a flow's connections, and none of another address, port or endpoint. */
export const forgetFlowArguments = ({ family, protocol, address, port, endpoint, endpointPort }: ServiceFlow): string[] =>
  ['-D', '-f', family === 4 ? 'ipv4' : 'ipv6', '-p', protocol, '--orig-dst', address, '--orig-port-dst', String(port), '--reply-src', endpoint, '--reply-port-src', String(endpointPort)]
