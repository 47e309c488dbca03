import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import { perlRoot } from '@/host/images/testing/perl'
import { RealHost } from '@/host/pods/testing/real-host'
import { run } from '@/platform/exec'
import { gatewayMac, POD_MTU, tapName } from './names'
import { ethernet, ipv4, ipv4Bytes, udp } from './testing/frames'
import { attempts as attempts4, attempts6, honest, honest6, markerOf, type Situation } from './testing/hostile-frames'
import { sendScript } from './testing/send-frames'
import { Sniffer, type Seen } from './testing/sniffer'

let host: RealHost
let attacker: Assignment
let neighbour: Assignment
/** A pod of another tenant, in a network of the same addresses. */
let stranger: Assignment
let inside: Sniffer
let elsewhere: Sniffer
let canary: Server
let canaryPort = 0
let canaryHeard = 0
// Of TEST-NET-2.
const [ownDevice, ownAddress] = [`hyt${process.pid}`, '198.51.100.77']
let at: Situation
let taps = new Map<string, number>()

const attempts = [...attempts4, ...attempts6]
const image = 'test/attacker:1'
const perl = (script: string, ...args: string[]) => host.run(attacker, ['perl', '-e', script, '--', ...args])
const sh = (pod: Assignment, script: string) => host.run(pod, ['sh', '-c', script])
/** What the namespace handed on: to the other pods, or, with `anywhere`, also back to the attacker. */
const handedOn = (seen: Seen[], anywhere = false) => seen.filter(({ sent, device }) => sent && (anywhere || device !== taps.get(tapName(attacker.uid))))

let burst = 90_000
/** Sends frames and waits until an honest one behind them has come through: all before it was dealt with. */
async function send(frames: Buffer[]): Promise<void> {
  const last = markerOf(burst++)
  // A request to the guest is bounded.
  for (let from = 0; from < frames.length; from += 150) expect((await perl(sendScript, '', ...frames.slice(from, from + 150).map((frame) => frame.toString('hex')))).output).toBe('sent\n')
  expect((await perl(sendScript, '', ...[...honest(last, at), ...honest6(last, at)].map((frame) => frame.toString('hex')))).output).toBe('sent\n')
  await inside.until(() => handedOn(inside.with(last)).length > 1)
}

async function devices(namespace: string): Promise<Map<string, number>> {
  const { stdout } = await run('ip', ['-n', namespace, '-o', 'link'])
  return new Map(stdout.split('\n').flatMap((line) => /^(\d+): ([^:@]+)/.exec(line)?.slice(1, 3) ?? []).reduce<[string, number][]>((all, value, i, list) => (i % 2 ? all : [...all, [list[i + 1] ?? '', Number(value)]]), []))
}

beforeAll(async () => {
  host = await RealHost.open({ scratchBytes: 64 << 20 })
  await host.addImage(image, await perlRoot())
  const containers = [{ name: 'web', image, securityContext: { privileged: true } }]
  const pod = (last: number): Assignment => {
    const made = host.pod({ containers })
    return { ...made, network: { ...made.network, ipv6: { cidr: 'fd42::/64', gateway: 'fd42::1', address: `fd42::${last}`, prefixLength: 64 } } }
  }
  attacker = pod(5)
  neighbour = pod(6)
  const other = pod(7)
  stranger = { ...other, tenantId: 'f'.repeat(32), network: { ...other.network, id: 'other', number: 78 } }
  host.apply([attacker, neighbour, stranger])
  await Promise.all([attacker, neighbour, stranger].map((pod) => host.untilRunning(pod)))
  canary = createServer((socket) => {
    canaryHeard += 1
    socket.destroy()
  })
  // An address of the machine's, whatever others it has.
  await run('ip', ['-batch', '-'], { input: `link add ${ownDevice} type veth peer name ${ownDevice}p\naddress add ${ownAddress}/32 dev ${ownDevice}\nlink set ${ownDevice} up\n` })
  await new Promise<void>((resolve) => canary.listen({ port: 0, host: '::' }, resolve))
  const address = canary.address()
  canaryPort = typeof address === 'object' && address ? address.port : 0
  const ownAddresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal).map((each) => each.address)
  const station = (pod: Assignment) => ({ mac: pod.network.mac, address: pod.network.address })
  at = { own: station(attacker), neighbour: station(neighbour), six: { own: 'fd42::5', neighbour: 'fd42::6', gateway: 'fd42::1' }, gateway: { mac: gatewayMac(77), address: attacker.network.gateway }, subnetBroadcast: '10.0.0.255', closed: [ownAddress, ...ownAddresses.filter((each) => each !== ownAddress), stranger.network.address, '100.64.0.1'] }
  inside = await Sniffer.start(host.namespace(attacker))
  elsewhere = await Sniffer.start(host.namespace(stranger))
  taps = await devices(host.namespace(attacker))
  await send(attempts.flatMap((attempt, index) => attempt.frames(markerOf(index), at)))
})

afterAll(async () => {
  inside?.stop()
  elsewhere?.stop()
  canary?.close()
  await host?.close()
  await run('ip', ['link', 'del', ownDevice]).catch(() => {})
})

describe('raw frames of root in a privileged container', () => {
  it.each(attempts.map((attempt, index) => ({ ...attempt, index })))('$name: no further than its own tap', ({ index, frames, unanswered }) => {
    const seen = inside.with(markerOf(index))
    // All of them left the VM.
    expect(seen.filter(({ sent }) => !sent)).toHaveLength(frames(markerOf(index), at).filter((frame) => frame.includes(markerOf(index))).length)
    expect(handedOn(seen, unanswered).map(({ frame }) => frame.toString('hex'))).toEqual([])
    expect(elsewhere.with(markerOf(index))).toEqual([])
  })

  it('are answered in ARP for the pod’s own name alone, and nobody’s neighbours change', async () => {
    const replies = inside.seen.filter(({ sent, frame }) => sent && frame.readUInt16BE(12) === 0x0806)
    const own = Buffer.concat([Buffer.from(at.own.mac.replaceAll(':', ''), 'hex'), ipv4Bytes(at.own.address)])
    const toOthers = replies.filter(({ device, frame }) => device === taps.get(tapName(attacker.uid)) && !frame.subarray(32, 42).equals(own))
    expect(toOthers).toEqual([])
    const { stdout } = await run('ip', ['-n', host.namespace(attacker), 'neigh'])
    for (const pod of [attacker, neighbour]) expect(stdout).toContain(`${pod.network.address} dev ${tapName(pod.uid)} lladdr ${pod.network.mac} PERMANENT`)
    for (const [pod, last] of [[attacker, 5], [neighbour, 6]] as const) expect(stdout).toContain(`fd42::${last} dev ${tapName(pod.uid)} lladdr ${pod.network.mac} PERMANENT`)
    expect(stdout.trim().split('\n').filter((line) => !line.includes('NOARP'))).toHaveLength(4)
    const table = await sh(neighbour, `ping -c 1 -W 5 ${at.gateway.address} >/dev/null; cat /proc/net/arp`)
    expect(table.output).toContain(at.gateway.mac)
    expect(table.output).not.toContain(at.own.mac)
    // In IPv6 nobody is asked, told of routers or of groups, nor answered for another than the gateway.
    const discovered = inside.seen.filter(({ sent, frame }) => sent && frame.readUInt16BE(12) === 0x86dd && frame[20] === 58)
    expect(discovered.filter(({ frame }) => [130, 131, 132, 133, 134, 135, 137, 143].includes(frame[54] ?? 0))).toEqual([])
    expect(discovered.filter(({ frame }) => frame[54] === 136 && !frame.subarray(62, 78).toString('hex').startsWith('fd420000000000000000000000000001'))).toEqual([])
  })

  it('that are larger than the network takes come out cut, or not at all', async () => {
    const [whole, cut] = [markerOf(20_000), markerOf(20_001)]
    const large = (marker: Buffer, dontFragment: boolean) => ethernet(at.gateway.mac, at.own.mac, 0x0800, ipv4({ from: at.own.address, to: at.neighbour.address, payload: udp(4000, 4000, Buffer.concat([marker, Buffer.alloc(4000)])), dontFragment }))
    await sh(attacker, 'ip link set eth0 mtu 9000')
    await send([large(whole, true), large(cut, false)])
    await sh(attacker, 'ip link set eth0 mtu 1450')
    expect(inside.seen.some(({ sent, frame }) => !sent && frame.length > 4000 && frame.includes(whole))).toBe(true)
    expect(handedOn(inside.with(whole))).toEqual([])
    expect(handedOn(inside.with(cut))).toHaveLength(1)
    expect(Math.max(...handedOn(inside.seen).map(({ frame }) => frame.length))).toBeLessThanOrEqual(14 + POD_MTU)
  })
})

const reaches = (address: string) => `ping -c 1 -W 1 ${address} >/dev/null && echo yes || echo no`

describe('the machine’s own network, in the hands of root', () => {
  it('speaks to nobody by another address or MAC, and again by its own', async () => {
    const { own, neighbour: other, gateway } = at
    const pings = `(${reaches(gateway.address)}); (${reaches(other.address)})`
    const address = (mine: string) => `ip addr flush dev eth0; ip addr add ${mine}/24 dev eth0; ip route replace default via ${gateway.address} dev eth0 onlink`
    const script = [pings, address(other.address), `(${reaches(gateway.address)})`, address('10.0.0.200'), pings, address(own.address), `ip link set eth0 address ${other.mac}`, pings, `ip link set eth0 address ${own.mac}`, pings].join('; ')
    expect(await sh(attacker, script)).toEqual({ exitCode: 0, output: ['yes', 'yes', 'no', 'no', 'no', 'no', 'no', 'yes', 'yes', ''].join('\n') })
  })

  it('reaches no service of the host, at none of its addresses, nor one at the gateway’s', async () => {
    const inNamespace = spawn('nsenter', [`--net=/run/netns/${host.namespace(attacker)}`, 'socat', 'TCP-LISTEN:8080,reuseaddr,fork', 'EXEC:echo canary'], { stdio: 'ignore' })
    try {
      canaryHeard = 0
      await once(connect(canaryPort, ownAddress).resume(), 'close')
      expect(canaryHeard).toBe(1)
      await host.until(async () => (await run('nsenter', [`--net=/run/netns/${host.namespace(attacker)}`, 'ss', '-Hltn', 'sport = :8080'])).stdout !== '')
      const places = [...at.closed.map((address) => [address, canaryPort]), [at.gateway.address, 8080], [at.gateway.address, canaryPort], ['169.254.169.254', 80]]
      const { output } = await sh(attacker, places.map(([address, port]) => `(nc -w 2 ${address} ${port} </dev/null && echo reached ${address}) &`).join('\n') + '\nwait; echo done')
      expect(output).not.toMatch(/reached|canary/)
      expect(output).toContain('done')
      expect(canaryHeard).toBe(1)
    } finally {
      inNamespace.kill('SIGKILL')
    }
  })

  it('does not meet the pod of another tenant that has an address of the same network', async () => {
    const before = elsewhere.seen.length
    expect((await sh(attacker, reaches(stranger.network.address))).output).toBe('no\n')
    expect(elsewhere.seen.slice(before).filter(({ frame }) => frame.includes(ipv4Bytes(at.own.address)))).toEqual([])
    // It is there, and answers in its own network.
    expect((await sh(stranger, reaches(stranger.network.gateway))).output).toBe('yes\n')
  })
})

describe('without the rules of senders', () => {
  it('frames in the name of others do arrive: the tests above can fail', async () => {
    const namespace = host.namespace(attacker)
    const nft = (...args: string[]) => run('nsenter', [`--net=/run/netns/${namespace}`, 'nft', ...args])
    const spoofed = attempts.filter(({ name }) => /MAC.* as the sender|unused address|redirect|tag of priority/.test(name))
    const arrived = (from: number) => spoofed.filter((_, index) => handedOn(inside.with(markerOf(from + index))).length > 0).map(({ name }) => name)
    const expected = ['a MAC of nobody as the sender', 'the neighbour’s MAC as the sender', 'a tag of priority alone over a wrong sender']
    // The host takes a foreign rule away again within seconds, which may be just before the frames come.
    for (let from = 10_000; ; from += 100) {
      await nft('insert', 'rule', 'inet', 'hypernetes', 'arrival', 'accept')
      await send(spoofed.flatMap((attempt, index) => attempt.frames(markerOf(from + index), at)))
      if (expected.every((name) => arrived(from).includes(name))) break
      if (from >= 10_400) expect(arrived(from)).toEqual(expect.arrayContaining(expected))
    }
    await host.until(async () => !(await nft('list', 'chain', 'inet', 'hypernetes', 'arrival')).stdout.includes('\t\taccept'), 60_000)
  })
})

describe('a device that another program took away', () => {
  it('is made again within 10 s, and its pod started anew', async () => {
    const namespace = host.namespace(neighbour)
    const container = () => host.report(neighbour)?.containers[0]
    const before = container()?.startedAt
    await run('ip', ['-n', namespace, 'link', 'delete', tapName(neighbour.uid)])
    await host.until(async () => (await devices(namespace)).has(tapName(neighbour.uid)), 10_000)
    await host.until(() => container()?.state === 'Running' && container()?.startedAt !== before)
    expect((await sh(neighbour, reaches(at.gateway.address))).output).toBe('yes\n')
  })
})
