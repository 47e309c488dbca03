import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { NetworkObject, NetworkService } from '@/contracts/host/v1/networks'
import { openForTests } from '@/tools/testing/cleanup-after-all'
import type { Attachment } from '../attachment'
import type { HostNetwork } from '../host-network'
import { tapName } from '../names'
import { Lab, network, pod, until } from '../testing/lab'
import { Peer } from './testing/peer'
import { service } from './testing/service-world'

let lab: Lab
let hosts: HostNetwork
let client: Peer
let servers: Peer[]
const hostId = randomUUID()
const six = { cidr: 'fd00::/64', gateway: 'fd00::1' }
const spec = { ...network(1, { ipv6: six }), id: randomUUID() }
const place = (last: number) => ({ ...pod(randomUUID(), last), ipv6: { address: `fd00::${last.toString(16)}`, prefixLength: 64 } })
const [own, first, second] = [place(5), place(11), place(12)]
const base: NetworkObject = { kind: 'network', number: 1, name: 'net', tenantId: 'a'.repeat(32), subnets: [{ name: 'default', cidr: spec.cidr, gateway: spec.gateway }, { name: 'six', ...six }], serviceCidrs: ['10.96.0.0/16', 'fd00:96::/112'], routes: [], outbound: 'none', mtu: 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } }
const podObject = ({ uid, address, ipv6: { address: address6 } }: typeof own): NetworkObject => ({ kind: 'pod', uid, namespace: 'default', name: uid, hostname: 'pod', subdomain: null, hostId, addresses: [address, address6] })
const ipv4 = (one: NetworkService): NetworkService => ({ ...one, addresses: one.addresses.slice(0, 1) })
const say = (complete: boolean, set: NetworkObject[], remove: string[] = []) => hosts.applyObjects(spec.id, { kind: 'networkObjects', networkId: spec.id, complete, set, remove })
const [web, dns] = [(endpoints: string[]) => ipv4(service(1, endpoints)), (endpoints: string[]) => ipv4(service(2, endpoints, { protocol: 'udp', port: 53 }))]

openForTests(async (cleanup) => {
  lab = await cleanup.open('the lab', Lab.create(), (one) => one.destroy())
  hosts = lab.hostNetwork()
  cleanup.add('the network', () => hosts.close())
  await say(true, [base, ...[own, first, second].map(podObject), web([first.address, second.address]), dns([first.address])])
  const start = async (one: typeof own) => {
    const peer = Peer.start(await lab.start(hosts, { network: spec, pod: one } satisfies Attachment))
    cleanup.add('a pod', () => peer.stop())
    return peer
  }
  client = await start(own)
  servers = [await start(first), await start(second)]
  await Promise.all(servers.flatMap((server, at) => (['tcp', 'udp'] as const).flatMap((protocol) => [[first, second][at]!.address, [first, second][at]!.ipv6.address].map((address) => server.serve({ protocol, address, port: 8080 }, String(at))))))
  await lab.reaches(client.namespace, second.address)
})

describe('services of a host’s network', () => {
  it('work from the first packet of a pod on, and are refused where nothing is', async () => {
    expect(new Set(await client.ask({ address: '10.96.0.1', port: 80 }, 30))).toEqual(new Set(['0', '1']))
    expect(await client.ask({ address: '10.96.0.2', port: 53, protocol: 'udp' }, 3)).toEqual(['0', '0', '0'])
    expect(await client.ask({ address: '10.96.0.1', port: 81 })).toEqual(['refused'])
    expect(await client.ask({ address: '10.96.0.9', port: 80, protocol: 'udp' })).toEqual(['refused'])
    expect(await servers[0]!.ask({ address: '10.96.0.2', port: 53, protocol: 'udp' })).toEqual(['0'])
  })

  it('work in IPv6 as in IPv4, of which they may have both', async () => {
    const web6 = service(4, [first.ipv6.address, second.ipv6.address])
    const dns6 = service(5, [second.address, second.ipv6.address], { protocol: 'udp', port: 53, affinitySeconds: 600 })
    await say(false, [web6, dns6])
    expect(new Set(await client.ask({ address: 'fd00:96::4', port: 80 }, 30))).toEqual(new Set(['0', '1']))
    expect(await client.ask({ address: '10.96.0.4', port: 80 })).toEqual(['refused'])
    expect(await client.ask({ address: 'fd00:96::4', port: 81 })).toEqual(['refused'])
    expect(await client.ask({ address: 'fd00:96::99', port: 53, protocol: 'udp' })).toEqual(['refused'])
    for (const address of ['10.96.0.5', 'fd00:96::5']) {
      expect(await client.ask({ address, port: 53, protocol: 'udp' }, 3)).toEqual(['1', '1', '1'])
      expect(await servers[1]!.ask({ address, port: 53, protocol: 'udp' })).toEqual(['1'])
    }
    expect((await hosts.serviceCounters()).get(web6.uid)?.connections).toBe(30)
    await say(false, [], [`service/${web6.uid}`, `service/${dns6.uid}`])
  })

  it('follow a message at once; UDP moves on, TCP stays until the endpoint’s pod is gone', async () => {
    await say(false, [web([first.address])])
    expect(await client.open('tcp', { address: '10.96.0.1', port: 80 })).toBe('0')
    await client.open('udp', { address: '10.96.0.2', port: 53, protocol: 'udp' })
    expect(await client.say('udp', 'who')).toBe('0')
    await say(false, [web([second.address]), dns([second.address])])
    expect(await client.ask({ address: '10.96.0.1', port: 80 }, 5)).toEqual(Array(5).fill('1'))
    await until(async () => await client.say('udp', 'who') === '1')
    expect(await client.say('tcp', 'still here')).toBe('still here')
    await say(false, [], [`pod/${first.uid}`])
    await until(async () => await client.say('tcp', 'still here') !== 'still here')
    expect(await client.say('tcp', 'gone')).toBe('refused')
  })

  it('are no change of another’s when packets write into their sets, and keep what those hold', async () => {
    await say(false, [ipv4(service(3, [second.address], { affinitySeconds: 600 }))])
    await hosts.mend()
    expect(await client.ask({ address: '10.96.0.3', port: 80 })).toEqual(['1'])
    expect(await hosts.mend()).toEqual({ repairs: [], lostTaps: [] })
    expect((await lab.in(`hyp-${lab.hostTag}-n1`, 'nft', 'list', 'map', 'inet', 'hypernetes', 'service_affinity')).stdout).toContain('expires')
    expect((await hosts.serviceCounters()).get(service(3, []).uid)?.connections).toBe(1)
    await say(false, [], [`service/${service(3, []).uid}`])
  })

  it('are counted, and go with their objects', async () => {
    await client.ask({ address: '10.96.0.1', port: 80 }, 31)
    const before = (await hosts.serviceCounters()).get(web([]).uid)!
    expect(before.connections).toBeGreaterThan(30)
    await client.ask({ address: '10.96.0.1', port: 80 }, 4)
    const after = (await hosts.serviceCounters()).get(web([]).uid)!
    expect(after.connections).toBe(before.connections + 4)
    expect(after.receivedBytes).toBeGreaterThan(before.receivedBytes)
    await say(false, [], [`service/${web([]).uid}`, `service/${dns([]).uid}`])
    expect(await hosts.serviceCounters()).toEqual(new Map())
    expect(await client.ask({ address: '10.96.0.1', port: 80 })).toEqual(['refused'])
    const { stdout } = await lab.in(`hyp-${lab.hostTag}-n1`, 'nft', 'list', 'table', 'inet', 'hypernetes')
    expect(stdout).not.toMatch(/service_(ports|endpoints|pick)/)
  })

  it('limit what a pod receives and sends as its place says, and while it runs', async () => {
    await hosts.attach({ network: spec, pod: { ...second, bandwidth: { ingress: 8_000_000, egress: 4_000_000 } } })
    const namespace = `hyp-${lab.hostTag}-n1`
    expect((await lab.in(namespace, 'tc', 'qdisc', 'show')).stdout).toContain('rate 8Mbit')
    expect((await lab.in(namespace, 'nft', 'list', 'table', 'inet', 'hypernetes')).stdout).toContain('limit rate over 500000 bytes/second')
    // Another program's changes are found and put right.
    await hosts.mend()
    expect(await hosts.mend()).toEqual({ repairs: [], lostTaps: [] })
    await lab.in(namespace, 'tc', 'qdisc', 'change', 'dev', tapName(second.uid), 'root', 'tbf', 'rate', '1gbit', 'burst', '100k', 'limit', '1m')
    expect((await hosts.mend()).repairs).toEqual([`${namespace}: bandwidth of ${tapName(second.uid)} set`])
    expect((await lab.in(namespace, 'tc', 'qdisc', 'show')).stdout).toContain('rate 8Mbit')
    expect(await hosts.mend()).toEqual({ repairs: [], lostTaps: [] })
    await hosts.attach({ network: spec, pod: second })
    expect((await lab.in(namespace, 'tc', 'qdisc', 'show')).stdout).not.toContain('tbf')
    expect((await lab.in(namespace, 'nft', 'list', 'table', 'inet', 'hypernetes')).stdout).not.toContain('limit rate')
  })

  it('end what is open to a pod that has left this host, also while its object is there', async () => {
    await say(false, [web([second.address])])
    expect(await client.open('left', { address: '10.96.0.1', port: 80 })).toBe('1')
    await hosts.detach(second.uid)
    await say(false, [web([first.address])])
    await until(async () => await client.say('left', 'still here', 500) === 'refused')
    expect(await client.ask({ address: '10.96.0.1', port: 80 })).toEqual(['0'])
  })
})
