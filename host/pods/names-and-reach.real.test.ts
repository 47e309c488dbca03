import { randomInt, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Assignment, NetworkAttachment } from '@/contracts/host/v1'
import type { NetworkObject } from '@/contracts/host/v1/networks'
import { busyboxRoot } from '@/host/images/sample/busybox'
import { RealHost } from './testing/real-host'

const image = 'local/names:1'
const domain = 'cluster.local'
const ipv6 = (address: string): Partial<NetworkAttachment> => ({ domain, ipv6: { cidr: 'fd00::/64', gateway: 'fd00::1', address, prefixLength: 64 } })

/** A dynamic libc and a program that asks it for names: how programs in images complete short names. */
const libc = async () => Promise.all(Object.entries({ 'usr/bin/getent': '/usr/bin/getent', 'lib64/ld-linux-x86-64.so.2': '/lib64/ld-linux-x86-64.so.2', 'lib/x86_64-linux-gnu/libc.so.6': '/lib/x86_64-linux-gnu/libc.so.6' }).map(async ([name, path]) => ({ name, mode: 0o755, content: await readFile(path) })))

let host: RealHost
let client: Assignment
let server: Assignment
const namesOf = (pod: Assignment, name: string): NetworkObject => ({ kind: 'pod', uid: pod.uid, namespace: 'default', name, hostname: name, subdomain: null, hostId: null, addresses: [pod.network.address, pod.network.ipv6?.address ?? ''] })
/** What the server says of the network: with `port`, nothing else of the serving pod may be reached. */
const objects = (port: number | null = null): NetworkObject[] => [
  { kind: 'network', number: 77, name: 'default', tenantId: client.tenantId, subnets: [{ name: 'four', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 'six', cidr: 'fd00::/64', gateway: 'fd00::1' }], serviceCidrs: ['10.96.0.0/16'], routes: [], outbound: 'none', mtu: 1400, dns: { domain, upstream: true, nameservers: [] } },
  namesOf(client, 'client'),
  namesOf(server, 'server'),
  { kind: 'service', uid: serviceUid, namespace: 'default', name: 'shop', addresses: ['10.96.0.5'], externalName: null, localOnly: false, affinitySeconds: null, ports: [{ name: 'http', protocol: 'tcp', port: 80, endpoints: [{ address: server.network.address, port: 8080, hostId: null }] }], hosts: [{ hostname: null, address: server.network.address }] },
  ...(port === null ? [] : [{ kind: 'policy' as const, uid: randomUUID(), source: 'SecurityGroup' as const, namespace: null, name: 'web', members: [server.network.address], directions: ['ingress' as const], rules: [{ id: 'rules[0]', direction: 'ingress' as const, protocol: 'tcp' as const, ports: [{ first: port, last: port }], icmpTypes: null, peer: { cidrs: null, addresses: null } }] }]),
]
const serviceUid = randomUUID()
const run = async (...args: string[]) => host.run(client, args)
/** What a web server answers to a pod. */
const ask = async (address: string, port: number) => (await run('sh', '-c', `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} ${port}`)).output
/** Resolves once the service is known by its name. */
const named = () => host.until(async () => (await run('nslookup', '-type=a', 'shop.default.svc.cluster.local')).output.includes('Address: 10.96.0.5'))
const probe = (address: string, port: number | null, protocol: 'tcp' | 'udp' | 'icmp' = 'tcp', timeoutSeconds = 10) => host.probe(client, { address, port, protocol, timeoutSeconds })
/** Where nobody is to answer. */
const hush = (port: number | null, protocol: 'tcp' | 'udp' | 'icmp' = 'tcp') => probe('10.0.0.11', port, protocol, 2)

describe.runIf(process.getuid?.() === 0)('two pods of one network', () => {
  beforeAll(async () => {
    host = await RealHost.open()
    await host.addImage(image, [...(await busyboxRoot()), ...(await libc())])
    const serve = 'echo hello >/tmp/index.html; exec httpd -f -p 8080 -h /tmp'
    client = host.pod({ containers: [{ name: 'main', image }], subdomain: 'peers' }, {}, null, ipv6('fd00::10'))
    server = host.pod({ containers: [{ name: 'main', image, command: ['sh', '-c', serve] }] }, {}, null, ipv6('fd00::11'))
    host.tellNetwork(objects())
    host.apply([client, server])
    await Promise.all([host.untilRunning(client), host.untilRunning(server)])
  })
  afterAll(() => host.close())

  it('find each other and services by name, short ones too, and reach a service by its name', async () => {
    expect((await run('cat', '/etc/resolv.conf')).output).toBe('nameserver 10.0.0.1\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n')
    expect((await run('cat', '/etc/hosts')).output).toContain('10.0.0.10\tweb.peers.default.svc.cluster.local\tweb\nfd00::10\tweb.peers.default.svc.cluster.local\tweb\n')
    await named()
    expect((await run('nslookup', '-type=aaaa', 'server.default.pod.cluster.local')).output).toMatch(/Address: fd00::11/)
    expect((await run('nslookup', '-type=srv', '_http._tcp.shop.default.svc.cluster.local')).output).toContain('shop.default.svc.cluster.local')
    expect((await run('nslookup', '10.0.0.11')).output).toContain('server.default.pod.cluster.local')
    expect((await run('nslookup', '-type=a', 'none.default.svc.cluster.local')).output).toContain('NXDOMAIN')
    expect((await run('nslookup', '-type=a', 'example.com')).output).toContain('REFUSED')
    expect((await run('getent', 'ahostsv4', 'shop')).output).toMatch(/^10\.96\.0\.5\s+STREAM shop\.default\.svc\.cluster\.local$/m)
    expect(await ask('10.96.0.5', 80)).toMatch(/\r\n\r\nhello\n$/)
    expect((await host.run(client, ['cat', '/sys/class/net/eth0/mtu'])).output).toBe('1400\n')
  })

  it('speak IPv6, with one address each and a way to the gateway alone', async () => {
    expect((await run('ping', '-c', '1', '-W', '5', 'fd00::11')).exitCode).toBe(0)
    expect(await ask('fd00::11', 8080)).toMatch(/\r\n\r\nhello\n$/)
    const addresses = (await run('ip', '-6', 'addr', 'show', 'dev', 'eth0')).output
    expect(addresses.match(/inet6 \S+/g)).toEqual(['inet6 fd00::10/128'])
  })

  it('have addresses of IPv6 that are routed to them, as they run, under the next agent, and no more', async () => {
    const prefix = `2001:db8:${randomInt(1, 0xffff).toString(16)}:`
    const address = `${prefix}:7`
    const pool = { kind: 'addressPool' as const, uid: randomUUID(), name: 'six', cidr: `${prefix}:/64`, gateway: `${prefix}:1` }
    host.tellOutside([pool, { kind: 'floatingAddress', uid: randomUUID(), address, networkId: server.network.id, podUid: server.uid, podAddress: 'fd00::11' }])
    const isActive = () => host.outside().some(({ phase, message }) => phase === 'Active' && message.includes(address))
    const answer = () => fetch(`http://[${address}]:8080/`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(5000) }).then((one) => one.text(), () => null)
    await host.until(isActive)
    await host.until(async () => (await answer()) === 'hello\n')
    const seen = async () => (await host.run(server, ['sh', '-c', 'ip -6 address show dev eth0; ip -6 route get 2600::1; ip -6 route get fd00::10'])).output
    expect(await seen()).toMatch(new RegExp(`${address}/128[^]*2600::1 .*src ${address}[^]*fd00::10 .*src fd00::11`))
    await host.reopen()
    await host.until(isActive)
    expect(await answer()).toBe('hello\n')
    host.tellOutside([])
    await host.until(async () => !(await seen()).includes(prefix))
    expect(await answer()).toBe(null)
    expect(await seen()).toMatch(/2600::1 .*src fd00::11/)
  })

  it('tell what they can reach: open, refused, unreachable and silent, each protocol, with no program of the image', async () => {
    host.tellNetwork(objects())
    await host.until(async () => (await probe('10.0.0.11', 8081)).outcome === 'refused')
    expect(await probe('10.0.0.11', 8080)).toMatchObject({ outcome: 'open', detail: '' })
    expect(await probe('fd00::11', 8080)).toMatchObject({ outcome: 'open' })
    expect(await probe('10.96.0.5', 80)).toMatchObject({ outcome: 'open' })
    expect(await probe('10.0.0.11', 8081)).toMatchObject({ outcome: 'refused' })
    expect(await probe('10.0.0.11', 8081, 'udp')).toMatchObject({ outcome: 'refused' })
    expect(await probe('10.0.0.1', 53, 'udp')).toMatchObject({ outcome: 'open' })
    expect(await probe('10.0.0.11', null, 'icmp')).toMatchObject({ outcome: 'open' })
    expect(await probe('fd00::11', null, 'icmp')).toMatchObject({ outcome: 'open' })
    expect(await probe('10.0.0.99', 80, 'tcp', 2)).toMatchObject({ outcome: expect.stringMatching(/^(unreachable|silent)$/) })
    host.tellNetwork(objects(8080))
    await host.until(async () => (await hush(8081)).outcome === 'silent')
    expect(await hush(8081, 'udp')).toMatchObject({ outcome: 'silent' })
    expect(await hush(null, 'icmp')).toMatchObject({ outcome: 'silent' })
    expect(await probe('10.0.0.11', 8080)).toMatchObject({ outcome: 'open' })
  })

  it('keep their names, services and rules under the next agent, which hears of no server', async () => {
    await host.reopen()
    await named()
    expect(await probe('10.96.0.5', 80)).toMatchObject({ outcome: 'open' })
    expect(await hush(8081)).toMatchObject({ outcome: 'silent' })
  })
})
