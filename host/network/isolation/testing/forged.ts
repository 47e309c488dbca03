import { parseIp } from '@/domain/shared/ip'
import { gatewayMac } from '../../names'
import { ethernet, ipv4, ipv6 } from '../../testing/frames'
import { v4, v6, type WorldPod } from './world'

const macOf = ({ last }: WorldPod): string => `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`
const bytesOf = (address: string): Buffer => {
  const { family, value } = parseIp(address)
  return Buffer.from(value.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex')
}

/** A datagram with a right checksum, which IPv6 demands. */
function datagram(from: string, to: string, port: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt16BE(40_000, 0)
  head.writeUInt16BE(port, 2)
  head.writeUInt16BE(8 + payload.length, 4)
  const all = Buffer.concat([bytesOf(from), bytesOf(to), Buffer.from([0, 17]), head.subarray(4, 6), head, payload, Buffer.alloc(payload.length % 2)])
  let sum = 0
  for (let at = 0; at < all.length; at += 2) sum += all.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  head.writeUInt16BE((~sum & 0xffff) || 0xffff, 6)
  return Buffer.concat([head, payload])
}

/** What a pod sends, and, after it, what another one adds from its own device. */
export type Forged = { what: string; id: number; frames: Buffer[]; then?: { by: WorldPod; frames: Buffer[] } }

/** A datagram in two fragments. */
function fragments(sender: { mac: string; address: string }, through: WorldPod, to: string, port: number, id: number): [head: Buffer, tail: Buffer] {
  const packet = datagram(sender.address, to, port, Buffer.from(`probe ${id}`))
  const gateway = gatewayMac(through.network.number)
  const part = (offset: number, payload: Buffer, more: boolean): Buffer => {
    if (!to.includes(':')) return ethernet(gateway, sender.mac, 0x0800, ipv4({ from: sender.address, to, payload, identification: id, offset, more }))
    const head = Buffer.from([17, 0, 0, 0, 0, 0, 0, 0])
    head.writeUInt16BE(offset | (more ? 1 : 0), 2)
    head.writeUInt32BE(id, 4)
    return ethernet(gateway, sender.mac, 0x86dd, ipv6(sender.address, to, 44, Buffer.concat([head, payload])))
  }
  // The name's last digits are in the tail.
  return [part(0, packet.subarray(0, 16), true), part(16, packet.subarray(16), false)]
}

function frame(sender: { mac: string; address: string }, through: WorldPod, to: string, port: number, id: number): Buffer {
  const packet = datagram(sender.address, to, port, Buffer.from(`probe ${id}`))
  const gateway = gatewayMac(through.network.number)
  return to.includes(':') ? ethernet(gateway, sender.mac, 0x86dd, ipv6(sender.address, to, 17, packet)) : ethernet(gateway, sender.mac, 0x0800, ipv4({ from: sender.address, to, payload: packet }))
}

/** A pod's honest frames to another's addresses, and ones that claim another sender: its address, its MAC, both, one of nobody, the gateway's, one of another network, a service's; and fragments that are put together with those which the other pod sends. */
export function framesOf(attacker: WorldPod, victim: WorldPod, target: WorldPod, stranger: WorldPod, port: number, firstId: number): { honest: Forged[]; forged: Forged[] } {
  let id = firstId
  const one = (what: string, sender: { mac: string; address: string }, to: string): Forged => {
    const mine = id++
    return { what: `${attacker.name} to ${target.name} (${to}), ${what}`, id: mine, frames: [frame(sender, attacker, to, port, mine)] }
  }
  const own = (of: (pod: WorldPod) => string) => ({ mac: macOf(attacker), address: of(attacker) })
  const whole = (of: (pod: WorldPod) => string, to: string): Forged => {
    const mine = id++
    return { what: `${attacker.name} to ${target.name} (${to}), as itself in fragments`, id: mine, frames: fragments(own(of), attacker, to, port, mine) }
  }
  const shared = (of: (pod: WorldPod) => string, to: string): Forged[] => [0, 1].map((begins) => {
    const mine = id++
    const parts = fragments({ mac: macOf(victim), address: of(victim) }, attacker, to, port, mine)
    return { what: `${attacker.name} to ${target.name} (${to}), a packet's ${begins === 0 ? 'head' : 'tail'} with both of ${victim.name}, which sends the ${begins === 0 ? 'tail' : 'head'}`, id: mine, frames: [parts[begins === 0 ? 0 : 1]], then: { by: victim, frames: [parts[begins === 0 ? 1 : 0]] } }
  })
  const families = [[v4, v4(target)], [v6, v6(target)]] as const
  const nobody = (of: (pod: WorldPod) => string) => of({ ...attacker, last: 99 })
  const gateway = (of: (pod: WorldPod) => string) => of({ ...attacker, last: 1 })
  return {
    honest: families.flatMap(([of, to]) => [one('as itself', own(of), to), whole(of, to)]),
    forged: families.flatMap(([of, to]) => [
      one(`with the address of ${victim.name}`, { mac: macOf(attacker), address: of(victim) }, to),
      one(`with the MAC address of ${victim.name}`, { mac: macOf(victim), address: of(attacker) }, to),
      one(`with both of ${victim.name}`, { mac: macOf(victim), address: of(victim) }, to),
      one('with an address of nobody', { mac: macOf(attacker), address: nobody(of) }, to),
      one('with the address of the gateway', { mac: macOf(attacker), address: gateway(of) }, to),
      one(`with the address of ${stranger.name} of another network`, { mac: macOf(attacker), address: of(stranger) }, to),
      one('with the address of a service', { mac: macOf(attacker), address: to.includes(':') ? 'fd96::10' : '10.96.0.10' }, to),
      ...shared(of, to),
    ]),
  }
}
