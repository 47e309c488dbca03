import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkBase, NetworkMessage, NetworkObject, NetworkPolicyObject } from '@/contracts/host/v1/networks'
import type { Attachment } from './attachment'
import type { HostNetwork } from './host-network'
import { namespaceName, tapName } from './names'
import { Lab, network, OUTSIDE, pod } from './testing/lab'

let lab: Lab
let hosts: HostNetwork
let a: string
let b: string

const six = { cidr: 'fd00::/64', gateway: 'fd00::1' }
const place = (last: number, number = 1): Attachment => ({ network: network(number, { id: `network-${number}`, ipv6: six, outbound: 'nat' }), pod: pod(`p${number}-${last}`, last, { ipv6: { address: `fd00::${last}`, prefixLength: 64 } }) })
/** In another subnet of the same network, of IPv4 alone. */
const second: Attachment = { network: network(1, { cidr: '10.7.0.0/16', gateway: '10.7.0.1', outbound: 'nat' }), pod: pod('second', 9, { address: '10.7.1.9', prefixLength: 16 }) }

const base = (fields: Partial<NetworkBase> = {}): NetworkBase => ({
  kind: 'network', number: 1, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 'six', ...six }],
  serviceCidrs: ['10.96.0.0/16', 'fd96::/112'], routes: [], outbound: 'none', mtu: 1400, dns: { domain: 'cluster.local', upstream: true, nameservers: [] }, ...fields,
})
const message = (set: NetworkObject[], complete = false, remove: string[] = []): NetworkMessage => ({ kind: 'networkObjects', networkId: 'network-1', complete, set, remove })
const inside = (...args: [string, ...string[]]) => lab.in(namespaceName(lab.hostTag, 1), ...args).then(({ stdout }) => stdout)
const otherSubnet = { name: 'b', cidr: '10.7.0.0/16', gateway: '10.7.0.1' }

const closed: NetworkPolicyObject = { kind: 'policy', uid: '00000000-0000-4000-8000-000000000001', source: 'SecurityGroup', namespace: null, name: 'closed', members: ['10.0.0.6', 'fd00::6'], directions: ['ingress'], rules: [] }

beforeAll(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork()
  await lab.serve(lab.outside, 'outside')
  // Before there is a pod.
  await hosts.applyObjects('network-1', message([base()], true))
  ;[a, b] = [await lab.start(hosts, place(5)), await lab.start(hosts, place(6))]
})
afterAll(async () => {
  await hosts?.close()
  await lab?.destroy()
})

describe('a network of both families', () => {
  it('is in force for its first pod, though its pods’ places say it otherwise', async () => {
    expect(await hosts.attach(place(5))).toMatchObject({ mtu: 1400 })
    expect(await inside('ip', 'link', 'show', tapName('p1-5'))).toContain('mtu 1400')
    expect(await lab.fetch(a, OUTSIDE)).toBe(null)
  })

  it('carries both between its pods, and answers for each gateway', async () => {
    for (const address of ['10.0.0.6', 'fd00::6', '10.0.0.1', 'fd00::1']) await lab.reaches(a, address)
    await lab.serve(b, 'four')
    await lab.hears(a, '10.0.0.6', 'four')
  })

  it('takes no IPv6 outside, and meets no other network’s of the same subnet', async () => {
    await hosts.detach('p2-7')
    const stranger = await lab.start(hosts, place(7, 2))
    await lab.reaches(stranger, 'fd00::1')
    expect(await Promise.all([lab.pings(a, 'fd00::7'), lab.pings(stranger, 'fd00::5'), lab.pings(stranger, '2001:db8::1')])).toEqual([false, false, false])
    await lab.hears(stranger, OUTSIDE, 'outside')
    await hosts.detach('p2-7')
  })
})

describe('what the server says of a running network', () => {
  it('turns its way outside on and off', async () => {
    await hosts.applyObjects('network-1', message([base({ outbound: 'nat' })]))
    await lab.hears(a, OUTSIDE, 'outside')
    await hosts.applyObjects('network-1', message([base()]))
    expect(await lab.fetch(a, OUTSIDE)).toBe(null)
  })

  it('adds a subnet, whose gateway answers at once and whose pods all others reach', async () => {
    await hosts.applyObjects('network-1', message([base({ subnets: [...base().subnets, otherSubnet] })]))
    await lab.reaches(a, '10.7.0.1')
    await hosts.detach('second')
    const other = await lab.start(hosts, second)
    await lab.reaches(a, '10.7.1.9')
    await lab.reaches(other, '10.0.0.6')
  })

  it('does not take a subnet from under its pods: that waits until they are gone, and all else is in force', async () => {
    const moved = { name: 'b', cidr: '10.7.0.0/16', gateway: '10.7.0.3' }
    await hosts.applyObjects('network-1', message([base({ subnets: [...base().subnets, otherSubnet] })], false, [`policy/${closed.uid}`]))
    await hosts.detach('second')
    await lab.start(hosts, second)
    await hosts.applyObjects('network-1', message([base({ subnets: [...base().subnets, moved] }), closed]))
    expect(await lab.pings(a, '10.0.0.6')).toBe(false)
    await lab.reaches(a, '10.7.0.1')
    expect(await lab.pings(a, '10.7.0.3')).toBe(false)
    await hosts.detach('second')
    await lab.reaches(a, '10.7.0.3')
    await hosts.applyObjects('network-1', message([base({ subnets: [{ name: 'a', cidr: '10.0.0.0/16', gateway: '10.0.0.1' }, otherSubnet] })], false, [`policy/${closed.uid}`]))
    await lab.reaches(a, '10.0.0.6')
    await lab.start(hosts, second)
    await lab.reaches(a, '10.7.1.9')
    // One that it no longer names stays as long as a pod is in it.
    await hosts.applyObjects('network-1', message([base()]))
    await lab.reaches(a, '10.7.1.9')
    await hosts.detach('second')
    expect(await inside('ip', 'route')).not.toContain('10.7')
    expect(await lab.pings(a, '10.7.0.1')).toBe(false)
  })

  it('leads what lies behind a pod there, both ways, and nowhere once that pod is gone', async () => {
    await lab.ip(b, ['address replace 192.168.9.1/32 dev lo', 'address replace fd09::1/128 dev lo'])
    expect(await lab.pings(a, '192.168.9.1')).toBe(false)
    await hosts.applyObjects('network-1', message([base({ routes: [{ destination: '192.168.9.0/24', via: '10.0.0.6' }, { destination: 'fd09::/64', via: 'fd00::6' }, { destination: '192.168.8.0/24', via: '10.0.0.99' }] })]))
    for (const address of ['192.168.9.1', 'fd09::1']) await lab.reaches(a, address)
    // From there too, and from nobody else.
    await lab.in(b, 'busybox', 'ping', '-c', '1', '-W', '1', '-I', '192.168.9.1', '10.0.0.5')
    await lab.ip(a, ['address replace 192.168.9.2/32 dev lo'])
    await expect(lab.in(a, 'busybox', 'ping', '-c', '1', '-W', '1', '-I', '192.168.9.2', '10.0.0.6')).rejects.toThrow()
    expect(await inside('ip', 'route')).toContain('unreachable 192.168.8.0/24')
    await hosts.applyObjects('network-1', message([base()]))
    expect(await lab.pings(a, '192.168.9.1')).toBe(false)
  })

  it('goes with all of its own: a policy cuts an open way, and gives it back', async () => {
    await hosts.applyObjects('network-1', message([closed]))
    expect(await Promise.all(['10.0.0.6', 'fd00::6'].map((address) => lab.pings(a, address)))).toEqual([false, false])
    await hosts.applyObjects('network-1', message([], false, [`policy/${closed.uid}`]))
    for (const address of ['10.0.0.6', 'fd00::6']) await lab.reaches(a, address)
  })

  it('is refused where nothing is known of the network, and forgotten when it is told to', async () => {
    await expect(hosts.applyObjects('network-9', { ...message([]), networkId: 'network-9' })).rejects.toThrow('before all of it')
    await hosts.applyObjects('network-9', { ...message([base({ number: 9 })], true), networkId: 'network-9' })
    hosts.forgetObjects('network-9')
    await expect(hosts.applyObjects('network-9', { ...message([]), networkId: 'network-9' })).rejects.toThrow('before all of it')
    // Of one with pods it is kept.
    hosts.forgetObjects('network-1')
    await hosts.applyObjects('network-1', message([]))
  })

  it('is found as it should be by a reconciliation, and by that of another process', async () => {
    await hosts.applyObjects('network-1', message([base({ outbound: 'nat', routes: [{ destination: '192.168.9.0/24', via: '10.0.0.6' }, { destination: 'fd09::/64', via: 'fd00::6' }] })]))
    expect(await hosts.reconcile([place(5), place(6)])).toEqual({ repairs: [], lostTaps: [] })
    const restarted = lab.hostNetwork()
    await restarted.applyObjects('network-1', message([base({ outbound: 'nat', routes: [{ destination: '192.168.9.0/24', via: '10.0.0.6' }, { destination: 'fd09::/64', via: 'fd00::6' }] })], true))
    expect(await restarted.reconcile([place(5), place(6)])).toEqual({ repairs: [], lostTaps: [] })
    await lab.reaches(a, 'fd09::1')
  })
})
