import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import type { HostNetwork } from './host-network'
import { namespaceName, tapName } from './names'
import { HOST, Lab, METADATA, network, OUTSIDE, pod } from './testing/lab'

let lab: Lab
let hosts: HostNetwork

beforeEach(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork()
})

afterEach(async () => {
  await hosts.close()
  await lab.destroy()
})

describe('inside one network', () => {
  it('two pods reach each other and their gateway', async () => {
    const a = await lab.start(hosts, { network: network(1), pod: pod('a', 5) })
    const b = await lab.start(hosts, { network: network(1), pod: pod('b', 6) })
    await lab.serve(b, 'hello')
    await lab.reaches(a, '10.0.0.6')
    await lab.reaches(b, '10.0.0.5')
    await lab.reaches(a, '10.0.0.1')
    await lab.hears(a, '10.0.0.6', 'hello')
    expect(await lab.pings(a, '10.0.0.7')).toBe(false)
  })

  it('the namespace itself offers nothing', async () => {
    const port = await hosts.attach({ network: network(1), pod: pod('a', 5) })
    const a = await lab.guest(port, { network: network(1), pod: pod('a', 5) })
    await lab.serve(port.netns, 'inner')
    expect(await lab.fetch(a, '10.0.0.1')).toBe(null)
  })

  it('what a pod\'s user sends from inside the namespace goes nowhere', async () => {
    const port = await hosts.attach({ network: network(1), pod: pod('a', 5) })
    const a = await lab.guest(port, { network: network(1), pod: pod('a', 5) })
    const seen = await lab.count(a, 'udp dport 99')
    // After the rule under test: without this the namespace sends nothing but ICMP, whoever asks.
    await lab.in(port.netns, 'nft', 'add', 'rule', 'inet', 'hypernetes', 'output', 'udp', 'dport', '99', 'accept')
    const send = (user: number) => lab.in(port.netns, 'setpriv', '--reuid', String(user), '--clear-groups', 'socat', '-u', 'OPEN:/etc/passwd,readbytes=9', 'UDP:10.0.0.5:99').catch(() => undefined)
    await send(700_005)
    expect(await seen()).toBe(0)
    await send(65_534)
    expect(await seen()).toBe(1)
  })
})

describe('senders', () => {
  it('a wrong source address or MAC never arrives', async () => {
    const a = await lab.start(hosts, { network: network(1), pod: pod('a', 5) })
    const b = await lab.start(hosts, { network: network(1), pod: pod('b', 6) })
    const honest = await lab.count(b, 'ip saddr 10.0.0.5')
    await lab.reaches(a, '10.0.0.6')
    expect(await honest()).toBeGreaterThan(0)

    const spoofed = await lab.count(b, 'ip saddr 10.0.0.9')
    await lab.ip(a, ['address add 10.0.0.9/24 dev eth0', 'neigh replace 10.0.0.6 lladdr 06:68:00:00:00:01 dev eth0', 'route replace 10.0.0.6/32 dev eth0 src 10.0.0.9'])
    await lab.pings(a, '10.0.0.6')
    expect(await spoofed()).toBe(0)

    await lab.ip(a, ['route delete 10.0.0.6/32 dev eth0', 'address delete 10.0.0.9/24 dev eth0', 'link set eth0 address 02:00:00:00:00:77'])
    const before = await honest()
    await lab.pings(a, '10.0.0.6')
    expect(await honest()).toBe(before)
  })

  it('IPv6 and ARP in the name of another are not answered', async () => {
    const a = await lab.start(hosts, { network: network(1), pod: pod('a', 5) })
    const answers = await lab.count(a, 'arp operation reply')
    await lab.in(a, 'busybox', 'arping', '-c', '1', '-w', '1', '-I', 'eth0', '10.0.0.1')
    expect(await answers()).toBeGreaterThan(0)
    const before = await answers()
    await lab.ip(a, ['address add 10.0.0.9/32 dev eth0'])
    await lab.in(a, 'busybox', 'arping', '-c', '1', '-w', '1', '-s', '10.0.0.9', '-I', 'eth0', '10.0.0.1').catch(() => undefined)
    expect(await answers()).toBe(before)

    const b = await lab.start(hosts, { network: network(1), pod: pod('b', 6) })
    await lab.ip(b, ['address add fd00::6/64 dev eth0 nodad'])
    await lab.ip(a, ['address add fd00::5/64 dev eth0 nodad', 'neigh replace fd00::6 lladdr 06:68:00:00:00:01 dev eth0'])
    const six = await lab.count(b, 'ether type ip6')
    expect(await lab.pings(a, 'fd00::6')).toBe(false)
    expect(await six()).toBe(0)
  })
})

describe('between networks', () => {
  it('the same subnet in two networks never meets', async () => {
    const spec = { outbound: 'nat' } as const
    const a = await lab.start(hosts, { network: network(1, spec), pod: pod('a', 5) })
    const b = await lab.start(hosts, { network: network(2, spec), pod: pod('b', 6) })
    const c = await lab.start(hosts, { network: network(2, spec), pod: pod('c', 5) })
    const other = await lab.start(hosts, { network: network(3, { ...spec, cidr: '10.3.0.0/24', gateway: '10.3.0.1' }), pod: pod('d', 5, { address: '10.3.0.5' }) })
    await lab.reaches(c, '10.0.0.6')
    await lab.reaches(b, '10.0.0.5')
    expect(await Promise.all([lab.pings(a, '10.0.0.6'), lab.pings(a, '10.3.0.5'), lab.pings(other, '10.0.0.6')])).toEqual([false, false, false])
    // Not even by another network's transit address.
    const transits = (await lab.in(lab.host, 'ip', 'route')).stdout.split('\n').map((line) => line.split(' ')[0] ?? '').filter((address) => /^100\.[\d.]+$/.test(address))
    expect(transits).toHaveLength(3)
    expect(await Promise.all(transits.map((transit) => lab.pings(a, transit)))).toEqual([false, false, false])
  })
})

describe('outbound', () => {
  it('is a switch of a running network', async () => {
    await lab.serve(lab.outside, 'outside')
    const off = { network: network(1), pod: pod('a', 5) }
    const on = { ...off, network: network(1, { outbound: 'nat' }) }
    const a = await lab.start(hosts, off)
    expect(await lab.fetch(a, OUTSIDE)).toBe(null)
    await hosts.attach(on)
    const translated = await lab.count(lab.outside, `ip saddr ${HOST} tcp dport 8080`)
    await lab.hears(a, OUTSIDE, 'outside')
    expect(await translated()).toBeGreaterThan(0)
    await hosts.updateNetwork(off.network)
    expect(await lab.fetch(a, OUTSIDE)).toBe(null)
    await hosts.updateNetwork(on.network)
    await lab.hears(a, OUTSIDE, 'outside')
  })

  it('reaches neither the host nor metadata services, and nothing outside reaches in', async () => {
    await lab.serve(lab.host, 'host')
    await lab.serve(lab.outside, 'metadata')
    await lab.ip(lab.host, ['address add 172.30.0.1/24 dev lo', `route add ${METADATA} via ${OUTSIDE}`])
    const a = await lab.start(hosts, { network: network(1, { outbound: 'nat' }), pod: pod('a', 5) })
    await lab.hears(lab.outside, HOST, 'host')
    await lab.hears(lab.host, METADATA, 'metadata')
    const answers = await Promise.all([HOST, '172.30.0.1', METADATA, '100.64.0.1'].map((address) => lab.fetch(a, address)))
    expect(answers).toEqual([null, null, null, null])
    expect(await lab.pings(a, HOST)).toBe(false)

    await lab.serve(a, 'pod')
    const transit = (await lab.in(lab.host, 'ip', 'route')).stdout.split('\n').find((line) => /^100\.[\d.]+ /.test(line))?.split(' ')[0] ?? ''
    await lab.ip(lab.outside, [`route add ${transit} via ${HOST}`, `route add 10.0.0.0/24 via ${HOST}`])
    expect(await Promise.all([lab.fetch(lab.outside, transit), lab.fetch(lab.outside, '10.0.0.5'), lab.fetch(lab.host, transit)])).toEqual([null, null, null])
  })

  it('does not reach a port that another program publishes on the host', async () => {
    await lab.serve(lab.outside, 'published')
    await run('nsenter', [`--net=/run/netns/${lab.host}`, 'nft', '-f', '-'], {
      input: `table ip published {\n chain in { type nat hook prerouting priority dstnat; fib daddr type local tcp dport 8080 dnat to ${OUTSIDE}\n }\n}\n`,
    })
    const a = await lab.start(hosts, { network: network(1, { outbound: 'nat' }), pod: pod('a', 5) })
    await lab.hears(a, OUTSIDE, 'published')
    expect(await lab.fetch(a, HOST)).toBe(null)
  })

  it('a denied destination stays out of reach', async () => {
    await hosts.close()
    hosts = lab.hostNetwork({ deniedDestinations: ['203.0.113.0/24'] })
    await lab.serve(lab.outside, 'outside')
    const a = await lab.start(hosts, { network: network(1, { outbound: 'nat' }), pod: pod('a', 5) })
    expect(await lab.fetch(a, OUTSIDE)).toBe(null)
  })
})

describe('the end', () => {
  it('the last pod takes the namespace, link, table and held addresses along', async () => {
    const before = await lab.traces()
    for (const number of [1, 2]) {
      for (const last of [5, 6, 7]) await hosts.attach({ network: network(number, { outbound: number === 1 ? 'nat' : 'none' }), pod: pod(`${number}-${last}`, last) })
    }
    expect((await lab.traces()).namespaces).toEqual([namespaceName(lab.hostTag, 1), namespaceName(lab.hostTag, 2)])
    for (const number of [1, 2]) {
      for (const last of [5, 6, 7]) await hosts.detach(`${number}-${last}`)
    }
    expect(await lab.traces()).toEqual(before)
  })

  it('a tap has a virtio header, and its pod\'s user alone opens it', async () => {
    hosts = lab.hostNetwork({ deviceKind: 'tap' })
    const port = await hosts.attach({ network: network(1), pod: pod('a', 5) })
    expect(port).toEqual({ netns: namespaceName(lab.hostTag, 1), tap: tapName('a'), mtu: 1450 })
    const show = async () => (await lab.in(port.netns, 'ip', '-d', 'link', 'show', port.tap)).stdout
    expect(await show()).toContain('tun type tap pi off vnet_hdr on persist on user 700005')
    expect(await show()).not.toContain('multi_queue on')

    // The device as every udev makes it; some machines keep it to root, and it is not ours to change.
    const device = join(await mkdtemp(join(tmpdir(), 'hyp-tun-')), 'tun')
    await run('mknod', ['-m', '0666', device, 'c', '10', '200'])
    const open = (user: number) => run('nsenter', [
      `--net=/run/netns/${port.netns}`, 'bwrap', '--dev-bind', '/', '/', '--dev-bind', device, '/dev/net/tun', '--cap-add', 'ALL', '--die-with-parent',
      'setpriv', '--reuid', String(user), '--regid', String(user), '--clear-groups', '--no-new-privs',
      'socat', '-u', `TUN,tun-name=${port.tap},tun-type=tap,iff-no-pi`, 'OPEN:/dev/null',
    ])
    try {
      await expect(open(700_006)).rejects.toThrow('TUNSETIFF')
      // The owner gets the tap; socat then stumbles over setting it up, which only the host may.
      await expect(open(700_005)).rejects.toThrow('SIOCSIFFLAGS')
    } finally {
      await rm(dirname(device), { recursive: true })
    }
  })
})
