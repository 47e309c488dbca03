import { access } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pino } from 'pino'
import type { HostAddressPool, HostFloatingAddress } from '@/contracts/host/v1/external'
import { ServerLease, uptimeMs } from '@/host/balancers/server-lease'
import type { Attachment } from '@/host/network/attachment'
import type { HostNetwork } from '@/host/network/host-network'
import { namespaceName } from '@/host/network/names'
import { Lab, network, OUTSIDE, pod } from '@/host/network/testing/lab'
import { run } from '@/platform/exec'
import { FloatingAddresses } from './floating-addresses'
import { LeaseGuard } from './lease-guard'
import { bridgeName } from './names'

const uid = (last: number) => `00000000-0000-4000-8000-0000000000${last.toString(16).padStart(2, '0')}`
const POOL: HostAddressPool = { kind: 'addressPool', uid: uid(240), name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const place = (number: number, last: number): Attachment => ({ network: network(number, { id: uid(200 + number), outbound: 'nat' }), pod: pod(`p${number}-${last}`, last) })
const [web, sibling, other] = [place(1, 5), place(1, 6), place(2, 5)]
const address = (last: number, to: Attachment, until: number | null): HostFloatingAddress => ({ kind: 'floatingAddress', uid: uid(last), address: `198.18.100.${last}`, networkId: to.network.id, podUid: to.pod.uid, podAddress: to.pod.address, until })
const POOL6: HostAddressPool = { kind: 'addressPool', uid: uid(241), name: 'six', cidr: '2001:db8:100::/64', gateway: '2001:db8:100::1' }
const routed: HostFloatingAddress = { ...address(16, other, 5), address: '2001:db8:100::16' }
/** One that the server's silence ends, and one of the same network and one of another that it does not. */
const [leased, free, neighbour] = [address(10, web, 5), address(11, sibling, null), address(20, other, null)]
const patient = { timeout: 30_000, interval: 200 }

let lab: Lab
let hosts: HostNetwork
let lease: ServerLease
let guard: LeaseGuard
/** Who is on the wire that an operator puts into the bridge, as another host is. */
let wire: string
const guests: Record<string, string> = {}

/** An agent's part: what it answers for, and for how long the kernel lets it. */
async function give(...addresses: HostFloatingAddress[]): Promise<void> {
  const floating = new FloatingAddresses({ network: hosts, log: pino({ level: 'silent' }), guard, onReport: () => {} })
  floating.apply([POOL, POOL6], addresses)
  await floating.settled()
  expect(floating.reports().map(({ phase }) => phase)).toEqual(addresses.map(() => 'Active'))
}
async function agent(): Promise<void> {
  lease = await ServerLease.open(null, () => {})
  guard = new LeaseGuard({ hostTag: lab.hostTag, kernel: hosts.externalKernel, lease })
}
const isAnsweredInArp = (ip: string) => lab.in(wire, 'arping', '-q', '-c', '1', '-w', '1', '-I', 'eth0', ip).then(() => true, () => false)
async function answers(ip: string) {
  const [arp, ping, tcp] = await Promise.all([isAnsweredInArp(ip), lab.pings(lab.outside, ip), lab.fetch(lab.outside, ip)])
  return { arp, ping, tcp }
}

beforeAll(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork()
  await lab.ip(lab.outside, ['route add 198.18.100.0/24 via 203.0.113.2'])
  for (const one of [web, sibling, other]) guests[one.pod.uid] = await lab.start(hosts, one)
  for (const [name, namespace] of Object.entries(guests)) await lab.serve(namespace, name)
  await lab.serve(lab.outside, 'outside')
  await agent()
  lease.heard(uptimeMs())
  await give(leased, free, neighbour)
  wire = `hyt-${lab.hostTag}-wire`
  await run('ip', ['netns', 'add', wire])
  await lab.ip(lab.host, [`link add wire0 type veth peer name eth0 netns ${wire}`, `link set wire0 master ${bridgeName(lab.hostTag)} up`])
  await lab.ip(wire, ['address add 198.18.100.200/24 dev eth0', 'link set eth0 up', 'address add 2001:db8:100::200/64 dev eth0 nodad'])
})
afterAll(async () => {
  await hosts?.close().catch(() => undefined)
  await lab?.destroy()
})

it('an agent that is gone takes its pods’ addresses along once their time is over, in ARP, ICMP and TCP and both ways, and nothing else; the next one has them answer again', async () => {
  const all = (name: string) => ({ arp: true, ping: true, tcp: name })
  const silent = { arp: false, ping: false, tcp: null }
  lease.heard(uptimeMs())
  await give(leased, free, neighbour)
  await guard.renew()
  await expect.poll(async () => {
    // As long as the server is heard of.
    lease.heard(uptimeMs())
    await guard.renew()
    return answers(leased.address)
  }, patient).toEqual(all('p1-5'))
  const came = await lab.count(guests['p1-5']!, `ip saddr ${OUTSIDE}`)
  // The agent is killed: nobody hears of the server, and nobody lets anything go.
  await expect.poll(() => answers(leased.address), patient).toEqual(silent)
  const before = await came()
  expect(await answers(leased.address)).toEqual(silent)
  // What is sent to it reaches nobody either, and its pod says nothing by it.
  expect(await came()).toBe(before)
  expect(await lab.fetch(guests['p1-5']!, OUTSIDE)).toBe(null)
  // The address beside it, another tenant's, and the pod's own network go on.
  await expect.poll(() => answers(free.address), patient).toEqual(all('p1-6'))
  await expect.poll(() => answers(neighbour.address), patient).toEqual(all('p2-5'))
  await expect.poll(async () => [await lab.fetch(guests['p1-6']!, '10.0.0.5'), await lab.fetch(guests['p1-5']!, '10.0.0.6'), await lab.pings(guests['p1-5']!, '10.0.0.1')], patient).toEqual(['p1-5', 'p1-6', true])
  // Another agent, which finds all as it was left: silent until the server is heard of.
  await agent()
  await guard.adopt({ links: new Map(), addresses: new Map([[leased.address, 5]]) })
  expect(await answers(leased.address)).toEqual(silent)
  await expect.poll(async () => {
    lease.heard(uptimeMs())
    await guard.renew()
    return answers(leased.address)
  }, patient).toEqual(all('p1-5'))
  // One machine alone may answer for ever: the server says so, and what was guarded is free.
  await give({ ...leased, until: null }, free, neighbour)
  expect((await lab.traces()).tables.join()).not.toContain('hypernetes_lease')
  await expect.poll(() => answers(leased.address), patient).toEqual(all('p1-5'))
})

it('an address of IPv6 is not even asked for any more on the wire once its time is over, and is again after that', async () => {
  lease.heard(uptimeMs())
  await give(free, routed)
  const told = hosts.floating.routed().get(other.pod.uid)
  // As its guest's agent does it.
  await lab.ip(guests['p2-5']!, [`address replace ${routed.address}/128 dev eth0 nodad`, `route replace default via ${told?.gateway} dev eth0 src ${routed.address}`])
  const asked = await lab.count(guests['p2-5']!, `ip6 daddr ${routed.address}`)
  /** Whether a machine on the wire learns who has it. */
  const isFound = async () => {
    await lab.in(wire, 'ip', '-6', 'neigh', 'flush', 'dev', 'eth0')
    await lab.pings(wire, routed.address)
    return (await lab.in(wire, 'ip', '-6', 'neigh', 'show', routed.address, 'dev', 'eth0')).stdout.includes('lladdr')
  }
  const isFoundInTime = async () => {
    lease.heard(uptimeMs())
    await guard.renew()
    return isFound()
  }
  await expect.poll(isFoundInTime, patient).toBe(true)
  await expect.poll(async () => await isFoundInTime() && lab.pings(wire, routed.address), patient).toBe(true)
  expect(await asked()).toBeGreaterThan(0)
  await expect.poll(isFound, patient).toBe(false)
  const before = await asked()
  // Also who knew it before reaches it no more.
  const { mac } = hosts.external.portOf(namespaceName(lab.hostTag, 2))!
  await lab.ip(wire, [`neigh replace ${routed.address} lladdr ${mac} nud permanent dev eth0`])
  expect(await lab.pings(wire, routed.address)).toBe(false)
  expect(await asked()).toBe(before)
  await lab.ip(wire, [`neigh delete ${routed.address} dev eth0`])
  await expect.poll(async () => (await answers(free.address)).tcp, patient).toBe('p1-6')
  await expect.poll(isFoundInTime, patient).toBe(true)
})

// Whether the kernel shows this host's packet filter of the other family what is bridged: where Docker is, it does.
const isModuleThere = await access('/proc/sys/net/bridge').then(() => true, () => false)
it.each([...(isModuleThere ? [['seen', 1] as const] : []), ['not seen', 0] as const])('machines on the wire are answered, where the bridge is %s by the host', async (_, isSeen) => {
  await lab.in(lab.host, 'sysctl', '-q', '-w', ...['iptables', 'ip6tables', 'arptables'].map((one) => `net.bridge.bridge-nf-call-${one}=${isSeen}`)).catch((error: unknown) => {
    // Without the module br_netfilter it is never seen.
    if (isSeen === 0) return
    throw error
  })
  await give({ ...leased, until: null }, { ...routed, until: null })
  await expect.poll(async () => [await lab.pings(wire, leased.address), await lab.fetch(wire, leased.address), await lab.pings(wire, routed.address), await lab.pings(guests['p1-5']!, '198.18.100.200')], patient).toEqual([true, 'p1-5', true, true])
})
