import { describe, expect, it } from 'vitest'
import type { NetworkBase, NetworkObject, NetworkPod, NetworkService } from '@/contracts/host/v1/networks'
import { dashed, isName, namesOf, reverseDomain } from './names'

const base: NetworkBase = { kind: 'network', number: 1, name: 'default', tenantId: 't', subnets: [], serviceCidrs: [], routes: [], outbound: 'nat', mtu: 1450, dns: { domain: 'cluster.local', upstream: true, nameservers: [] } }
const uid = '00000000-0000-4000-8000-000000000001'
const pod = (name: string, addresses: string[]): NetworkPod => ({ kind: 'pod', uid, namespace: 'default', name, hostname: name.slice(0, 63), subdomain: null, hostId: null, addresses })
const service = (rest: Partial<NetworkService>): NetworkService => ({ kind: 'service', uid, namespace: 'default', name: 'web', addresses: [], externalName: null, localOnly: false, affinitySeconds: null, ports: [], hosts: [], ...rest })
const names = (...objects: NetworkObject[]) => namesOf(base, objects)
const of = (address: string, ...objects: NetworkObject[]) => names(...objects).hosts.get(address)
const endpoint = (address: string, port: number) => ({ address, port, hostId: null })

describe('the names of a network', () => {
  it('of a service with addresses are its own, of both families, with a record a named port', () => {
    const web = service({ addresses: ['10.96.0.5', 'fd00:1::5'], ports: [{ name: 'http', protocol: 'tcp', port: 80, endpoints: [endpoint('10.0.0.5', 8080)] }, { name: null, protocol: 'udp', port: 53, endpoints: [] }], hosts: [{ hostname: null, address: '10.0.0.5' }] })
    expect(names(web)).toEqual({
      hosts: new Map([['10.96.0.5', ['web.default.svc.cluster.local']], ['fd00:1::5', ['web.default.svc.cluster.local']]]),
      services: [{ name: '_http._tcp.web.default.svc.cluster.local', target: 'web.default.svc.cluster.local', port: 80 }],
      aliases: [],
    })
  })

  it('of a headless service are those of its ready endpoints, and each has one below it', () => {
    const web = service({ ports: [{ name: 'http', protocol: 'tcp', port: 80, endpoints: [endpoint('10.0.0.5', 8080), endpoint('10.0.0.6', 8080), endpoint('10.0.0.7', 8080)] }], hosts: [{ hostname: 'web-0', address: '10.0.0.5' }, { hostname: null, address: '10.0.0.6' }] })
    expect(of('10.0.0.5', web)).toEqual(['web-0.web.default.svc.cluster.local', 'web.default.svc.cluster.local'])
    expect(of('10.0.0.6', web)).toEqual(['10-0-0-6.web.default.svc.cluster.local', 'web.default.svc.cluster.local'])
    expect(names(web).services.map(({ target, port }) => [target, port])).toEqual([['web-0.web.default.svc.cluster.local', 8080], ['10-0-0-6.web.default.svc.cluster.local', 8080]])
  })

  it('of a pod are its name and its addresses; what it is called by in turn is a name below a service first', () => {
    const one = pod('web-0', ['10.0.0.5', 'fd00::5'])
    expect(of('10.0.0.5', one)).toEqual(['web-0.default.pod.cluster.local', '10-0-0-5.default.pod.cluster.local'])
    expect(of('fd00::5', one)).toEqual(['web-0.default.pod.cluster.local', 'fd00--5.default.pod.cluster.local'])
    expect(of('10.0.0.5', one, service({ hosts: [{ hostname: 'web-0', address: '10.0.0.5' }] }))?.[0]).toBe('web-0.web.default.svc.cluster.local')
    // Whose name looks like an address speaks for no other pod.
    expect(of('10.0.0.9', pod('10-0-0-5', ['10.0.0.9']))).toEqual(['10-0-0-9.default.pod.cluster.local'])
    expect(of('fd00::9', pod('fd00--5', ['fd00::9']))).toEqual(['fd00--9.default.pod.cluster.local'])
    expect(of('10.0.0.9', pod('cafe-bad-0', ['10.0.0.9']))?.[0]).toBe('cafe-bad-0.default.pod.cluster.local')
  })

  it('of an ExternalName stand for another name, and have no records', () => {
    const found = names(service({ externalName: 'Db.example.com.', ports: [{ name: 'sql', protocol: 'tcp', port: 5432, endpoints: [] }] }))
    expect(found).toEqual({ hosts: new Map(), services: [], aliases: [{ name: 'web.default.svc.cluster.local', chain: ['db.example.com'] }] })
    const [a, b, c] = ['a', 'b', 'c'].map((name) => `${name}.default.svc.cluster.local`)
    expect(names(service({ name: 'a', externalName: b ?? '' }), service({ name: 'b', externalName: c ?? '' }), service({ name: 'c', externalName: 'example.com' })).aliases[0]).toEqual({ name: a, chain: [b, c, 'example.com'] })
    // One that leads back to itself is none.
    expect(names(service({ name: 'a', externalName: b ?? '' }), service({ name: 'b', externalName: a ?? '' })).aliases).toEqual([])
  })

  it('are left out where they could break a line of a file, or are none', () => {
    for (const name of ['a\nserver=6.6.6.6', 'a b', 'a#b', 'a,b', '', 'a..b', '-a', `${'a'.repeat(64)}`, 'ä']) {
      expect(isName(`${name}.default`), name).toBe(false)
      expect(names(pod(name, ['10.0.0.5']), service({ name, addresses: ['10.96.0.5'] }), service({ name: 'x', externalName: name })).hosts.get('10.96.0.5')).toBeUndefined()
    }
    expect(names(pod('web', ['10.0.0.5 evil', '10.0.0.5\n'])).hosts.size).toBe(0)
    expect(isName(`${'a.'.repeat(126)}aa`)).toBe(false)
  })

  it('of addresses in turn lie in whole labels', () => {
    expect(['10.0.0.0/24', '10.0.16.0/20', '10.0.0.0/8', '172.16.0.0/12', 'fd00:1::/64', 'fc00::/7'].map(reverseDomain)).toEqual(['0.0.10.in-addr.arpa', '0.10.in-addr.arpa', '10.in-addr.arpa', '172.in-addr.arpa', '0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa', 'f.ip6.arpa'])
    expect(['10.0.0.5', 'fd00::5', '::1', 'fd00::'].map(dashed)).toEqual(['10-0-0-5', 'fd00--5', '0--1', 'fd00--0'])
  })
})
