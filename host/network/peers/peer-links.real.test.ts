import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ethernet, ipv4, udp } from '../testing/frames'
import { OUTSIDE, until } from '../testing/lab'
import { sendFrames } from '../testing/send-frames'
import { networkBase, service, v4, v6, World, type WorldNetwork, type WorldPod } from '../isolation/testing/world'

const tenant = 'a'.repeat(32)
const left: WorldNetwork = { name: 'left', tenant, number: 1, block: 0, peers: [2] }
const middle: WorldNetwork = { name: 'middle', tenant, number: 2, block: 1, peers: [1, 3], mtu: 1280 }
const right: WorldNetwork = { name: 'right', tenant, number: 3, block: 2, peers: [2] }
const [a, b, c]: WorldPod[] = [left, middle, right].map((network) => ({ name: network.name, network, last: 5 })) as [WorldPod, WorldPod, WorldPod]

let world: World
let next = 1
beforeAll(async () => {
  world = await World.open([left, middle, right], [a!, b!, c!], (network) => (network === middle ? [service('shop', ['10.96.0.10', 'fd96::10'], [b!])] : []))
})
afterAll(() => world?.close())

const namespace = ({ number }: WorldNetwork) => `hyp-${world.lab.hostTag}-n${number}`
const links = async (network: WorldNetwork) => (await world.lab.in(namespace(network), 'ip', '-o', 'link')).stdout.split('\n').flatMap((line) => /^\d+: (peer\d+)/.exec(line)?.[1] ?? []).sort()
/** Whether each address answers; those that do not are sent first, so that they would have. */
async function reaches(from: WorldPod, addresses: readonly string[], honest: string): Promise<boolean[]> {
  const speaker = world.speaker(from.name)
  const ids = addresses.map(() => next++)
  const last = next++
  await speaker.send(addresses.map((address, at) => ({ id: ids[at]!, protocol: 'udp', address, number: 80 })))
  await speaker.send([{ id: last, protocol: 'udp', address: honest, number: 80 }])
  await speaker.until(() => speaker.heard.answers.has(last))
  for (const each of world.speakers.values()) await each.sync()
  return ids.map((id) => speaker.heard.answers.has(id))
}
const reachable = (from: WorldPod, address: string) => {
  const speaker = world.speaker(from.name)
  const id = next++
  return speaker.send([{ id, protocol: 'tcp', address, number: 80 }]).then(() => speaker.until(() => speaker.heard.answers.has(id)))
}

it('peers reach each other in both families; a peer\'s peer and a peer\'s services they do not', async () => {
  await Promise.all([reachable(a!, v4(b!)), reachable(a!, v6(b!)), reachable(c!, v6(b!)), reachable(b!, v4(a!)), reachable(b!, '10.96.0.10')])
  expect(await Promise.all([left, middle, right].map(links))).toEqual([['peer2'], ['peer1', 'peer3'], ['peer2']])
  expect(await reaches(a!, [v4(c!), v6(c!), '10.96.0.10', 'fd96::10'], v4(b!))).toEqual([false, false, false, false])
})

it('a packet that is too large for the peer\'s network is answered with its size', async () => {
  // Over IPv6 nobody on the way may cut it: what arrives was sent anew by the size that was told.
  await world.lab.in(world.namespaces.get('left')!, 'busybox', 'ping', '-6', '-c', '5', '-A', '-s', '1380', '-W', '1', '-w', '5', v6(b!))
  expect((await world.lab.in(world.namespaces.get('left')!, 'ip', '-6', 'route', 'get', v6(b!))).stdout).toContain('mtu 1280')
})

it('what comes over a link from an address that is not the peer\'s is dropped, whoever put it there', async () => {
  // As somebody with root in the peer's namespace would send it.
  const frames = ['10.2.0.5', '10.1.0.9', OUTSIDE, v4(a!)].map((from, at) => ethernet('06:6a:00:00:00:02', '06:6a:00:00:00:01', 0x0800, ipv4({ from, to: v4(b!), payload: udp(4000, 80, Buffer.from(`probe ${60_000 + at}`)) })))
  const honest = ethernet('06:6a:00:00:00:02', '06:6a:00:00:00:01', 0x0800, ipv4({ from: '10.0.0.77', to: v4(b!), payload: udp(4000, 80, Buffer.from('probe 60100')) }))
  const toService = ethernet('06:6a:00:00:00:02', '06:6a:00:00:00:01', 0x0800, ipv4({ from: v4(a!), to: '10.96.0.10', payload: udp(4000, 80, Buffer.from('probe 60050')) }))
  await sendFrames(namespace(left), [...frames.slice(0, 3), toService, honest], 'peer2')
  await world.speaker('middle').until(() => world.speaker('middle').seen.has(60_100))
  expect([...world.speaker('middle').seen].filter((id) => id >= 60_000)).toEqual([60_100])
})

it('a link goes when either side no longer says so, and nothing meant for the peer goes outside; it comes back with the word', async () => {
  await world.say({ ...middle, peers: [3] }, [])
  expect(await Promise.all([left, middle].map(links))).toEqual([[], ['peer3']])
  const leaked = await world.lab.count(world.lab.outside, 'ip daddr 10.1.0.0/16')
  const refused = world.speaker('left')
  const id = next++
  await refused.send([{ id, protocol: 'tcp', address: v4(b!), number: 80 }])
  await refused.until(() => refused.heard.refused.has(id))
  await reachable(a!, OUTSIDE)
  expect(await leaked()).toBe(0)
  await world.say(middle, [])
  await reachable(a!, v6(b!))
})

it('what others changed at links is repaired, and an agent that starts anew takes them over', async () => {
  await world.lab.ip(namespace(left), ['link delete peer2'])
  await world.lab.ip(namespace(middle), ['route delete 10.2.0.0/24', 'link add peer9 type veth peer name peer8', 'route add 10.66.0.0/24 dev peer3 via 169.254.1.1 onlink'])
  const { repairs } = await world.hosts.mend()
  expect(repairs.filter((line) => line.includes('peer')).sort()).toEqual([`${namespace(middle)}: link delete peer8`, `${namespace(middle)}: link delete peer9`, `${namespace(middle)}: route 10.2.0.0/24 dev peer3 added`, `${namespace(middle)}: route delete 10.66.0.0/24 dev peer3`])
  expect(repairs.filter((line) => line.startsWith('link between'))).toEqual(['link between networks 1 and 2 made'])
  await Promise.all([reachable(a!, v4(b!)), reachable(c!, v4(b!))])
  const index = async () => (await world.lab.in(namespace(left), 'ip', '-o', 'link', 'show', 'peer2')).stdout.split(':')[0]
  const before = await index()
  const anew = world.lab.hostNetwork()
  for (const network of [left, middle, right]) await anew.applyObjects(`00000000-0000-4000-8000-0000000${network.number.toString().padStart(5, '0')}`, { kind: 'networkObjects', networkId: `00000000-0000-4000-8000-0000000${network.number.toString().padStart(5, '0')}`, complete: true, remove: [], set: [networkBase(network), ...(network.peers ?? []).map((number) => [left, middle, right].find((one) => one.number === number)!).map((one) => ({ kind: 'peer' as const, uid: `00000000-0000-4000-8000-00000000000${one.number}`, number: one.number, name: one.name, subnets: networkBase(one).subnets.map(({ cidr }) => cidr) }))] })
  expect((await anew.reconcile(world.attachments())).repairs).toEqual([])
  expect(await index()).toBe(before)
  await reachable(a!, v4(b!))
})

it('with the last pod of a network its links go, and come back with its first', async () => {
  const attachment = world.attachment(b!)
  const known = async () => (await world.lab.in(namespace(left), 'conntrack', '-L')).stdout.includes(`=${v4(b!)} `)
  await reachable(a!, v4(b!))
  expect(await known()).toBe(true)
  await world.hosts.detach(attachment.pod.uid)
  // Nor is it left of whom the peer's pods spoke with.
  expect(await known()).toBe(false)
  expect(await Promise.all([left, right].map(links))).toEqual([[], []])
  await world.attach(b!)
  // A pod does not wait for them.
  await until(async () => isDeepStrictEqual(await Promise.all([left, middle, right].map(links)), [['peer2'], ['peer1', 'peer3'], ['peer2']]))
  await until(async () => (await reaches(a!, [v4(b!)], OUTSIDE))[0] ?? false)
})
