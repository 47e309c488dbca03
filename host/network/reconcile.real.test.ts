import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import type { HostNetwork } from './host-network'
import { namespaceName, tapName, uplinkName, uplinkTable } from './names'
import { Lab, network, OUTSIDE, pod } from './testing/lab'

let lab: Lab
let hosts: HostNetwork

beforeEach(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork()
})

afterEach(async () => {
  await lab.hostNetwork().close()
  await lab.destroy()
})

const outside = network(1, { outbound: 'nat' })
const a = { network: outside, pod: pod('a', 5) }
const b = { network: outside, pod: pod('b', 6) }

describe('reconciliation', () => {
  it('changes nothing where all is right', async () => {
    await hosts.attach(a)
    await hosts.attach({ network: network(2), pod: pod('c', 5) })
    expect(await hosts.reconcile([a, { network: network(2), pod: pod('c', 5) }])).toEqual({ repairs: [], lostTaps: [] })
  })

  it('repairs what others changed', async () => {
    await lab.serve(lab.outside, 'outside')
    const guests = [await lab.start(hosts, a), await lab.start(hosts, b)] as const
    const inside = namespaceName(lab.hostTag, 1)
    await lab.in(inside, 'nft', 'flush', 'ruleset')
    await lab.ip(inside, ['route delete 10.0.0.5', 'route delete default', 'route add 10.9.0.0/16 dev lo', 'address add 192.0.2.1/24 dev lo', 'address delete 10.0.0.1/32 dev lo', 'link add stray type veth peer name stray2'])
    await lab.in(lab.host, 'nft', 'delete', 'table', 'inet', uplinkTable(lab.hostTag))
    await lab.ip(lab.host, [`link delete ${uplinkName(lab.hostTag, 1)}`])
    expect(await lab.pings(guests[1], '10.0.0.5')).toBe(false)

    const report = await hosts.reconcile([a, b])
    expect(report.lostTaps).toEqual([])
    expect(report.repairs.join('\n')).toContain('device stray: veth removed')
    await lab.reaches(guests[0], '10.0.0.6')
    await lab.reaches(guests[0], '10.0.0.1')
    await lab.hears(guests[0], OUTSIDE, 'outside')
    expect((await lab.in(inside, 'nft', 'list', 'tables')).stdout).toContain('table arp hypernetes')
    expect(await hosts.reconcile([a, b])).toEqual({ repairs: [], lostTaps: [] })
  })

  it('names the pods whose device was gone', async () => {
    await hosts.attach(a)
    await hosts.attach(b)
    await lab.ip(namespaceName(lab.hostTag, 1), [`link delete ${tapName('b')}`])
    expect((await hosts.reconcile([a, b])).lostTaps).toEqual(['b'])
  })

  it('after a restart adopts running pods as they are, and removes the rest', async () => {
    await lab.serve(lab.outside, 'outside')
    const guest = await lab.start(hosts, a)
    await hosts.attach(b)
    await hosts.attach({ network: network(2, { outbound: 'nat' }), pod: pod('c', 5) })
    await run('ip', ['netns', 'add', namespaceName(lab.hostTag, 9)])
    await writeFile(`/run/netns/${namespaceName(lab.hostTag, 10)}`, '')
    const routes = (await lab.traces()).routes.filter((route) => route.includes(uplinkName(lab.hostTag, 1)))

    const restarted = lab.hostNetwork()
    const { lostTaps } = await restarted.reconcile([a])
    expect(lostTaps).toEqual([])
    const traces = await lab.traces()
    expect(traces.namespaces).toEqual([namespaceName(lab.hostTag, 1)])
    expect(traces.links).toHaveLength(3)
    expect(traces.routes).toEqual(expect.arrayContaining(routes))
    await lab.hears(guest, OUTSIDE, 'outside')
    expect((await lab.in(namespaceName(lab.hostTag, 1), 'ip', '-o', 'link')).stdout).not.toContain(tapName('b'))
  })

  it('keeps a pod that came, and leaves out one that went, while it ran', async () => {
    await hosts.attach(a)
    const [, port] = await Promise.all([hosts.reconcile([a]), hosts.attach(b), hosts.detach('a')])
    expect(port.tap).toBe(tapName('b'))
    const { stdout } = await lab.in(port.netns, 'ip', '-o', 'link')
    expect(stdout).toContain(tapName('b'))
    expect(stdout).not.toContain(tapName('a'))
  })

  it('a namespace left by an earlier process is not touched by an attach', async () => {
    const guest = await lab.start(hosts, a)
    await expect(lab.hostNetwork().attach(b)).rejects.toThrow('File exists')
    await lab.reaches(guest, '10.0.0.1')
  })
})

describe('side by side', () => {
  it('two installations on one machine share it without meeting', async () => {
    const before = await lab.traces()
    const pool = { transitPool: '100.64.0.0/19' }
    const other = lab.hostNetwork({ ...pool, hostTag: `z${lab.hostTag.slice(1)}` })
    const mine = lab.hostNetwork(pool)
    await Promise.all([mine.attach(a), other.attach(a)])
    const { routes } = await lab.traces()
    expect(routes.filter((route) => /^unreachable 100\.64\.(0|16)\.0\/20 /.test(route))).toHaveLength(2)
    const third = lab.hostNetwork({ ...pool, hostTag: `y${lab.hostTag.slice(1)}` })
    await expect(third.attach(a)).rejects.toThrow('no transit addresses')
    await mine.close()
    expect(await other.reconcile([a])).toEqual({ repairs: [], lostTaps: [] })
    await other.close()
    expect(await lab.traces()).toEqual(before)
  })

  it('twenty pods in four networks come and go at once', async () => {
    const before = await lab.traces()
    const many = lab.hostNetwork({ deviceKind: 'tap' })
    const all = Array.from({ length: 20 }, (_, index) => ({ network: network(1 + index % 4, { outbound: index % 2 ? 'nat' : 'none' }), pod: pod(`p${index}`, 5 + index) }))
    await Promise.all(all.map((attachment) => many.attach(attachment)))
    expect((await lab.traces()).namespaces).toHaveLength(4)
    expect(await many.reconcile(all)).toEqual({ repairs: [], lostTaps: [] })
    await Promise.all(all.map(({ pod: { uid } }) => many.detach(uid)))
    expect(await lab.traces()).toEqual(before)
  })

  it('an address, MAC, number or place that another holds is refused', async () => {
    await hosts.attach(a)
    await expect(hosts.attach({ ...b, pod: pod('b', 5) })).rejects.toThrow('address 10.0.0.5')
    await expect(hosts.attach({ ...b, pod: pod('b', 6, { mac: a.pod.mac }) })).rejects.toThrow('MAC address')
    await expect(hosts.attach({ ...b, network: { ...outside, id: 'other' } })).rejects.toThrow('held by network')
    await expect(hosts.attach({ network: { ...outside, gateway: '10.0.0.2' }, pod: b.pod })).rejects.toThrow('a gateway does not change')
    await expect(hosts.attach({ network: network(2), pod: a.pod })).rejects.toThrow('in network 1 already')
    await expect(hosts.attach({ ...a, pod: pod('a', 9) })).rejects.toThrow('detach it first')
    expect(await hosts.attach(a)).toEqual(await hosts.attach(a))
    await hosts.attach(b)
  })
})
