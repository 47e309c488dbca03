import { randomUUID } from 'node:crypto'
import type { NetworkObject, NetworkService } from '@/contracts/host/v1/networks'
import type { Attachment } from '@/host/network/attachment'
import type { HostNetwork } from '@/host/network/host-network'
import { Peer } from '@/host/network/services/testing/peer'
import { Lab, network, pod } from '@/host/network/testing/lab'
import type { Bench } from './promise'
import { describeTimes, median, percentile } from './statistics'

const few = 10
const many = 1000
const endpointsEach = 10
const rounds = 60
const floodSeconds = 0.2
const exchanges = 600
const connections = 100
const changes = 60
const port = 80

type Side = { id: string; client: Peer; server: Peer; serverAddress: string; objects: NetworkObject[]; services: NetworkService[] }

/** What it costs to go through a service, and whether many services cost more than few: two networks of one host, each with two namespaces that stand for pods. */
export const services: Bench = {
  name: 'services',
  title: 'Services in the kernel',
  promises: [
    { id: 'service-throughput', text: 'TCP throughput between two pods past a service, against the same through one', unit: '×', atMost: 1.11, digits: 2 },
    { id: 'service-latency', text: 'An exchange of one byte between two pods through a service, against the same past it', unit: '×', atMost: 1.15, digits: 2 },
    { id: 'service-change', text: `An endpoint leaves or enters, with ${many.toLocaleString('en')} services of ${endpointsEach} endpoints against ${few}: until the kernel has it`, unit: '×', atMost: 2, digits: 2 },
    { id: 'service-change-ms', text: `An endpoint leaves or enters, with ${many.toLocaleString('en')} services: from the host's being told until the kernel has it, p95`, unit: 'ms', atMost: 200, digits: 0 },
    { id: 'service-connect', text: `A new connection through a service, with ${many.toLocaleString('en')} services of ${endpointsEach} endpoints against ${few}`, unit: '×', atMost: 1.2, digits: 2 },
  ],
  run: async (say) => {
    const lab = await Lab.create()
    const hosts = lab.hostNetwork()
    const peers: Peer[] = []
    try {
      const [small, large] = [await side(lab, hosts, 1, few, peers), await side(lab, hosts, 2, many, peers)]
      const path = await throughService(small)
      say(`throughput ${median(path.past.rate).toFixed(0)} MB/s, through a service ${median(path.through.rate).toFixed(0)}; exchange ${median(path.past.exchange).toFixed(1)} µs, through a service ${median(path.through.exchange).toFixed(1)}`)
      const [connect, change] = [await newConnections(small, large), await changed(hosts, small, large)]
      say(`new connection ${median(connect.small).toFixed(0)} µs of ${few} services, ${median(connect.large).toFixed(0)} of ${many}; change ${median(change.small).toFixed(1)} ms, ${median(change.large).toFixed(1)}`)
      return {
        values: {
          'service-throughput': ratio(path.past.rate, path.through.rate), 'service-latency': ratio(path.through.exchange, path.past.exchange),
          'service-change': ratio(change.large, change.small), 'service-change-ms': percentile(change.large, 95), 'service-connect': ratio(connect.large, connect.small),
        },
        details: `Two networks of one host, each with two pods that are namespaces behind veths, not VMs: what is measured is the host's side. In turn, ${rounds} times each:
${floodSeconds} s of TCP, ${exchanges.toLocaleString('en')} exchanges of one byte one after another, ${connections} connections to their first byte one after another (${rounds} times). A change is an endpoint of one service that leaves or enters,
from the server's message to its transaction's end, ${changes} times each. Median (least to most, p95); promises are medians of the ratios of neighbours.

| | past a service | through a service |
|---|---|---|
| throughput, MB/s | ${describeTimes(path.past.rate)} | ${describeTimes(path.through.rate)} |
| an exchange, µs | ${describeTimes(path.past.exchange)} | ${describeTimes(path.through.exchange)} |

| | ${few} services | ${many.toLocaleString('en')} services |
|---|---|---|
| a new connection, µs | ${describeTimes(connect.small)} | ${describeTimes(connect.large)} |
| a change, ms | ${describeTimes(change.small)} | ${describeTimes(change.large)} |`,
      }
    } finally {
      await Promise.all(peers.map((peer) => peer.stop()))
      await hosts.close()
      await lab.destroy()
    }
  },
}

/** The median of the ratios of what was measured one right after the other: what else the machine does falls on both. */
const ratio = (values: readonly number[], to: readonly number[]): number => median(values.map((value, at) => value / (to[at] ?? NaN)))

const addressOf = (n: number): string => `10.96.${n >> 8}.${n & 255}`

/** A network with a client and a server, and so many services; the first leads to ${endpointsEach} ports of the server. */
async function side(lab: Lab, hosts: HostNetwork, number: number, count: number, peers: Peer[]): Promise<Side> {
  const spec = { ...network(number), id: randomUUID() }
  const [client, server] = [pod(randomUUID(), 5), pod(randomUUID(), 6)]
  const attached = (one: typeof client): Attachment => ({ network: spec, pod: one })
  const [clientPeer, serverPeer] = [Peer.start(await lab.start(hosts, attached(client))), Peer.start(await lab.start(hosts, attached(server)))]
  peers.push(clientPeer, serverPeer)
  for (let at = 0; at < endpointsEach; at++) await serverPeer.serve({ address: server.address, port: 8000 + at }, 'x')
  await serverPeer.serve({ address: server.address, port: 9000 }, 'sink', true)
  const service = (n: number, name: string, endpoints: { address: string; port: number }[]): NetworkService => ({
    kind: 'service', uid: randomUUID(), namespace: 'default', name, addresses: [addressOf(n)], externalName: null, localOnly: false, affinitySeconds: null, hosts: [],
    ports: [{ name: null, protocol: 'tcp', port, endpoints: endpoints.map((each) => ({ ...each, hostId: null })) }],
  })
  const own = Array.from({ length: endpointsEach }, (_, at) => ({ address: server.address, port: 8000 + at }))
  const services = Array.from({ length: count }, (_, n) => (n === 0 ? service(1, 'own', own) : n === 1 ? service(2, 'sink', [{ address: server.address, port: 9000 }]) : service(n + 1, `service-${n}`, own.map((_each, at) => ({ address: `10.0.0.${100 + at}`, port: 1024 + n })))))
  const base: NetworkObject = { kind: 'network', number, name: 'bench', tenantId: 'a'.repeat(32), subnets: [{ name: 'default', cidr: spec.cidr, gateway: spec.gateway }], serviceCidrs: ['10.96.0.0/16'], routes: [], outbound: 'none', mtu: 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } }
  const objects = [base, ...services]
  await hosts.applyObjects(spec.id, { kind: 'networkObjects', networkId: spec.id, complete: true, set: objects, remove: [] })
  await lab.reaches(clientPeer.namespace, server.address)
  return { id: spec.id, client: clientPeer, server: serverPeer, serverAddress: server.address, objects, services }
}

async function throughService({ client, server, serverAddress }: Side) {
  const results = { past: { rate: [] as number[], exchange: [] as number[] }, through: { rate: [] as number[], exchange: [] as number[] } }
  for (let round = 0; round < rounds; round++) {
    for (const way of round % 2 ? ['past', 'through'] as const : ['through', 'past'] as const) {
      const before = await server.number('received', { text: 'sink' })
      await client.number('flood', { ...(way === 'past' ? { address: serverAddress, port: 9000 } : { address: addressOf(2), port }), seconds: floodSeconds })
      results[way].rate.push((await server.number('received', { text: 'sink' }) - before) / floodSeconds / 1e6)
      const ms = await client.number('pingPong', { ...(way === 'past' ? { address: serverAddress, port: 8000 } : { address: addressOf(1), port }), times: exchanges })
      results[way].exchange.push(ms * 1000 / exchanges)
    }
  }
  return results
}

async function newConnections(small: Side, large: Side) {
  const times = { small: [] as number[], large: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const [name, one] of round % 2 ? [['small', small], ['large', large]] as const : [['large', large], ['small', small]] as const) {
      times[name].push(await one.client.number('connects', { address: addressOf(1), port, times: connections }) * 1000 / connections)
    }
  }
  return times
}

/** An endpoint of a service in the middle leaves, and comes back. */
async function changed(hosts: HostNetwork, small: Side, large: Side) {
  const times = { small: [] as number[], large: [] as number[] }
  for (let round = 0; round < changes; round++) {
    for (const [name, one] of [['small', small], ['large', large]] as const) {
      const service = one.services[one.services.length >> 1]
      if (!service) throw new Error('there is no service to change')
      const ports = round % 2 ? service.ports : service.ports.map((each) => ({ ...each, endpoints: each.endpoints.filter((_, at) => at !== 4) }))
      const from = performance.now()
      await hosts.applyObjects(one.id, { kind: 'networkObjects', networkId: one.id, complete: false, set: [{ ...service, ports }], remove: [] })
      times[name].push(performance.now() - from)
    }
  }
  return times
}
