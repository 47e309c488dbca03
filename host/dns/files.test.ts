import { describe, expect, it } from 'vitest'
import type { NetworkBase, NetworkObject } from '@/contracts/host/v1/networks'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolverFiles, upstreamOf } from './files'
import { hostNameservers, nameserversIn } from './upstream'

const uid = '00000000-0000-4000-8000-000000000001'
const base: NetworkBase = { kind: 'network', number: 1, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 'b', cidr: 'fd00::/64', gateway: 'fd00::1' }], serviceCidrs: ['10.96.0.0/16'], routes: [], outbound: 'nat', mtu: 1450, dns: { domain: 'cluster.local', upstream: true, nameservers: [] } }
const web: NetworkObject = { kind: 'service', uid, namespace: 'default', name: 'web', addresses: ['10.96.0.5'], externalName: null, localOnly: false, affinitySeconds: null, ports: [{ name: 'http', protocol: 'tcp', port: 80, endpoints: [] }], hosts: [] }

describe('the files of a resolver', () => {
  it('keep its own names and addresses at home, and say where records are', () => {
    const files = resolverFiles(base, [web], ['192.0.2.53'])
    expect(files.configuration.split('\n')).toEqual(expect.arrayContaining(['port=53', 'listen-address=10.0.0.1', 'listen-address=fd00::1', 'domain-needed', 'bind-interfaces', 'dns-forward-max=150', 'cache-size=1000']))
    expect(files.servers({ records: 1053, aliases: null }).split('\n')).toEqual(['server=192.0.2.53', 'server=/cluster.local/', 'server=/0.0.10.in-addr.arpa/', 'server=/0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa/', 'server=/96.10.in-addr.arpa/', 'server=/_tcp.web.default.svc.cluster.local/127.0.0.1#1053', ''])
    expect(files.servers({ records: null, aliases: null })).not.toContain('#')
    expect(files.helpers.records?.(1054)).toContain('srv-host=_http._tcp.web.default.svc.cluster.local,web.default.svc.cluster.local,80,0,100\n')
    expect([...files.hosts.values()].join('')).toBe('10.96.0.5 web.default.svc.cluster.local\n')
    expect(resolverFiles(base, [], []).helpers).toEqual({ records: null, aliases: null })
  })

  it('send the names that stand for others to whom can follow them', () => {
    const alias = (name: string, externalName: string): NetworkObject => ({ ...web, name, addresses: [], ports: [], externalName })
    const files = resolverFiles(base, [alias('in', 'web.default.svc.cluster.local'), alias('out', 'example.com')], [])
    expect(files.helpers.aliases?.(1063)).toBe('out.default.svc.cluster.local example.com\n')
    expect(files.servers({ records: 1053, aliases: 1063 }).split('\n').slice(-3)).toEqual(['server=/in.default.svc.cluster.local/127.0.0.1#1053', 'server=/out.default.svc.cluster.local/127.0.0.1#1063', ''])
  })

  it('change in one place only when one address does', () => {
    const pods = (last: string): NetworkObject[] => Array.from({ length: 200 }, (_, i) => ({ kind: 'pod', uid, namespace: 'default', name: i === 0 ? last : `p${i}`, hostname: 'p', subdomain: null, hostId: null, addresses: [`10.0.1.${i}`] }))
    const [before, after] = [resolverFiles(base, pods('a'), []).hosts, resolverFiles(base, pods('b'), []).hosts]
    expect([...after].filter(([name, text]) => before.get(name) !== text)).toHaveLength(1)
  })

  it('ask outside only where the network may, and never itself', () => {
    const asked = (change: Partial<NetworkBase>, dns: Partial<NetworkBase['dns']> = {}) => upstreamOf({ ...base, ...change, dns: { ...base.dns, ...dns } }, ['192.0.2.1', '2001:db8::1'])
    expect(asked({})).toEqual(['192.0.2.1'])
    expect(asked({}, { nameservers: ['198.51.100.1', '127.0.0.1', '10.0.0.1', '10.0.0.7', '0.0.0.0', 'nonsense\n'] })).toEqual(['198.51.100.1'])
    expect(asked({ outbound: 'none' })).toEqual([])
    expect(asked({}, { upstream: false })).toEqual([])
  })

  it('name as the host\'s own nameservers those that others can ask', async () => {
    expect(nameserversIn('# a\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\n nameserver 192.0.2.1\nnameserver bad\nsearch x\n')).toEqual(['192.0.2.1'])
    const folder = await mkdtemp(join(tmpdir(), 'dns-'))
    await writeFile(join(folder, 'stub'), 'nameserver 127.0.0.53\n')
    await writeFile(join(folder, 'real'), 'nameserver 192.0.2.2\n')
    const files = ['stub', 'missing', 'real'].map((name) => join(folder, name))
    expect([await hostNameservers([], files), await hostNameservers(['192.0.2.9'], files), await hostNameservers([], [])]).toEqual([['192.0.2.2'], ['192.0.2.9'], []])
    await rm(folder, { recursive: true })
  })
})
