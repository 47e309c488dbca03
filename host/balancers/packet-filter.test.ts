import { describe, expect, it } from 'vitest'
import { defaultOptions, type BalancerBackend, type BalancerListener } from '@/domain/load-balancer/model'
import { wholeTables } from '@/host/network/table/whole'
import { balancerTables, udpTargets } from './packet-filter'

const listener = (port: number, protocol: BalancerListener['protocol'], backend: string): BalancerListener => ({ port, protocol, certificates: [], rules: [], defaultBackend: backend, redirectToHttps: null, acceptProxy: false })
const backend = (name: string, mode: BalancerBackend['mode'], algorithm: BalancerBackend['algorithm'] = 'roundrobin'): BalancerBackend => ({ name, mode, protocol: 'http1', sendProxy: false, algorithm, stickyCookie: null })
const balancer = { addresses: ['198.18.100.7', 'fd00:100::7'], listeners: [listener(80, 'http', 'web'), listener(53, 'udp', 'dns')], backends: [backend('web', 'http'), backend('dns', 'udp', 'source')], options: { ...defaultOptions, allow: ['203.0.113.0/24'], ratePerSecond: 5 }, network: { inner: ['10.0.0.9'] } }

describe('what a balancer\'s namespace lets through', () => {
  const servers = new Map([['web', [{ address: '10.0.0.2', port: 8080, weight: 100 }, { address: 'fd00::2', port: 8080, weight: 100 }]], ['dns', [{ address: '10.0.0.3', port: 5353, weight: 100 }, { address: '10.0.0.4', port: 5353, weight: 50 }, { address: '10.0.0.5', port: 5353, weight: 0 }]]])
  const text = wholeTables(balancerTables(balancer, servers).tables)

  it('names ports of TCP for HAProxy, and its servers alone as where it may connect', () => {
    expect(text).toMatch(/set ports \{\s+type inet_service\s+elements = \{ 80 \}/)
    expect(text).toMatch(/set backends4 \{\s+type ipv4_addr \. inet_service\s+elements = \{ 10\.0\.0\.2 \. 8080 \}/)
    expect(text).toMatch(/set backends6 \{\s+type ipv6_addr \. inet_service\s+elements = \{ fd00::2 \. 8080 \}/)
  })

  it('shares UDP by weight in the shortest round, and leads nothing new to weight 0', () => {
    expect(text).toContain('elements = { 0x00000000 : 10.0.0.3 . 5353, 0x00000001 : 10.0.0.3 . 5353, 0x00000002 : 10.0.0.4 . 5353 }')
    expect(text).toContain('jhash ip saddr mod 3')
    expect([...udpTargets(balancer, servers).get(53) ?? []]).toEqual(['10.0.0.3 . 5353', '10.0.0.4 . 5353'])
  })

  it('has a limit of UDP for each family, also where nobody answers in it', () => {
    const limited = wholeTables(balancerTables(balancer, new Map()).tables)
    for (const set of limited.matchAll(/@(\w+)/g)) expect(limited).toMatch(new RegExp(`set ${set[1] ?? ''} \\{`))
  })

  it('remembers nothing of TCP, and looks at connections only where UDP needs it', () => {
    expect(text).toContain('meta l4proto tcp notrack')
    const alone = wholeTables(balancerTables({ ...balancer, listeners: balancer.listeners.filter(({ protocol }) => protocol !== 'udp') }, servers).tables)
    expect(alone).not.toMatch(/\bct |type nat|notrack/)
  })

  it('has no way for UDP of a family nobody answers in', () => {
    expect(text).not.toContain('udp6_to_53')
    expect(udpTargets(balancer, new Map()).size).toBe(0)
  })
})
