import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pino } from 'pino'
import type { HostAddressPool, HostFloatingAddress } from '@/contracts/host/v1/external'
import type { NetworkMessage, NetworkPolicyObject } from '@/contracts/host/v1/networks'
import type { Attachment } from '@/host/network/attachment'
import type { RoutedAddresses } from '@/host/network/floating/routed-addresses'
import type { HostNetwork } from '@/host/network/host-network'
import { namespaceName } from '@/host/network/names'
import { Lab, network, pod, until } from '@/host/network/testing/lab'
import { FloatingAddresses } from './floating-addresses'
import { bridgeName, portName } from './names'

let lab: Lab
let hosts: HostNetwork
let floating: FloatingAddresses
let before: Awaited<ReturnType<Lab['traces']>>

const POOL: HostAddressPool = { kind: 'addressPool', uid: '00000000-0000-4000-8000-0000000000f6', name: 'six', cidr: '2001:db8:100::/64', gateway: '2001:db8:100::1' }
const OUTSIDE = '2001:db8:1::1'
const uid = (last: number) => `00000000-0000-4000-8000-0000000000${last.toString(16).padStart(2, '0')}`
const six = { cidr: 'fd00:0:0:1::/64', gateway: 'fd00:0:0:1::1' }
/** Network 1 has IPv6, network 2 has not. */
const place = (number: number, last: number): Attachment => ({ network: network(number, { id: uid(200 + number), outbound: 'nat', ...(number === 1 ? { ipv6: six } : {}) }), pod: pod(`r${number}-${last}`, last, number === 1 ? { ipv6: { address: `fd00:0:0:1::${last}`, prefixLength: 64 } } : {}) })
const [web, db, plain] = [place(1, 5), place(1, 6), place(2, 5)]
const address = (last: number, to: Attachment): HostFloatingAddress => ({ kind: 'floatingAddress', uid: uid(last), address: `2001:db8:100::${last}`, networkId: to.network.id, podUid: to.pod.uid, podAddress: to.pod.ipv6?.address ?? to.pod.address })
const policy = (members: string[], from: string): NetworkPolicyObject => ({ kind: 'policy', uid: uid(170), source: 'SecurityGroup', namespace: null, name: 'web', members, directions: ['ingress'], rules: [{ id: 'rules[0]', direction: 'ingress', protocol: 'any', ports: null, icmpTypes: null, peer: { cidrs: [{ cidr: from, except: [] }], addresses: null } }] })
const says = (number: number, set: NetworkMessage['set']): NetworkMessage => ({ kind: 'networkObjects', networkId: uid(200 + number), complete: true, remove: [], set: [{ kind: 'network', number, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, ...(number === 1 ? [{ name: 'b', ...six }] : [])], serviceCidrs: [], routes: [], outbound: 'nat', mtu: 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } }, ...set] })
const guests: Record<string, string> = {}
const guestOf = ({ pod: { uid: podUid } }: Attachment): string => guests[podUid]!

/** As a guest's agent does what it is told. */
async function tell(one: Attachment, told: RoutedAddresses | undefined): Promise<void> {
  await lab.ip(guestOf(one), ['address flush dev eth0 to 2001:db8:100::/64'])
  if (!told) return
  const { addresses: [own = '', ...others], gateway, inside } = told
  await lab.ip(guestOf(one), [
    ...[own, ...others].map((text) => `address replace ${text}/128 dev eth0 nodad`),
    ...inside.map((subnet) => `route replace ${subnet} via ${one.network.ipv6?.gateway} dev eth0 src ${one.pod.ipv6?.address}`),
    `route replace default via ${gateway} dev eth0 src ${own}`,
  ])
}
async function give(...addresses: HostFloatingAddress[]): Promise<void> {
  floating.apply([POOL], addresses)
  await floating.settled()
  for (const one of [web, db, plain]) await tell(one, hosts.floating.routed().get(one.pod.uid))
}
const phases = () => Object.fromEntries(floating.reports().map((one) => [one.uid.slice(-2), one.phase]))
const asks = (from: string, to: string) => lab.fetch(from, `[${to}]`)
const hears = (from: string, to: string, answer: string) => until(async () => await asks(from, to) === answer)

function open(): void {
  hosts = lab.hostNetwork()
  floating = new FloatingAddresses({ network: hosts, log: pino({ level: 'silent' }), onReport: () => {} })
}

beforeAll(async () => {
  lab = await Lab.create()
  await lab.ip(lab.host, ['address add 2001:db8:1::2/64 dev eth0 nodad', `route add default via ${OUTSIDE}`])
  await lab.ip(lab.outside, [`address add ${OUTSIDE}/64 dev eth0 nodad`, 'route add 2001:db8:100::/64 via 2001:db8:1::2'])
  before = await lab.traces()
  open()
  for (const one of [web, db, plain]) guests[one.pod.uid] = await lab.start(hosts, one)
  for (const [one, answer] of [[guestOf(web), 'web'], [guestOf(db), 'db'], [guestOf(plain), 'plain'], [lab.outside, 'outside']] as const) await lab.serve(one, answer, 6)
})
afterAll(async () => {
  await hosts?.close().catch(() => undefined)
  await lab?.destroy()
})

describe('an address of IPv6 that is routed to a pod', () => {
  it.each([['in a network of both families', web, 'web'], ['in a network without IPv6', plain, 'plain']])('%s is reached from the outside, and what the pod opens leaves from it', async (_, one, answer) => {
    await give(address(16, one))
    expect(phases()).toEqual({ 10: 'Active' })
    await hears(lab.outside, '2001:db8:100::16', answer)
    await lab.reaches(lab.outside, '2001:db8:100::16')
    // Nothing is translated: the pod sees who asks and by which address, and is seen itself.
    const seen = await lab.count(guestOf(one), `ip6 saddr ${OUTSIDE} ip6 daddr 2001:db8:100::16 tcp dport 8080`)
    await hears(lab.outside, '2001:db8:100::16', answer)
    expect(await seen()).toBeGreaterThan(0)
    const left = await lab.count(lab.outside, 'ip6 saddr 2001:db8:100::16 tcp dport 8080')
    await hears(guestOf(one), OUTSIDE, 'outside')
    expect(await left()).toBeGreaterThan(0)
    // The host's own address there answers pings, and nothing else.
    await lab.reaches(guestOf(one), POOL.gateway)
  })

  it('is not what its pod speaks from inside of its network, and siblings reach it', async () => {
    await give(address(16, web))
    const inner = await lab.count(guestOf(db), 'ip6 saddr fd00:0:0:1::5 tcp dport 8080')
    const own = await lab.count(guestOf(db), 'ip6 saddr 2001:db8:100::16')
    await hears(guestOf(web), 'fd00:0:0:1::6', 'db')
    expect([await inner() > 0, await own()]).toEqual([true, 0])
    await hears(guestOf(db), '2001:db8:100::16', 'web')
    await hears(lab.host, '2001:db8:100::16', 'web')
    // From one to another that is in another network: by the bridge.
    await give(address(16, web), address(17, plain))
    await hears(guestOf(web), '2001:db8:100::17', 'plain')
    await hears(guestOf(plain), '2001:db8:100::16', 'web')
  })

  it('is no other pod’s to send from, and without one nothing leaves', async () => {
    await give(address(16, web))
    const arrived = await lab.count(lab.outside, 'ip6 saddr 2001:db8:100::16')
    for (const one of [db, plain]) {
      // Whatever a guest gives itself.
      await lab.ip(guestOf(one), ['address replace 2001:db8:100::16/128 dev eth0 nodad', 'route replace default via fe80::1 dev eth0 src 2001:db8:100::16'])
      expect(await lab.pings(guestOf(one), OUTSIDE)).toBe(false)
      await lab.ip(guestOf(one), ['address delete 2001:db8:100::16/128 dev eth0'])
    }
    expect(await arrived()).toBe(0)
    const unspoken = await lab.count(lab.outside, 'ip6 saddr fd00:0:0:1::/64')
    await lab.ip(guestOf(db), [`route replace default via ${six.gateway} dev eth0`])
    expect((await lab.in(guestOf(db), 'socat', '-u', `TCP:[${OUTSIDE}]:8080,connect-timeout=5`, '-').catch((error: Error) => error)).toString()).toContain('unreachable')
    expect(await unspoken()).toBe(0)
    await hears(lab.outside, '2001:db8:100::16', 'web')
  })

  it('is subject to its pod’s groups, whichever of its addresses they name, and open without', async () => {
    for (const [one, number, member] of [[web, 1, 'fd00:0:0:1::5'], [plain, 2, '10.0.0.5']] as const) {
      await give(address(16, one))
      await hosts.applyObjects(one.network.id, says(number, [policy([member], '2001:db8:77::/64')]))
      await until(async () => await asks(lab.outside, '2001:db8:100::16') === null)
      await hosts.applyObjects(one.network.id, says(number, [policy([member], `${OUTSIDE}/128`)]))
      await until(async () => await asks(lab.outside, '2001:db8:100::16') !== null)
      await hosts.applyObjects(one.network.id, says(number, []))
    }
    // A sibling in a group is known by its routed address, too.
    await give(address(16, web), address(18, db))
    const siblings = policy(['fd00:0:0:1::5'], '2001:db8:77::/64')
    await hosts.applyObjects(web.network.id, says(1, [{ ...siblings, rules: siblings.rules.map((rule) => ({ ...rule, peer: { cidrs: null, addresses: ['fd00:0:0:1::6'] } })) }]))
    await hears(guestOf(db), '2001:db8:100::16', 'web')
    expect(await asks(lab.outside, '2001:db8:100::16')).toBe(null)
    await hosts.applyObjects(web.network.id, says(1, []))
  })

  it('opens nothing where its network lets out nothing, and answers', async () => {
    const says1 = says(1, [])
    await hosts.applyObjects(web.network.id, { ...says1, set: says1.set.map((one) => (one.kind === 'network' ? { ...one, outbound: 'none' as const } : one)) })
    await hears(lab.outside, '2001:db8:100::16', 'web')
    expect(await asks(guestOf(web), OUTSIDE)).toBe(null)
    await hosts.applyObjects(web.network.id, says1)
    await hears(guestOf(web), OUTSIDE, 'outside')
  })

  it('is answered for on an operator’s wire: asked, and told of by itself', async () => {
    await give(address(16, plain))
    const wire = `hyt-${lab.hostTag}-wire`
    await lab.unlink(lab.host, 'wire0')
    await lab.in(lab.host, 'ip', 'netns', 'delete', wire).catch(() => {})
    await lab.in(lab.host, 'ip', 'netns', 'add', wire)
    await lab.ip(lab.host, [`link add wire0 type veth peer name eth0 netns ${wire}`, `link set wire0 master ${bridgeName(lab.hostTag)} up`])
    await lab.ip(wire, ['link set lo up', 'link set eth0 up', 'address add 2001:db8:100::ffff/64 dev eth0 nodad'])
    const asked = await lab.count(guestOf(plain), 'ip6 saddr 2001:db8:100::ffff')
    await until(async () => {
      await lab.pings(wire, '2001:db8:100::16')
      return await asked() > 0
    })
    const neighbours = async () => (await lab.in(wire, 'ip', '-6', 'neigh', 'show')).stdout
    expect(await neighbours()).toMatch(new RegExp(`^2001:db8:100::16 dev eth0 lladdr ${hosts.external.portOf(namespaceName(lab.hostTag, 2))!.mac}`, 'm'))
    // For no other.
    await lab.pings(wire, '2001:db8:100::17')
    expect(await neighbours()).not.toMatch(/^2001:db8:100::17 .*lladdr/m)
    // It moves: nobody asks, and all know.
    const claims = await lab.count(wire, 'ether daddr 33:33:00:00:00:01 icmpv6 type nd-neighbor-advert')
    await give(address(16, web))
    expect(await claims()).toBeGreaterThan(0)
    expect(await neighbours()).toContain(`2001:db8:100::16 dev eth0 lladdr ${hosts.external.portOf(namespaceName(lab.hostTag, 1))!.mac}`)
    await lab.ip(lab.host, ['link delete wire0'])
  })

  it('moves between pods of a network in one step, and its connections do not', async () => {
    await give(address(16, web))
    await hears(lab.outside, '2001:db8:100::16', 'web')
    await give(address(16, db))
    await hears(lab.outside, '2001:db8:100::16', 'db')
    const known = async () => (await lab.in(namespaceName(lab.hostTag, 1), 'conntrack', '-L', '-f', 'ipv6', '--orig-dst', '2001:db8:100::16')).stdout
    const { length } = (await known()).split('\n')
    expect(length).toBeGreaterThan(0)
    await give()
    expect(phases()).toMatchObject({ 10: 'Gone' })
    expect(await asks(lab.outside, '2001:db8:100::16')).toBe(null)
    const inside = await lab.in(namespaceName(lab.hostTag, 1), 'sh', '-c', 'ip -6 neigh show proxy; ip -6 route; ip -6 address; ip -6 neigh show nud permanent; nft list ruleset; conntrack -L -f ipv6')
    expect(inside.stdout).not.toMatch(/2001:db8:100|fe80::1|ext0/)
  })
})

describe('what others change of it', () => {
  const inNetwork = (...lines: string[]) => lab.ip(namespaceName(lab.hostTag, 1), lines)
  const changes: [string, () => Promise<unknown>][] = [
    ['who answers for it', () => inNetwork('neigh delete proxy 2001:db8:100::16 dev ext0')],
    ['the way out', () => inNetwork('route delete default via fe80::1 dev ext0')],
    ['the way in', () => inNetwork('route delete 2001:db8:100::16/128')],
    ['the link, which is gone', () => lab.ip(lab.host, [`link delete ${portName(lab.hostTag, namespaceName(lab.hostTag, 1))}`])],
  ]
  it.each(changes)('is put right: %s', async (_, change) => {
    await give(address(16, web))
    await hosts.mend()
    expect((await hosts.mend()).repairs).toEqual([])
    await change()
    expect((await hosts.mend()).repairs.length).toBeGreaterThan(0)
    await hears(lab.outside, '2001:db8:100::16', 'web')
    await hears(guestOf(web), OUTSIDE, 'outside')
    await hosts.mend()
    expect((await hosts.mend()).repairs).toEqual([])
  })

  it('is taken up by the next agent without a cut', async () => {
    await give(address(16, web))
    const stream = lab.in(lab.outside, 'busybox', 'ping', '-i', '0.05', '-c', '40', '-W', '1', '2001:db8:100::16')
    open()
    await hosts.external.setPools([POOL])
    hosts.floating.know([address(16, web)].map(({ uid: one, address: text, networkId, podUid, podAddress }) => ({ uid: one, address: text, networkId, podUid, target: podAddress })))
    await hosts.applyObjects(web.network.id, says(1, []))
    expect(await hosts.reconcile([web, db, plain])).toEqual({ repairs: [], lostTaps: [] })
    await give(address(16, web))
    // One packet in the moment in which the rules are loaded anew may be lost; a connection sends it again.
    expect(Number(/(\d+) packets received/.exec((await stream).stdout)?.[1])).toBeGreaterThanOrEqual(39)
    await give()
  })

  it('goes without a trace', async () => {
    await hosts.close()
    await expect.poll(() => lab.traces()).toEqual(before)
  })
})
