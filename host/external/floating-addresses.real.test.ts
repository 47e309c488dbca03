import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pino } from 'pino'
import type { HostAddressPool, HostFloatingAddress } from '@/contracts/host/v1/external'
import type { NetworkMessage, NetworkPolicyObject } from '@/contracts/host/v1/networks'
import { run } from '@/platform/exec'
import type { Attachment } from '@/host/network/attachment'
import type { HostNetwork } from '@/host/network/host-network'
import { namespaceName } from '@/host/network/names'
import { HOST, Lab, network, OUTSIDE, pod, until } from '@/host/network/testing/lab'
import { announce } from './announce'
import { FloatingAddresses } from './floating-addresses'
import { bridgeName, portName } from './names'

let lab: Lab
let hosts: HostNetwork
let floating: FloatingAddresses
const told: string[] = []
let before: Awaited<ReturnType<Lab['traces']>>

const POOL: HostAddressPool = { kind: 'addressPool', uid: '00000000-0000-4000-8000-0000000000f0', name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const uid = (last: number) => `00000000-0000-4000-8000-0000000000${last.toString(16).padStart(2, '0')}`
const place = (number: number, last: number): Attachment => ({ network: network(number, { id: uid(200 + number), outbound: 'nat' }), pod: pod(`p${number}-${last}`, last) })
const address = (last: number, to: Attachment): HostFloatingAddress => ({ kind: 'floatingAddress', uid: uid(last), address: `198.18.100.${last}`, networkId: to.network.id, podUid: to.pod.uid, podAddress: to.pod.address })
const [web, db, other] = [place(1, 5), place(1, 6), place(2, 5)]
const policy = (members: string[], from: string): NetworkPolicyObject => ({ kind: 'policy', uid: uid(170), source: 'SecurityGroup', namespace: null, name: 'web', members, directions: ['ingress'], rules: [{ id: 'rules[0]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: [{ cidr: from, except: [] }], addresses: null } }] })
const says = (set: NetworkMessage['set']): NetworkMessage => ({ kind: 'networkObjects', networkId: web.network.id, complete: true, remove: [], set: [{ kind: 'network', number: 1, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], serviceCidrs: [], routes: [], outbound: 'nat', mtu: 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } }, ...set] })
const guests: Record<string, string> = {}

async function give(...addresses: HostFloatingAddress[]): Promise<void> {
  floating.apply([POOL], addresses)
  await floating.settled()
}
const phases = () => Object.fromEntries(floating.reports().map((one) => [one.uid.slice(-2), one.phase]))

function open(options: Parameters<Lab['hostNetwork']>[0] = {}) {
  hosts = lab.hostNetwork(options)
  floating = new FloatingAddresses({ network: hosts, log: pino({ level: 'silent' }), onReport: (one) => told.push(`${one.slice(-2)} ${floating.report(one)?.phase}`) })
}

beforeAll(async () => {
  lab = await Lab.create()
  before = await lab.traces()
  open()
  // The outside knows the way, as an operator's router would.
  await lab.ip(lab.outside, [`route add 198.18.100.0/24 via ${HOST}`])
  for (const one of [web, db, other]) guests[one.pod.uid] = await lab.start(hosts, one)
  await lab.serve(guests['p1-5']!, 'web')
  await lab.serve(guests['p1-6']!, 'db')
  await lab.serve(guests['p2-5']!, 'other')
  await lab.serve(lab.outside, 'outside')
})
afterAll(async () => {
  await hosts?.close().catch(() => undefined)
  await lab?.destroy()
})

describe('an address of a pod', () => {
  it('is answered for from the outside, pings too, and is told of', async () => {
    await give()
    expect(await lab.fetch(lab.outside, '198.18.100.10')).toBe(null)
    await give(address(10, web))
    expect(phases()).toEqual({ '0a': 'Active' })
    expect(told).toContain('0a Active')
    // Who asks and never completes it closes the address for a short time alone.
    expect((await lab.in(namespaceName(lab.hostTag, 1), 'sysctl', '-n', 'net.netfilter.nf_conntrack_tcp_timeout_syn_recv')).stdout.trim()).toBe('10')
    await lab.hears(lab.outside, '198.18.100.10', 'web')
    await lab.reaches(lab.outside, '198.18.100.10')
    // Who asks is seen by the pod itself.
    const seen = await lab.count(guests['p1-5']!, `ip saddr ${OUTSIDE} tcp dport 8080`)
    await lab.hears(lab.outside, '198.18.100.10', 'web')
    expect(await seen()).toBeGreaterThan(0)
  })

  it('is what the pod’s own connections leave from, and no other’s', async () => {
    // Of a range that is routed nowhere: beyond the host it has the host's address.
    const translated = await lab.count(lab.outside, `ip saddr ${HOST} tcp dport 8080`)
    await lab.hears(guests['p1-5']!, OUTSIDE, 'outside')
    expect(await translated()).toBeGreaterThan(0)
    const onBridge = async () => (await run('nsenter', [`--net=/run/netns/${namespaceName(lab.hostTag, 1)}`, 'conntrack', '-L', '-f', 'ipv4', '--orig-dst', OUTSIDE])).stdout
    expect(await onBridge()).toMatch(/src=10\.0\.0\.5 dst=203\.0\.113\.1 .*dst=198\.18\.100\.10 /)
    await lab.hears(guests['p1-6']!, OUTSIDE, 'outside')
    expect((await onBridge()).split('\n').filter((line) => line.includes('src=10.0.0.6')).join()).toMatch(/dst=100\./)
  })

  it('is reached by its own pod, by its siblings, by another tenant and by the host', async () => {
    await lab.hears(guests['p1-5']!, '198.18.100.10', 'web')
    await lab.hears(guests['p1-6']!, '198.18.100.10', 'web')
    await lab.hears(guests['p2-5']!, '198.18.100.10', 'web')
    await lab.hears(lab.host, '198.18.100.10', 'web')
    await give(address(10, web), address(20, other))
    await lab.hears(guests['p1-5']!, '198.18.100.20', 'other')
    const source = await lab.count(guests['p2-5']!, 'ip saddr 198.18.100.10')
    await lab.hears(guests['p1-5']!, '198.18.100.20', 'other')
    expect(await source()).toBeGreaterThan(0)
  })

  it('is subject to its pod’s groups by who asks outside, and open to all without', async () => {
    await hosts.applyObjects(web.network.id, says([policy(['10.0.0.5'], '192.0.2.0/24')]))
    await until(async () => await lab.fetch(lab.outside, '198.18.100.10') === null)
    await hosts.applyObjects(web.network.id, says([policy(['10.0.0.5'], `${OUTSIDE}/32`)]))
    await lab.hears(lab.outside, '198.18.100.10', 'web')
    await hosts.applyObjects(web.network.id, says([]))
    await lab.hears(lab.outside, '198.18.100.10', 'web')
  })

  it('leads nobody to the host, to a network’s inside or past it', async () => {
    await lab.serve(lab.host, 'host')
    await lab.hears(lab.outside, HOST, 'host')
    // From a pod with an address: neither the bridge's own address nor another of the host.
    expect(await Promise.all(['198.18.100.1', HOST].map((to) => lab.fetch(guests['p1-5']!, to)))).toEqual([null, null])
    await lab.reaches(guests['p1-5']!, '198.18.100.1')
    // From outside: addresses that nobody has, and pods by their inner address.
    await lab.ip(lab.outside, [`route replace 10.0.0.0/24 via ${HOST}`])
    expect(await Promise.all(['198.18.100.77', '10.0.0.5'].map((to) => lab.fetch(lab.outside, to)))).toEqual([null, null])
    const transit = (await lab.traces()).routes.flatMap((line) => /^(100\.[\d.]+) dev/.exec(line)?.[1] ?? [])
    expect(transit.length).toBeGreaterThan(0)
    expect(await Promise.all(transit.map((one) => lab.pings(guests['p1-5']!, one)))).not.toContain(true)
  })

  it('is no other’s to claim on the bridge', async () => {
    const namespace = namespaceName(lab.hostTag, 2)
    const arrives = async (match: string, send: () => Promise<unknown>) => {
      await run('nsenter', [`--net=/run/netns/${lab.host}`, 'nft', '-f', '-'], { input: `table netdev spy {\n chain c { type filter hook ingress device "${portName(lab.hostTag, namespace)}" priority 0; ${match} counter\n }\n}\ntable bridge spy {\n chain c { type filter hook prerouting priority 0; iifname "${portName(lab.hostTag, namespace)}" ${match} counter\n }\n}\n` })
      await send()
      const count = async (family: string) => Number(/packets (\d+)/.exec((await lab.in(lab.host, 'nft', 'list', 'table', family, 'spy')).stdout)?.[1])
      const counts = { sent: await count('netdev'), passed: await count('bridge') }
      for (const family of ['netdev', 'bridge']) await lab.in(lab.host, 'nft', 'delete', 'table', family, 'spy')
      return counts
    }
    // Root in another network's namespace, past its packet filter, which a pod never is.
    const { mac } = hosts.external.portOf(namespace)!
    const says = (from: string, text: string) => arrives('ether type arp', () => announce(run, namespace, 'ext0', from, [text]))
    expect(await says(mac, '198.18.100.20')).toEqual({ sent: 4, passed: 4 })
    expect(await says(mac, '198.18.100.10')).toEqual({ sent: 4, passed: 0 })
    expect(await says('02:00:00:00:00:77', '198.18.100.20')).toEqual({ sent: 4, passed: 0 })
    await lab.hears(lab.outside, '198.18.100.10', 'web')
    await hosts.mend()
  })
})

describe('an address that moves', () => {
  it('between two pods of a network: one or the other answers, at once, and open connections end', async () => {
    await give(address(10, web))
    await lab.hears(lab.outside, '198.18.100.10', 'web')
    const answers: (string | null)[] = []
    let isOver = false
    const asking = (async () => {
      while (!isOver) answers.push(await lab.fetch(lab.outside, '198.18.100.10'))
    })()
    try {
      for (const to of [db, web, db]) await give(address(10, to))
      const { length } = answers
      // The one under way may be cut.
      await until(async () => answers.length > length + 2)
    } finally {
      isOver = true
      await asking
    }
    // A connection that was open at the moment itself may have been cut; no other went unanswered.
    expect(answers.filter((one) => one === null).length).toBeLessThanOrEqual(3)
    expect(answers.at(-1)).toBe('db')
    expect((await lab.in(namespaceName(lab.hostTag, 1), 'conntrack', '-L', '-f', 'ipv4', '--orig-dst', '198.18.100.10')).stdout).not.toContain('src=10.0.0.5')
  })

  it('between two networks: the first has lost it before the second has it', async () => {
    await give(address(10, other))
    await lab.hears(lab.outside, '198.18.100.10', 'other')
    expect(hosts.external.portOf(namespaceName(lab.hostTag, 1))).toBe(undefined)
    expect((await lab.in(namespaceName(lab.hostTag, 1), 'ip', '-o', 'link')).stdout).not.toContain('ext0')
    // Without an address its pods leave as before.
    await lab.hears(guests['p1-6']!, OUTSIDE, 'outside')
    await give(address(10, web), address(11, web))
    await lab.hears(lab.outside, '198.18.100.11', 'web')
    await lab.hears(lab.outside, '198.18.100.10', 'web')
  })

  it('is refused where it cannot be, and the others of its network are carried out', async () => {
    const elsewhere = { ...address(30, web), address: '192.0.2.1' }
    const twice = { ...address(31, db), address: '198.18.100.10' }
    await give(address(10, web), elsewhere, twice, { ...address(32, web), podUid: 'nobody' }, { ...address(1, web), uid: uid(33) })
    expect(phases()).toMatchObject({ '0a': 'Active', '1e': 'Failed', '1f': 'Failed', '20': 'Degraded', '21': 'Failed' })
    expect(floating.report(uid(31))?.message).toContain('another floating address')
    await give(address(10, web))
    expect(phases()).toMatchObject({ '0a': 'Active', '1e': 'Gone', '20': 'Gone' })
    // A pool that the host's own interface is in costs its addresses, and no others.
    floating.apply([POOL, { ...POOL, uid: uid(250), name: 'wire', cidr: '203.0.113.0/24', gateway: '203.0.113.254' }], [address(10, web), { ...address(40, web), address: '203.0.113.40' }])
    await floating.settled()
    expect(phases()).toMatchObject({ '0a': 'Active', '28': 'Failed' })
    expect(floating.report(uid(40))).toMatchObject({ reason: 'PoolInUse' })
    await lab.hears(lab.outside, '198.18.100.10', 'web')
    await give(address(10, web))
  })
})

describe('what others change', () => {
  const changes: [string, () => Promise<unknown>][] = [
    ['the bridge, which is gone', () => lab.ip(lab.host, [`link delete ${bridgeName(lab.hostTag)}`])],
    ['the link, which is gone', () => lab.ip(lab.host, [`link delete ${portName(lab.hostTag, namespaceName(lab.hostTag, 1))}`])],
    ['the link, which is down', () => lab.ip(lab.host, [`link set ${portName(lab.hostTag, namespaceName(lab.hostTag, 1))} down`])],
    ['the link, out of the bridge', () => lab.ip(lab.host, [`link set ${portName(lab.hostTag, namespaceName(lab.hostTag, 1))} nomaster`])],
    ['the entry of the bridge', async () => lab.in(lab.host, 'bridge', 'fdb', 'del', hosts.external.portOf(namespaceName(lab.hostTag, 1))!.mac, 'dev', portName(lab.hostTag, namespaceName(lab.hostTag, 1)), 'master')],
    ['a table of the outside', () => lab.in(lab.host, 'nft', 'delete', 'table', 'bridge', `hypernetes_ext_${lab.hostTag}`)],
    ['the address within', () => lab.ip(namespaceName(lab.hostTag, 1), ['address delete 198.18.100.10/32 dev ext0'])],
    ['the rule of routing', () => lab.ip(namespaceName(lab.hostTag, 1), ['rule delete priority 101'])],
    ['the neighbour on the bridge', () => lab.ip(lab.host, [`neigh delete 198.18.100.10 dev ${bridgeName(lab.hostTag)}`])],
  ]
  it.each(changes)('is put right: %s', async (_, change) => {
    await give(address(10, web))
    await hosts.mend()
    expect((await hosts.mend()).repairs).toEqual([])
    await change()
    expect((await hosts.mend()).repairs.length).toBeGreaterThan(0)
    await lab.hears(lab.outside, '198.18.100.10', 'web')
    await lab.hears(guests['p1-5']!, OUTSIDE, 'outside')
    await hosts.mend()
    expect((await hosts.mend()).repairs).toEqual([])
  })
})

describe('the end', () => {
  it('of an agent leaves all to the next, which takes it up without a cut', async () => {
    await give(address(10, web), address(20, other))
    const stream = lab.in(lab.outside, 'busybox', 'ping', '-i', '0.05', '-c', '60', '-W', '1', '198.18.100.10')
    open()
    await hosts.external.setPools([POOL])
    hosts.floating.know([address(10, web), address(20, other)].map(({ uid: one, address: text, networkId, podUid, podAddress }) => ({ uid: one, address: text, networkId, podUid, target: podAddress })))
    const { repairs, lostTaps } = await hosts.reconcile([web, db, other])
    expect({ repairs, lostTaps }).toEqual({ repairs: [], lostTaps: [] })
    await give(address(10, web), address(20, other))
    // Ping does not wait for the answer of its last packets.
    expect(Number(/(\d+) packets received/.exec((await stream).stdout)?.[1])).toBeGreaterThanOrEqual(59)
    expect(phases()).toEqual({ '0a': 'Active', '14': 'Active' })
    await lab.hears(lab.outside, '198.18.100.10', 'web')
  })

  it('of a pod takes its address along, and its network’s namespace the link', async () => {
    await hosts.detach(other.pod.uid)
    expect(phases()).toEqual({ '0a': 'Active', '14': 'Degraded' })
    expect((await lab.traces()).links.join()).not.toContain(portName(lab.hostTag, namespaceName(lab.hostTag, 2)))
    const again = await lab.start(hosts, other)
    await lab.serve(again, 'again')
    await until(async () => phases()['14'] === 'Active')
    await lab.hears(lab.outside, '198.18.100.20', 'again')
  })

  it('leaves an operator’s interface in the bridge, and else nothing', async () => {
    await give(address(10, web), address(20, other))
    await lab.unlink(lab.host, 'wire0')
    await lab.ip(lab.host, ['link add wire0 type veth peer name wire1', `link set wire0 master ${bridgeName(lab.hostTag)} up`])
    await give()
    expect(phases()).toEqual({ '0a': 'Gone', '14': 'Gone' })
    const { links, tables } = await lab.traces()
    expect(links.filter((name) => name.startsWith('hx'))).toEqual([])
    expect(links).toContain(bridgeName(lab.hostTag))
    expect(tables.join()).not.toContain('hypernetes_ext')
    await give(address(10, web))
    await lab.hears(lab.outside, '198.18.100.10', 'web')
    await lab.ip(lab.host, ['link delete wire0'])
  })

  it('of all leaves no trace', async () => {
    await hosts.close()
    await expect.poll(() => lab.traces()).toEqual(before)
  })
})
