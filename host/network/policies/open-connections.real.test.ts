import { afterAll, beforeAll, expect, it } from 'vitest'
import { anewOnRetry } from '@/tools/testing/anew'
import { networkBase, policy, rule, v4, v6, World, type WorldNetwork, type WorldPod } from '../isolation/testing/world'

const network: WorldNetwork = { name: 'shop', tenant: 'a'.repeat(32), number: 1, block: 0 }
const [client, other, server]: WorldPod[] = [5, 6, 7].map((last) => ({ name: ['client', 'other', 'server'][last - 5]!, network, last })) as [WorldPod, WorldPod, WorldPod]
const tcp = (...ports: number[]) => ports.map((first) => ({ first, last: first }))
const to80 = (...pods: WorldPod[]) => policy('server', [server!], [rule({ id: 'rules[0]', protocol: 'tcp', ports: tcp(80), peer: { cidrs: null, addresses: pods.flatMap((pod) => [v4(pod), v6(pod)]) } })])

let world: World
let next = 1
let stayed = 0
const up = async (): Promise<void> => {
  world = await World.open([network], [client!, other!, server!], () => [to80(client!, other!)])
}
const down = () => world?.close()
beforeAll(up)
afterAll(down)
anewOnRetry(down, up)

async function connect(from: WorldPod, address: string, number = 80): Promise<number> {
  const id = next++
  const speaker = world.speaker(from.name)
  await speaker.send([{ id, protocol: 'tcp', address, number, stays: true }])
  await speaker.until(() => speaker.heard.answers.has(id))
  return id
}
const echoed = async (from: WorldPod, id: number, text: string) => {
  const speaker = world.speaker(from.name)
  const before = speaker.heard.echoes.get(id) ?? ''
  speaker.write(id, text)
  await speaker.until(() => speaker.heard.echoes.get(id) === before + text)
}

it('a rule that goes cuts an open connection at once, and no other; when it comes back, new ones pass', async () => {
  const [cut4, cut6, stays] = [await connect(client!, v4(server!)), await connect(client!, v6(server!)), await connect(other!, v4(server!))]
  await Promise.all([echoed(client!, cut4, 'a'), echoed(client!, cut6, 'a'), echoed(other!, stays, 'a')])
  await world.change(network, [to80(other!)])
  world.speaker('client').write(cut4, 'b')
  world.speaker('client').write(cut6, 'b')
  // What came after it on the same way has its answer: so would it.
  await echoed(other!, stays, 'x'.repeat(20_000))
  await world.speaker('client').sync()
  expect([cut4, cut6].map((id) => world.speaker('client').heard.echoes.get(id))).toEqual(['a', 'a'])
  await world.change(network, [to80(other!, client!)])
  await echoed(client!, await connect(client!, v6(server!)), 'new')
  await echoed(other!, stays, 'on')
  expect(world.speaker('other').heard.echoes.get(stays)).toBe(`a${'x'.repeat(20_000)}on`)
  // Nothing but the rules was in the way: what TCP sends again arrives now.
  for (const id of [cut4, cut6]) await world.speaker('client').until(() => world.speaker('client').heard.echoes.get(id) === 'ab')
})

/** Sends by hand from the server's own port to where the client asked from: the other direction of its connection. */
async function pusher(): Promise<(text: string) => Promise<unknown>> {
  const port = (await world.lab.in(world.namespaces.get('client')!, 'ss', '-Hun', 'dport = :80')).stdout.match(/:(\d+)\s+10\.0\.0\.7:80/)?.[1]
  return (text) => world.lab.in(world.namespaces.get('server')!, 'perl', '-e', 'use Socket; my ($port, $text) = @ARGV; socket(my $s, AF_INET, SOCK_RAW, 17) or die; send($s, pack("n4", 80, $port, 8 + length $text, 0) . $text, 0, pack_sockaddr_in(0, inet_aton("10.0.0.5"))) or die "$!\n"', port ?? '', text)
}

it('answers stop with their connection: what a server goes on sending does not arrive either', async () => {
  await world.change(network, [policy('server', [server!], [rule({ protocol: 'udp', peer: { cidrs: null, addresses: [v4(client!), v4(other!)] } })])])
  const id = stayed = next++
  const [asks, answers] = [world.speaker('client'), world.speaker('server')]
  await asks.send([{ id, protocol: 'udp', address: v4(server!), number: 80, stays: true }])
  await asks.until(() => asks.heard.answers.has(id))
  const push = await pusher()
  await push('pushed')
  await asks.until(() => asks.heard.answers.get(id)?.includes('pushed') ?? false)
  await world.change(network, [policy('server', [server!], [rule({ protocol: 'udp', peer: { cidrs: null, addresses: [v4(other!)] } })])])
  await push('late')
  const honest = next++
  await answers.send([{ id: honest, protocol: 'icmp', address: v4(client!), number: 8 }])
  await answers.until(() => answers.heard.answers.has(honest))
  await asks.sync()
  expect(asks.heard.answers.get(id)).not.toContain('late')
  // Nothing else stopped it: where answers pass by their state alone, it arrives.
  await world.lab.in(`hyp-${world.lab.hostTag}-n1`, 'nft', 'insert', 'rule', 'inet', 'hypernetes', 'policy_check', 'ct', 'direction', 'reply', 'return')
  await push('let-through')
  await asks.until(() => asks.heard.answers.get(id)?.includes('let-through') ?? false)
})

it('who gets an address next hears nothing of what its last pod asked', async () => {
  const closed = policy('closed', [client!], [rule({ protocol: 'icmp' })])
  await world.change(network, [closed], [`policy/${policy('server', [], []).uid}`])
  const asks = world.speaker('client')
  // The socket of the test before asks once more.
  await asks.send([{ id: stayed, protocol: 'udp', address: v4(server!), number: 80, stays: true }])
  const push = await pusher()
  await push('before')
  await asks.until(() => asks.heard.answers.get(stayed)?.includes('before') ?? false)
  await world.hosts.detach(world.attachment(client!).pod.uid)
  await world.attach(client!)
  await push('stray')
  const honest = next++
  await world.speaker('server').send([{ id: honest, protocol: 'icmp', address: v4(client!), number: 8 }])
  await world.speaker('server').until(() => world.speaker('server').heard.answers.has(honest))
  await asks.sync()
  expect(asks.heard.answers.get(stayed)).not.toContain('stray')
  await world.change(network, [], [`policy/${closed.uid}`])
})

it('a port that is no longer allowed, a member that is one no more, and a policy that goes: at once', async () => {
  const only = (port: number, ...members: WorldPod[]) => policy('server', members, [rule({ protocol: 'tcp', ports: tcp(port) })])
  await world.change(network, [only(443, server!)])
  const open = await connect(client!, v4(server!), 443)
  await world.change(network, [only(81, server!)])
  world.speaker('client').write(open, 'b')
  await connect(client!, v4(server!), 81)
  expect(world.speaker('client').heard.echoes.get(open)).toBeUndefined()
  await world.change(network, [only(81, other!)])
  await connect(client!, v4(server!), 5432)
  await world.change(network, [], [`policy/${only(81).uid}`])
  await connect(server!, v6(other!), 5432)
  // And the first one goes on, for it is allowed again.
  await world.speaker('client').until(() => world.speaker('client').heard.echoes.get(open) === 'b')
})

it('what lies behind a pod is under the policies of that pod, both ways', async () => {
  await world.change(network, [], [`policy/${to80().uid}`])
  const behind = '10.9.0.7'
  const base = { ...networkBase(network), routes: [{ destination: '10.9.0.0/24', via: v4(other!) }] }
  await world.change(network, [base, policy('router', [other!], [rule({ protocol: 'tcp', ports: tcp(80) }), rule({ direction: 'egress', protocol: 'tcp', ports: tcp(443) })], { directions: ['ingress', 'egress'] })])
  await world.lab.ip(world.namespaces.get('other')!, [`address add ${behind}/32 dev lo`])
  await world.lab.ip(world.namespaces.get('client')!, ['route add 10.9.0.0/24 via 10.0.0.1'])
  const ask = async (from: WorldPod, address: string, ports: readonly number[], honest: number) => {
    const speaker = world.speaker(from.name)
    const trials = [...ports, honest].map((number) => ({ id: next++, protocol: 'tcp' as const, address, number }))
    await speaker.send(trials)
    await speaker.until(() => speaker.heard.answers.has(trials.at(-1)!.id))
    return ports.filter((_, at) => speaker.heard.answers.has(trials[at]!.id))
  }
  expect(await ask(client!, behind, [443, 5432], 80)).toEqual([])
  // What asks in the name of what lies behind, as a router hands it on.
  await world.lab.ip(world.namespaces.get('other')!, [`route replace ${v4(server!)}/32 via 10.0.0.1 src ${behind}`])
  expect(await ask(other!, v4(server!), [80, 5432], 443)).toEqual([])
  await world.change(network, [networkBase(network)], [`policy/${policy('router', [], []).uid}`])
})

it('two thousand rules are in force, and one of them that changes too', async () => {
  const subnets = Array.from({ length: 2000 }, (_, at) => `172.${16 + (at >> 8)}.${at & 255}.0/24`)
  const groups = (last: number) => Array.from({ length: 10 }, (_, group) => policy(`many-${group}`, [server!], subnets.slice(group * 200, group * 200 + 200).map((cidr, at) =>
    rule({ id: `rules[${at}]`, protocol: 'tcp', ports: tcp(group === 9 && at === 199 ? last : 10_000 + group * 200 + at), peer: { cidrs: [{ cidr: group === 9 && at === 199 ? '10.0.0.0/24' : cidr, except: [] }], addresses: null } })), { uid: `00000000-0000-4000-8000-0000000000${10 + group}` }))
  await world.change(network, groups(81))
  await connect(client!, v4(server!), 81)
  await world.change(network, groups(443).slice(9))
  await connect(client!, v4(server!), 443)
  const id = next++
  await world.speaker('client').send([{ id, protocol: 'tcp', address: v4(server!), number: 81 }])
  await connect(client!, v4(server!), 443)
  expect(world.speaker('client').heard.answers.has(id)).toBe(false)
})
