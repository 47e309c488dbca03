import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { NetworkMessage, NetworkPolicyObject } from '@/contracts/host/v1/networks'
import { run } from '@/platform/exec'
import type { Attachment } from '@/host/network/attachment'
import { balancerAttachment, type BalancerPlace } from '@/host/network/balancer-port'
import type { HostNetwork } from '@/host/network/host-network'
import { namespaceName, tapName } from '@/host/network/names'
import { HOST, Lab, network, pod, until } from '@/host/network/testing/lab'
import { Uplink } from '@/host/network/uplink'
import { balancerMac, portName, portPrefix } from './names'

let lab: Lab
let hosts: HostNetwork
let before: Awaited<ReturnType<Lab['traces']>>
let inside: string
/** Where the pod is. */
let guest: string
let outer: { namespace: string; device: string; mac: string; addresses: string[] }
let balancer: BalancerPlace

const POOL = { uid: '00000000-0000-4000-8000-0000000000f0', name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const SIX = { uid: '00000000-0000-4000-8000-0000000000f6', name: 'six', cidr: '2001:db8:100::/64', gateway: '2001:db8:100::1' }
const ID = '00000000-0000-4000-8000-000000000001'
const web: Attachment = { network: network(1, { id: ID }), pod: pod('web', 5) }
const policy = (from: string): NetworkPolicyObject => ({ kind: 'policy', uid: '00000000-0000-4000-8000-0000000000aa', source: 'SecurityGroup', namespace: null, name: 'web', members: ['10.0.0.5'], directions: ['ingress'], rules: [{ id: 'rules[0]', direction: 'ingress', protocol: 'tcp', ports: [{ first: 8080, last: 8080 }], icmpTypes: null, peer: { cidrs: null, addresses: [from] } }] })
const says = (set: NetworkMessage['set']): NetworkMessage => ({ kind: 'networkObjects', networkId: ID, complete: true, remove: [], set: [{ kind: 'network', number: 1, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], serviceCidrs: [], routes: [], outbound: 'none', mtu: 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } }, ...set] })

beforeAll(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork()
  await hosts.external.setPools([POOL])
  before = await lab.traces()
  await lab.ip(lab.outside, [`route add 198.18.100.0/24 via ${HOST}`])
  inside = `hypb-${lab.hostTag}-n7`
  await run('ip', ['netns', 'add', inside])
  await lab.ip(inside, ['link set lo up'])
  outer = { namespace: inside, device: 'ext0', mac: balancerMac(lab.hostTag, 7), addresses: ['198.18.100.50', '198.18.100.51'] }
  balancer = { network: { id: ID, number: 1, mtu: 1450, subnets: [{ cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], outbound: 'none' }, balancer: { uid: 'balancer-7', number: 7, inner: ['10.0.0.9'], mac: '02:00:00:00:00:09' }, namespace: inside }
})
afterAll(async () => {
  await hosts?.close().catch(() => undefined)
  await run('ip', ['netns', 'delete', inside]).catch(() => undefined)
  await lab?.destroy()
})

describe('a balancer', () => {
  it('has a place in a network that no pod is in yet, and its addresses answer outside', async () => {
    expect(await hosts.attachBalancer(balancer)).toEqual({ device: 'tenant0', netns: namespaceName(lab.hostTag, 1) })
    await hosts.external.attach(outer)
    await hosts.external.attach(outer)
    await lab.serve(inside, 'balancer')
    await lab.hears(lab.outside, '198.18.100.50', 'balancer')
    await lab.hears(lab.outside, '198.18.100.51', 'balancer')
    await lab.reaches(inside, '10.0.0.1')
  })

  it('reaches pods as a member of their network, under their policies', async () => {
    await hosts.detach('web')
    guest = await lab.start(hosts, web)
    await lab.serve(guest, 'web')
    await lab.hears(inside, '10.0.0.5', 'web')
    await lab.hears(guest, '10.0.0.9', 'balancer')
    await hosts.applyObjects(ID, says([policy('10.0.0.77')]))
    expect(await lab.fetch(inside, '10.0.0.5')).toBe(null)
    await hosts.applyObjects(ID, says([policy('10.0.0.9')]))
    await lab.hears(inside, '10.0.0.5', 'web')
    await hosts.applyObjects(ID, says([]))
    // Neither the outside nor the pod gets past it.
    await lab.ip(lab.outside, [`route replace 10.0.0.0/24 via ${HOST}`])
    expect(await lab.fetch(lab.outside, '10.0.0.5')).toBe(null)
    expect(await lab.pings(guest, '198.18.100.50')).toBe(false)
  })

  it('reaches a subnet that its network got later, and forgets one that went', async () => {
    const two = [{ cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { cidr: '10.0.1.0/24', gateway: '10.0.1.1' }]
    const all = says([])
    await hosts.applyObjects(ID, { ...all, set: all.set.map((one) => (one.kind === 'network' ? { ...one, subnets: two.map((subnet, at) => ({ name: `s${at}`, ...subnet })) } : one)) })
    const late: Attachment = { network: network(1, { id: ID, ...two[1] }), pod: pod('late', 45, { address: '10.0.1.5' }) }
    await hosts.detach('late')
    await lab.serve(await lab.start(hosts, late), 'late')
    expect(await lab.fetch(inside, '10.0.1.5')).toBe(null)
    await hosts.attachBalancer({ ...balancer, network: { ...balancer.network, subnets: two } })
    await lab.hears(inside, '10.0.1.5', 'late')
    await lab.hears(inside, '10.0.0.5', 'web')
    await hosts.detach('late')
    await hosts.applyObjects(ID, all)
    await hosts.attachBalancer(balancer)
    expect((await lab.in(inside, 'ip', 'route')).stdout).not.toContain('10.0.1.0/24')
    await lab.hears(inside, '10.0.0.5', 'web')
  })

  it('gets another inner address and MAC where it is told so, and loses the ones before', async () => {
    const other = { ...balancer, balancer: { ...balancer.balancer, inner: ['10.0.0.19'], mac: '02:00:00:00:00:19' } }
    await hosts.attachBalancer(other)
    await lab.hears(inside, '10.0.0.5', 'web')
    expect((await lab.in(inside, 'ip', '-4', '-o', 'address')).stdout).toMatch(/10\.0\.0\.19\/32/)
    expect((await lab.in(inside, 'ip', '-4', '-o', 'address')).stdout).not.toContain('10.0.0.9/32')
    await hosts.attachBalancer(balancer)
    await lab.hears(inside, '10.0.0.5', 'web')
  })

  it('sends in no other’s name, inside or outside', async () => {
    const claimed = await lab.count(guest, 'ip saddr 10.0.0.77')
    await lab.ip(inside, ['address replace 10.0.0.77/32 dev tenant0', 'route replace 10.0.0.5/32 via 10.0.0.1 dev tenant0 src 10.0.0.77 onlink'])
    await lab.pings(inside, '10.0.0.5')
    expect(await claimed()).toBe(0)
    await lab.ip(inside, ['route delete 10.0.0.5/32', 'address delete 10.0.0.77/32 dev tenant0'])
    const outside = await lab.count(lab.outside, 'ip saddr 198.18.100.99')
    await lab.ip(inside, ['address replace 198.18.100.99/32 dev ext0', 'route replace 203.0.113.1/32 via 169.254.1.1 dev ext0 src 198.18.100.99 onlink'])
    await lab.pings(inside, '203.0.113.1')
    expect(await outside()).toBe(0)
    await lab.ip(inside, ['route delete 203.0.113.1/32', 'address delete 198.18.100.99/32 dev ext0'])
    await lab.hears(inside, '10.0.0.5', 'web')
    await expect(hosts.external.attach({ ...outer, namespace: `hypb-${lab.hostTag}-n8`, mac: balancerMac(lab.hostTag, 8) })).rejects.toThrow('it has to go there first')
    await expect(hosts.external.attach({ ...outer, addresses: [...outer.addresses, '192.0.2.7'] })).rejects.toThrow('of no address pool')
    await lab.hears(lab.outside, '198.18.100.50', 'balancer')
  })

  it('answers at an IPv6 address too, without translation, once the host forwards that family', async () => {
    await lab.ip(lab.host, ['address replace 2001:db8:1::2/64 dev eth0 nodad'])
    await lab.ip(lab.outside, ['address replace 2001:db8:1::1/64 dev eth0 nodad', 'route replace 2001:db8:100::/64 via 2001:db8:1::2'])
    await lab.ip(lab.host, ['route replace default via 2001:db8:1::1'])
    await hosts.external.setPools([POOL, SIX])
    await hosts.external.attach({ ...outer, addresses: [...outer.addresses, '2001:db8:100::50'] })
    await lab.reaches(lab.outside, '2001:db8:100::50')
    const seen = await lab.count(lab.outside, 'ip6 saddr 2001:db8:100::50')
    await lab.reaches(inside, '2001:db8:1::1')
    expect(await seen()).toBeGreaterThan(0)
    expect(await lab.pings(lab.outside, '2001:db8:100::51')).toBe(false)
    await hosts.external.attach(outer)
    expect(await lab.pings(lab.outside, '2001:db8:100::50')).toBe(false)
    await hosts.external.setPools([POOL])
    expect((await lab.in(lab.host, 'ip', '-6', 'address', 'show')).stdout).not.toContain('2001:db8:100::1')
  })

  it('is put right where others change its links', async () => {
    await hosts.mend()
    expect(await hosts.mend()).toEqual({ repairs: [], lostTaps: [] })
    await lab.ip(namespaceName(lab.hostTag, 1), [`link delete ${tapName('balancer-7')}`])
    expect(await hosts.mend()).toMatchObject({ lostTaps: [] })
    await lab.hears(inside, '10.0.0.5', 'web')
    await lab.ip(lab.host, [`link delete ${portName(lab.hostTag, inside)}`])
    expect((await hosts.mend()).repairs.join()).toContain(portName(lab.hostTag, inside))
    await lab.hears(lab.outside, '198.18.100.50', 'balancer')
    await hosts.mend()
    expect(await hosts.mend()).toEqual({ repairs: [], lostTaps: [] })
  })

  it('is put right also where the way out of networks cannot be looked at or taken up', async () => {
    const linkThere = async (name: string) => (await lab.in(lab.host, 'ip', '-o', 'link')).stdout.includes(` ${name}@`)
    const check = vi.spyOn(Uplink.prototype, 'check').mockRejectedValueOnce(new Error('no way out'))
    await lab.ip(lab.host, [`link delete ${portName(lab.hostTag, inside)}`])
    await expect(hosts.mend()).rejects.toThrow('no way out')
    expect(check).toHaveBeenCalledOnce()
    await lab.hears(lab.outside, '198.18.100.50', 'balancer')
    check.mockRestore()
    // What an agent before answered for is nobody's now.
    const stray = `${portPrefix(lab.hostTag)}b99`
    await lab.unlink(lab.host, stray)
    await lab.ip(lab.host, [`link add name ${stray} type veth peer name straypeer`])
    vi.spyOn(Uplink.prototype, 'adopt').mockRejectedValueOnce(new Error('not taken up'))
    await expect(hosts.reconcile([web, balancerAttachment(balancer)])).rejects.toThrow('not taken up')
    expect(await linkThere(stray)).toBe(false)
    vi.restoreAllMocks()
    await hosts.reconcile([web, balancerAttachment(balancer)])
    await hosts.mend()
    expect(await hosts.mend()).toEqual({ repairs: [], lostTaps: [] })
  })

  it('is taken up by the next agent without a cut, and one that nobody speaks of goes', async () => {
    await hosts.attachBalancer(balancer)
    await hosts.external.attach(outer)
    const [outside, within] = ['198.18.100.50', '10.0.0.5'].map((to, at) => lab.in(at === 0 ? lab.outside : inside, 'busybox', 'ping', '-i', '0.05', '-c', '40', '-W', '1', to))
    hosts = lab.hostNetwork()
    await hosts.external.setPools([POOL])
    hosts.external.adopt([outer])
    await hosts.applyObjects(ID, says([]))
    expect(await hosts.reconcile([web, balancerAttachment(balancer)])).toEqual({ repairs: [], lostTaps: [] })
    await hosts.attachBalancer(balancer)
    await hosts.external.attach(outer)
    // Ping does not wait for the answer of its last packets.
    for (const stream of [outside, within]) expect(Number(/(\d+) packets received/.exec((await stream!).stdout)?.[1])).toBeGreaterThanOrEqual(39)
    hosts = lab.hostNetwork()
    await hosts.external.setPools([POOL])
    await hosts.reconcile([web])
    expect((await lab.traces()).links.filter((name) => name.startsWith('hx'))).toEqual([])
    expect((await lab.in(inside, 'ip', '-o', 'link')).stdout).not.toContain('tenant0')
  })

  it('goes without a trace', async () => {
    await hosts.attachBalancer(balancer)
    await hosts.external.attach(outer)
    await lab.hears(lab.outside, '198.18.100.50', 'balancer')
    await hosts.external.attach({ ...outer, addresses: ['198.18.100.51'] })
    expect(await lab.fetch(lab.outside, '198.18.100.50')).toBe(null)
    await lab.hears(lab.outside, '198.18.100.51', 'balancer')
    await hosts.external.detach(inside)
    await hosts.detachBalancer('balancer-7')
    await hosts.detach('web')
    await until(async () => JSON.stringify(await lab.traces()) === JSON.stringify(before))
  })

  it('without an address in one of the network’s subnets is refused', async () => {
    await expect(hosts.attachBalancer({ ...balancer, balancer: { ...balancer.balancer, inner: ['10.9.0.9'] } })).rejects.toThrow('needs an IPv4 address')
    await expect(hosts.attachBalancer({ ...balancer, namespace: '../x' })).rejects.toThrow(TypeError)
  })
})
