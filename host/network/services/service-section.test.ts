import { describe, expect, it, vi } from 'vitest'
import type { NetworkPod, NetworkService } from '@/contracts/host/v1/networks'
import { ExecError } from '@/platform/exec'
import { difference } from '../table/difference'
import { NETWORK_TABLE, type NftSection } from '../table/model'
import { OpenConnections } from './open-connections'
import { servicesLeftOut } from './service-elements'
import { serviceSection, type ServiceState } from './service-section'
import { forgetFlowArguments, readFlow, staleFlows, type ServiceFlow } from './stale-flows'

const uid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const service = (n: number, endpoints: [address: string, port: number][], fields: Partial<NetworkService> = {}): NetworkService => ({
  kind: 'service', uid: uid(n), namespace: 'default', name: `s-${n}`, addresses: [`10.96.0.${n}`], externalName: null, localOnly: false, affinitySeconds: null, hosts: [],
  ports: [{ name: null, protocol: 'tcp', port: 80, endpoints: endpoints.map(([address, port]) => ({ address, port, hostId: null })) }], ...fields,
})
const pod = (n: number, addresses: string[]): NetworkPod => ({ kind: 'pod', uid: uid(n), namespace: 'default', name: `p-${n}`, hostname: 'p', subdomain: null, hostId: null, addresses })
const state = (fields: Partial<ServiceState>): ServiceState => ({ subnets: [{ cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { cidr: '10.0.1.0/24', gateway: '10.0.1.1' }], serviceCidrs: ['10.96.0.0/16', 'fd00:96::/112'], services: [], ports: [], pods: [], ...fields })
const port = (n: number) => ({ uid: uid(n), address: '10.0.0.5', prefixLength: 24, mac: '02:00:00:00:00:05', runAsUid: 700_000 })
const elements = (section: NftSection, map: string) => Object.fromEntries(section.maps?.get(map)?.elements ?? [])
const change = (before: ServiceState, after: ServiceState) => difference(new Map([[NETWORK_TABLE, [serviceSection(before)]]]), new Map([[NETWORK_TABLE, [serviceSection(after)]]]))

describe('the section of services', () => {
  it('has of a network without services only what refuses their addresses, and nothing before the network is known', () => {
    expect([...serviceSection(state({ serviceCidrs: [] })).chains ?? []]).toEqual([['service_count', { rules: [] }], ['service_snat', { rules: [] }]])
    const { chains, maps, sets } = serviceSection(state({}))
    expect([...chains?.keys() ?? []]).toEqual(['service_reject', 'service_refuse', 'service_count', 'service_snat'])
    expect(maps?.size).toBe(0)
    expect(sets?.size).toBe(0)
  })

  it('is the same whatever the order of services and endpoints, and has each endpoint once', () => {
    const [a, b] = [service(1, [['10.0.0.9', 80], ['10.0.0.10', 81], ['10.0.0.10', 80]]), service(2, [['10.0.0.7', 80]])]
    const other = service(1, [['10.0.0.10', 80], ['10.0.0.9', 80], ['10.0.0.9', 80], ['10.0.0.10', 81]])
    expect(elements(serviceSection(state({ services: [a, b] })), 'service_endpoints4')).toEqual({
      '10.96.0.1 . tcp . 80 . 0x00000000': '10.0.0.9 . 80', '10.96.0.1 . tcp . 80 . 0x00000001': '10.0.0.10 . 80', '10.96.0.1 . tcp . 80 . 0x00000002': '10.0.0.10 . 81', '10.96.0.2 . tcp . 80 . 0x00000000': '10.0.0.7 . 80',
    })
    expect(change(state({ services: [a, b] }), state({ services: [b, other] })).trim()).toBe('')
  })

  it('keeps an address that two services claim with the first, and refuses none that is no service’s to have', () => {
    const section = serviceSection(state({ services: [service(2, [['10.0.0.8', 80]], { addresses: ['10.96.0.1'] }), service(1, [['10.0.0.7', 80]]), service(3, [['10.0.0.9', 80]], { addresses: ['10.0.0.5', '192.0.2.1'] })] }))
    expect(Object.keys(elements(section, 'service_ports4'))).toEqual(['10.96.0.1 . tcp . 80'])
    expect(Object.values(elements(section, 'service_endpoints4'))).toEqual(['10.0.0.7 . 80'])
  })

  it('leads nowhere that a pod may not send to by itself', () => {
    const hostile: [string, number][] = ['127.0.0.1', '169.254.169.254', '224.0.0.1', '0.0.0.0', '255.255.255.255'].map((address) => [address, 80])
    expect(serviceSection(state({ services: [service(1, hostile)] })).maps?.get('service_endpoints4')?.elements.size).toBe(0)
    const six: [string, number][] = ['::1', 'fe80::1', 'ff02::1', '::ffff:127.0.0.1'].map((address) => [address, 80])
    expect(serviceSection(state({ services: [service(1, [...six, ['fd00::7', 80]], { addresses: ['fd00:96::1'] })] })).maps?.get('service_endpoints6')?.elements.size).toBe(1)
  })

  it('leads to every endpoint that a port may have, and tells ways to choose apart', () => {
    const all = (n: number, affinitySeconds: number | null) => service(n, Array.from({ length: 2000 }, (_, at): [string, number] => [`10.0.${at >> 8}.${at & 255}`, 80]), { affinitySeconds })
    const section = serviceSection(state({ services: [all(1, null), all(2, 86_400), service(3, [['10.0.0.7', 80]], { affinitySeconds: 1 })] }))
    expect(section.maps?.get('service_endpoints4')?.elements.size).toBe(4001)
    const choices = elements(section, 'service_choices4')
    expect(Object.values(choices)).toEqual(expect.arrayContaining(['goto service_pick4_2000', 'goto service_sticky4_2000_86400', 'goto service_sticky4_1_1']))
    expect(Object.keys(choices).every((code) => /^0x[0-9a-f]{8}$/.test(code))).toBe(true)
  })

  it('has no more endpoints than a host bears: services beyond refuse their clients, and are named', () => {
    const large = (n: number) => service(n, [], { ports: Array.from({ length: 50 }, (_, at) => ({ name: null, protocol: 'tcp', port: 1 + at, endpoints: Array.from({ length: 900 }, (_each, to) => ({ address: `10.1.${to >> 8}.${to & 255}`, port: 80, hostId: null })) })) })
    const all = state({ services: [large(3), large(1), large(2), service(4, [['10.0.0.7', 80]])] })
    const section = serviceSection(all)
    expect(section.maps?.get('service_endpoints4')?.elements.size).toBe(90_001)
    expect(section.sets?.get('service_new4')?.elements).toEqual(['10.96.0.1', '10.96.0.2', '10.96.0.4'])
    expect(servicesLeftOut(all)).toEqual(['default/s-3'])
    expect(servicesLeftOut(state({ services: [large(1), large(2)] }))).toEqual([])
  })

  it('changes elements alone when an endpoint comes or goes', () => {
    const services = Array.from({ length: 50 }, (_, n) => service(n + 1, [['10.0.0.7', 80], ['10.0.0.8', 80], ['10.0.0.9', 80]]))
    const fewer = [...services.slice(0, 7), service(8, [['10.0.0.7', 80], ['10.0.0.9', 80]]), ...services.slice(8)]
    expect(change(state({ services }), state({ services: fewer })).trim().split('\n')).toEqual([
      'delete element inet hypernetes service_ports4 { 10.96.0.8 . tcp . 80 }',
      'delete element inet hypernetes service_endpoints4 { 10.96.0.8 . tcp . 80 . 0x00000001, 10.96.0.8 . tcp . 80 . 0x00000002 }',
      'add element inet hypernetes service_ports4 { 10.96.0.8 . tcp . 80 : 0x00000002 }',
      'add element inet hypernetes service_endpoints4 { 10.96.0.8 . tcp . 80 . 0x00000001 : 10.0.0.9 . 80 }',
    ])
  })

  it('gives an endpoint an id of its own where clients are remembered, which stays as others go', () => {
    const sticky = (...addresses: string[]) => serviceSection(state({ services: [service(1, addresses.map((address) => [address, 80]), { affinitySeconds: 60 })] }))
    const [all, some] = [elements(sticky('10.0.0.7', '10.0.0.8', '10.0.0.9'), 'service_endpoints4'), elements(sticky('10.0.0.7', '10.0.0.9'), 'service_endpoints4')]
    expect(Object.entries(all)).toEqual(expect.arrayContaining(Object.entries(some)))
    expect(new Set(Object.keys(all)).size).toBe(3)
    expect(Object.keys(elements(sticky('10.0.0.7'), 'service_ids4'))).toEqual(['10.96.0.1 . tcp . 80 . 0x00000000'])
  })

  it('lets the gateway of a pod’s own subnet ask for a pod of this host that reaches itself', () => {
    const section = serviceSection(state({ services: [service(1, [['10.0.0.7', 80]])], ports: [port(5), port(6)], pods: [pod(5, ['10.0.0.5']), pod(6, ['10.0.1.6', 'fd00::6']), pod(7, ['10.0.0.7'])] }))
    expect(elements(section, 'service_hairpin4')).toEqual({ '10.0.0.5 . 10.0.0.5': '10.0.0.1', '10.0.1.6 . 10.0.1.6': '10.0.1.1' })
  })
})

describe('open connections', () => {
  const printed = [
    'tcp      6 431998 ESTABLISHED src=10.0.0.5 dst=10.96.0.1 sport=40000 dport=80 src=10.0.0.7 dst=10.0.0.5 sport=8080 dport=40000 [ASSURED] mark=0 use=1',
    'tcp      6 431998 ESTABLISHED src=10.0.0.6 dst=10.96.0.1 sport=40001 dport=80 src=10.0.0.7 dst=10.0.0.6 sport=8080 dport=40001 [ASSURED] mark=0 use=1',
    'udp      17 29 src=10.0.0.5 dst=10.96.0.2 sport=40000 dport=53 [UNREPLIED] src=10.0.0.8 dst=10.0.0.5 sport=5353 dport=40000 mark=7 use=1',
    'tcp      6 100 SYN_SENT src=fd00::5 dst=fd00:96::1 sport=1 dport=80 [UNREPLIED] src=fd00::7 dst=fd00::5 sport=8080 dport=1 mark=0 use=1',
    'icmp     1 29 src=10.0.0.5 dst=10.96.0.1 type=8 code=0 id=1 [UNREPLIED] src=10.96.0.1 dst=10.0.0.5 type=0 code=0 id=1 mark=0 use=1',
    'nonsense', '',
  ].join('\n')
  const flowsOf = (text: string): ServiceFlow[] => {
    const flows = new Map<string, ServiceFlow>()
    for (const line of text.split('\n')) readFlow(line, flows)
    return [...flows.values()]
  }
  const [tcp, udp, tcp6] = flowsOf(printed)

  it('are read each kind once', () => {
    expect(flowsOf(printed)).toHaveLength(3)
    expect(tcp).toEqual({ family: 4, protocol: 'tcp', address: '10.96.0.1', port: 80, endpoint: '10.0.0.7', endpointPort: 8080 })
    expect(udp).toMatchObject({ protocol: 'udp', endpoint: '10.0.0.8', endpointPort: 5353 })
    expect(forgetFlowArguments(tcp6!)).toEqual(['-D', '-f', 'ipv6', '-p', 'tcp', '--orig-dst', 'fd00:96::1', '--orig-port-dst', '80', '--reply-src', 'fd00::7', '--reply-port-src', '8080'])
  })

  it('are stale where UDP’s endpoint takes no more, and where TCP’s pod is gone', () => {
    const flows = flowsOf(printed)
    const [services, pods] = [[service(1, [['10.0.0.7', 8080]])], [pod(7, ['10.0.0.7', 'fd00::7']), pod(8, ['10.0.0.8'])]]
    expect(staleFlows(flows, state({ services, pods }))).toEqual([udp])
    expect(staleFlows(flows, state({ services: [], pods: [] }))).toEqual([tcp, udp, tcp6])
    expect(staleFlows(flows, state({ services, pods: [] }))).toEqual([udp, tcp6])
    // On this host, and without a place there; its object is still there.
    const [running, ended] = [{ ...pod(5, ['10.0.0.5']), hostId: uid(900) }, { ...pod(7, ['10.0.0.7', 'fd00::7']), hostId: uid(900) }]
    expect(staleFlows(flows, state({ services: [], pods: [running, ended], ports: [port(5)] }))).toEqual([tcp, udp, tcp6])
    expect(staleFlows(flows, state({ services: [], pods: [running, ended], ports: [port(5), port(7)] }))).toEqual([udp])
    expect(staleFlows(flows, state({ services: [], pods: [running, { ...ended, hostId: uid(901) }], ports: [port(5)] }))).toEqual([udp])
  })

  it('are looked at once for many changes at a time, again after what is forgotten at once, and no more after the end', async () => {
    const lines = Array.from({ length: 130 }, (_, at) => `udp 17 29 src=10.0.0.5 dst=10.96.0.2 sport=1 dport=53 src=10.0.${at}.8 dst=10.0.0.5 sport=5353 dport=1 mark=0 use=1`)
    const ran: string[][] = []
    const stream = vi.fn((_: string, args: readonly string[], onLine?: (line: string) => void) => {
      ran.push([...args])
      if (args[0] === '-L') {
        if (onLine && args.includes('ipv4')) lines.forEach(onLine)
        return Promise.resolve()
      }
      lines.splice(lines.findIndex((line) => line.includes(`src=${args.at(-3)} `)), 1)
      return Promise.reject(new ExecError('conntrack', 1, null, '0 flow entries have been deleted', 'exit 1'))
    })
    const warn = vi.fn()
    const connections = new OpenConnections({ stream }, { warn }, 0)
    for (let n = 0; n < 5; n += 1) connections.follow(state({ services: [service(1, [['10.0.0.7', 80 + n]])] }))
    await connections.settled()
    expect(ran.filter(([verb]) => verb === '-D')).toHaveLength(130)
    expect(ran.filter(([verb]) => verb === '-L').length).toBeLessThanOrEqual(6)
    expect(warn).not.toHaveBeenCalled()
    stream.mockRejectedValueOnce(new ExecError('nsenter', 1, null, 'cannot open', 'exit 1'))
    connections.follow(state({ services: [service(1, [])] }))
    await connections.settled()
    expect(warn).toHaveBeenCalledTimes(1)
    connections.stop()
    const before = ran.length
    connections.follow(state({ services: [service(1, [['10.0.0.7', 1]])] }))
    await connections.settled()
    expect(ran).toHaveLength(before)
  })
})
