import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PodPort } from './attachment'
import type { HostNetwork } from './host-network'
import { gatewayMac, namespaceName, tapName } from './names'
import { discovery, ethernet, ipv4, ipv4Bytes, udp } from './testing/frames'
import { attempts as attempts4, attempts6, honest, honest6, markerOf, type Situation } from './testing/hostile-frames'
import { HOST, Lab, METADATA, network, OUTSIDE, pod } from './testing/lab'
import { sendFrames } from './testing/send-frames'
import { Sniffer, type Seen } from './testing/sniffer'

let lab: Lab
let hosts: HostNetwork
let attacker: string
let at: Situation
let ownTap = 0
let inside: Sniffer
let onHost: Sniffer
let outside: Sniffer

const attempts = [...attempts4, ...attempts6]
const spec = network(1, { outbound: 'nat', ipv6: { cidr: 'fd42::/64', gateway: 'fd42::1' } })
const [own, neighbour] = [5, 6].map((last) => pod(`p${last}`, last, { ipv6: { address: `fd42::${last}`, prefixLength: 64 } })) as [PodPort, PodPort]
const otherHostAddress = '172.30.0.1'
const toOutside = (marker: Buffer, from: string) => ethernet(at.gateway.mac, at.own.mac, 0x0800, ipv4({ from, to: OUTSIDE, payload: udp(4000, 4000, marker) }))
const handedOn = (seen: Seen[]) => seen.filter(({ sent, device }) => sent && device !== ownTap)

beforeAll(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork()
  await lab.ip(lab.host, [`address add ${otherHostAddress}/24 dev lo`, `route add ${METADATA} via ${OUTSIDE}`])
  const port = await hosts.attach({ network: spec, pod: own })
  attacker = await lab.guest(port, { network: spec, pod: own })
  const beside = await lab.start(hosts, { network: spec, pod: neighbour })
  await lab.reaches(attacker, neighbour.address)
  await lab.reaches(beside, own.address)
  await lab.reaches(attacker, 'fd42::6')
  await lab.reaches(attacker, OUTSIDE)
  ownTap = Number(/^(\d+):/.exec((await lab.in(port.netns, 'ip', '-o', 'link', 'show', port.tap)).stdout)?.[1])
  const transit = (await lab.in(lab.host, 'ip', 'route')).stdout.split('\n').flatMap((line) => /^100\.[\d.]+/.exec(line) ?? [])
  expect(transit).toHaveLength(1)
  at = { own, neighbour, six: { own: 'fd42::5', neighbour: 'fd42::6', gateway: 'fd42::1' }, gateway: { mac: gatewayMac(1), address: spec.gateway }, subnetBroadcast: '10.0.0.255', closed: [HOST, otherHostAddress, METADATA, ...transit] }
  ;[inside, onHost, outside] = await Promise.all([port.netns, lab.host, lab.outside].map((name) => Sniffer.start(name))) as [Sniffer, Sniffer, Sniffer]
  await sendFrames(attacker, attempts.flatMap((attempt, index) => attempt.frames(markerOf(index), at)))
  // What may pass comes last: all before it was dealt with.
  await sendFrames(attacker, [...honest(markerOf(90_000), at), ...honest6(markerOf(90_003), at), toOutside(markerOf(90_001), at.own.address)])
  await Promise.all([...[90_000, 90_003].map((last) => inside.until(() => handedOn(inside.with(markerOf(last))).length > 0)), outside.until(() => outside.with(markerOf(90_001)).length > 0)])
})

afterAll(async () => {
  for (const sniffer of [inside, onHost, outside]) sniffer?.stop()
  await hosts?.close()
  await lab?.destroy()
})

const isIpv6 = ({ frame }: Seen) => frame.readUInt16BE(12) === 0x86dd
/** Type of an ICMPv6 message without headers before it, or null. */
const icmp6Type = ({ frame }: Seen) => (frame[20] === 58 ? frame[54] ?? null : null)

describe('discovery in a network with IPv6', () => {
  it('is answered for the gateway alone, and to the one who asked', async () => {
    const { own: mine, gateway, neighbour: other } = at.six ?? { own: '', gateway: '', neighbour: '' }
    const asked = (target: string, to: string, mac: string, marker: number) => ethernet(mac, at.own.mac, 0x86dd, discovery(mine, to, 135, target, at.own.mac, markerOf(marker)))
    const before = inside.seen.length
    await sendFrames(attacker, [asked(gateway, 'ff02::1:ff00:1', '33:33:ff:00:00:01', 30_000), asked(gateway, gateway, at.gateway.mac, 30_001), asked(other, 'ff02::1:ff00:6', '33:33:ff:00:00:06', 30_002), ...honest6(markerOf(90_004), at)])
    await inside.until(() => handedOn(inside.with(markerOf(90_004))).length > 0)
    const answers = inside.seen.slice(before).filter((one) => one.sent && isIpv6(one) && icmp6Type(one) === 136)
    expect(answers.map(({ device, frame }) => [device, frame.subarray(62, 78).toString('hex'), frame.subarray(6, 12).toString('hex')])).toEqual([1, 2].map(() => [ownTap, 'fd420000000000000000000000000001', at.gateway.mac.replaceAll(':', '')]))
  })

  it('asks nobody, reports nothing, and leaves neighbours as they were', async () => {
    expect(inside.seen.filter((one) => one.sent && isIpv6(one) && [130, 131, 133, 134, 135, 137, 143].includes(icmp6Type(one) ?? 0))).toEqual([])
    // Of all that was asked above, in whoever's name.
    expect(inside.seen.filter((one) => one.sent && isIpv6(one) && icmp6Type(one) === 136).every(({ device, frame }) => device === ownTap && frame.subarray(38, 54).toString('hex').endsWith('05'))).toBe(true)
    const { stdout } = await lab.in(namespaceName(lab.hostTag, 1), 'ip', '-6', 'neigh')
    expect(stdout.trim().split('\n').filter((line) => !line.includes(' NOARP')).map((line) => line.trim()).sort()).toEqual([own, neighbour].map(({ uid, mac, ipv6: six }) => `${six?.address} dev ${tapName(uid)} lladdr ${mac} PERMANENT`).sort())
  })
})

describe('raw frames in a network with a way out', () => {
  it.each(attempts.map((attempt, index) => ({ ...attempt, index })))('$name: neither to the neighbour nor past the host', ({ index, frames }) => {
    const marker = markerOf(index)
    expect(inside.with(marker).filter(({ sent }) => !sent)).toHaveLength(frames(marker, at).filter((frame) => frame.includes(marker)).length)
    // What is for the host's own addresses is refused where the host's end of the link is: nothing leaves it, no answer either.
    expect(onHost.with(marker).filter(({ sent }) => sent)).toEqual([])
    expect(outside.with(marker)).toEqual([])
    const up = handedOn(inside.with(marker)).filter(({ frame }) => !at.closed.some((address) => frame.includes(ipv4Bytes(address))))
    expect(up).toEqual([])
  })

  it('for the host’s own addresses are not answered', () => {
    const answers = onHost.seen.filter(({ sent, frame }) => sent && frame.readUInt16BE(12) === 0x0800 && [HOST, otherHostAddress].some((address) => frame.subarray(26, 30).equals(ipv4Bytes(address))) && frame[23] !== 1 && frame.subarray(0, 3).toString('hex') === '066900')
    expect(answers).toEqual([])
  })

  it('with a source that is not the pod’s never leave for the outside', async () => {
    const sources = ['10.0.0.6', '10.0.0.1', '10.0.0.200', '10.9.0.5', '100.64.0.9', HOST, '203.0.113.77', '192.0.2.8']
    await sendFrames(attacker, [...sources.map((from, index) => toOutside(markerOf(20_000 + index), from)), toOutside(markerOf(90_002), at.own.address)])
    await outside.until(() => outside.with(markerOf(90_002)).length > 0)
    expect(sources.filter((_, index) => outside.with(markerOf(20_000 + index)).length > 0 || onHost.with(markerOf(20_000 + index)).length > 0)).toEqual([])
    // The honest one went out as the host.
    expect(outside.with(markerOf(90_002))[0]?.frame.subarray(26, 30)).toEqual(ipv4Bytes(HOST))
  })
})
