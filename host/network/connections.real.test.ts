import { afterAll, beforeAll, expect, it } from 'vitest'
import { anewOnRetry } from '@/tools/testing/anew'
import { networkBase, policy, v4, v6, World, type WorldNetwork, type WorldPod } from './isolation/testing/world'
import { gatewayMac } from './names'
import { MAX_POD_CONNECTIONS } from './namespace-rules'
import { ethernet, icmp, icmp6, ipv4, ipv6, udp, udpOver6 } from './testing/frames'
import { sendFrames } from './testing/send-frames'

const network: WorldNetwork = { name: 'shop', tenant: 'a'.repeat(32), number: 1, block: 0 }
const names = ['client', 'server', 'stranger']
const [client, server, stranger] = names.map((name, at) => ({ name, network, last: 5 + at })) as [WorldPod, WorldPod, WorldPod]
const behind = '10.9.0.7'
const inside = (): string => `hyp-${world.lab.hostTag}-n1`

let world: World
let next = 1
const asked = new Set<number>()
const up = async (): Promise<void> => {
  asked.clear()
  // The stranger may speak with nobody.
  const closed = policy('closed', [stranger], [], { directions: ['ingress', 'egress'] })
  world = await World.open([network], [client, server, stranger], () => [closed])
}
const down = () => world?.close()
beforeAll(up)
afterAll(down)
anewOnRetry(down, up)

/** Opens a connection of UDP that stays, once it is answered or its holder has seen it, and says which port it is from. */
async function ask(address: string, holder = client): Promise<{ id: number; port: number }> {
  const id = next++
  const speaker = world.speaker('client')
  await speaker.send([{ id, protocol: 'udp', address, number: 80, stays: true }])
  await world.speaker(holder.name).until(() => (holder === client ? speaker.heard.answers : world.speaker(holder.name).seen).has(id))
  const listed = (await world.lab.in(world.namespaces.get('client')!, 'ss', '-Hun')).stdout
  const ports = [...listed.matchAll(/:(\d+)\s+\[?[0-9a-f.:]+\]?:80\s/g)].map(([, port]) => Number(port))
  return { id, port: Math.max(...ports.filter((port) => !asked.has(port)).map((port) => (asked.add(port), port))) }
}

/** Tells the client, in the sender's own name, that nobody listens where it asked. */
async function unreachable(by: WorldPod, name: string, address: string, port: number): Promise<void> {
  const six = address.includes(':')
  const mac = `02:00:00:00:00:0${by.last}`
  const text = Buffer.from('probe')
  const error = six
    ? icmp6(name, v6(client), 1, Buffer.concat([Buffer.alloc(4), ipv6(v6(client), address, 17, udpOver6(v6(client), address, port, 80, text))]), 4)
    : ipv4({ from: name, to: v4(client), protocol: 1, payload: icmp(3, 3, Buffer.concat([Buffer.alloc(4), ipv4({ from: v4(client), to: address, payload: udp(port, 80, text) })])) })
  await sendFrames(world.namespaces.get(by.name)!, [ethernet(gatewayMac(network.number), mac, six ? 0x86dd : 0x0800, error)])
}

it('who is no end of a connection says nothing in it: not that it failed, as an ICMP error', async () => {
  const speaker = world.speaker('client')
  for (const of of [v4, v6]) {
    const { id, port } = await ask(of(server))
    await unreachable(stranger, of(stranger), of(server), port)
    await speaker.send([{ id: next++, protocol: 'icmp', address: of(server), number: of === v4 ? 8 : 128 }])
    await speaker.until(() => speaker.heard.answers.has(next - 1))
    expect([of(server), speaker.heard.refused.has(id)]).toEqual([of(server), false])
    await unreachable(server, of(server), of(server), port)
    await speaker.until(() => speaker.heard.refused.has(id))
  }
})

it('who leads to an end says that it cannot be reached, and the namespace that a packet is too large', async () => {
  await world.change(network, [{ ...networkBase(network), routes: [{ destination: '10.9.0.0/24', via: v4(server) }] }])
  await world.lab.ip(world.namespaces.get('server')!, [`address add ${behind}/32 dev lo`])
  const speaker = world.speaker('client')
  const { id, port } = await ask(behind, server)
  await unreachable(server, v4(server), behind, port)
  await speaker.until(() => speaker.heard.refused.has(id))
  await world.lab.ip(inside(), [`route replace ${v4(server)}/32 dev ${await tapOf(server)} scope link mtu 1300`])
  await world.lab.in(world.namespaces.get('client')!, 'perl', '-e', 'use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0); setsockopt($s, 0, 10, 2); send($s, "x" x 1380, 0, pack_sockaddr_in(80, inet_aton($ARGV[0]))) or die "$!\n"', v4(server))
  expect((await world.lab.in(world.namespaces.get('client')!, 'ip', 'route', 'get', v4(server))).stdout).toContain('mtu 1300')
  await world.hosts.reconcile(world.attachments())
})

const tapOf = async (pod: WorldPod): Promise<string> => /dev (tap\w+)/.exec((await world.lab.in(inside(), 'ip', 'route', 'get', v4(pod))).stdout)?.[1] ?? ''

/** Begins a connection of UDP from one port to each of many. */
const flood = (by: WorldPod, to: WorldPod, from: readonly number[], count: number) => world.lab.in(world.namespaces.get(by.name)!, 'perl', '-e', `use Socket; my ($to, $count, @from) = @ARGV;
for my $port (@from) { socket(my $s, AF_INET, SOCK_DGRAM, 0); bind($s, pack_sockaddr_in($port, INADDR_ANY)) or die "$!\\n"; for (1 .. $count) { send($s, 'x', 0, pack_sockaddr_in(1000 + $_, inet_aton($to))); } }`, v4(to), String(count), ...from.map(String))
const connections = async () => Number((await world.lab.in(inside(), 'conntrack', '-C')).stdout)

it('a pod has so many connections at a time and no more; others have theirs', async () => {
  await flood(client, server, [20_000], MAX_POD_CONNECTIONS + 2000)
  expect(await connections()).toBeGreaterThan(MAX_POD_CONNECTIONS - 200)
  expect(await connections()).toBeLessThan(MAX_POD_CONNECTIONS + 200)
  const id = next++
  const asks = world.speaker('client')
  const other = world.speaker('server')
  await asks.send([{ id, protocol: 'tcp', address: v4(server), number: 80 }, { id: next++, protocol: 'icmp', address: '10.0.0.1', number: 8 }])
  await other.send([{ id: next++, protocol: 'tcp', address: v4(client), number: 80 }])
  await other.until(() => other.heard.answers.has(next - 1))
  await asks.sync()
  expect([id, id + 1].filter((one) => asks.heard.answers.has(one))).toEqual([])
  await world.lab.in(inside(), 'conntrack', '-F')
  await asks.send([{ id: next++, protocol: 'tcp', address: v4(server), number: 81 }])
  await asks.until(() => asks.heard.answers.has(next - 1))
})

it('a pod goes whatever connections it has, and they with it', async () => {
  // Others ask it: those are not its own to begin.
  await world.lab.in(inside(), 'nft', 'insert', 'rule', 'inet', 'hypernetes', 'forward', 'iifname', 'tap*', 'ct', 'state', 'new', 'accept')
  await flood(client, server, [20_000, 20_001], 40_000)
  expect(await connections()).toBeGreaterThan(70_000)
  await world.hosts.detach(world.attachment(server).pod.uid)
  expect(await connections()).toBeLessThan(100)
  await world.attach(server)
})

it('what is left of a pod that went while nobody looked is forgotten by the next look at its network, also where another has its address now', async () => {
  await world.hosts.reconcile(world.attachments())
  const left = async (address: string) => (await world.lab.in(inside(), 'conntrack', '-L', '-p', 'udp')).stdout.includes(`src=${address} `)
  // As an agent leaves it that is killed after it took the pod out, before it looked at connections.
  for (const last of [40, 41]) await world.lab.in(inside(), 'conntrack', '-I', '-p', 'udp', '-t', '100', '-s', v4(client), '-d', `10.0.0.${last}`, '--sport', '1000', '--dport', '80')
  expect([await left('10.0.0.40'), await left('10.0.0.41')]).toEqual([true, true])
  const next = world.lab.hostNetwork()
  await next.reconcile([...world.attachments(), world.attachment({ ...server, name: 'new', last: 41 })])
  expect([await left('10.0.0.40'), await left('10.0.0.41')]).toEqual([false, false])
  await world.hosts.reconcile(world.attachments())
})
