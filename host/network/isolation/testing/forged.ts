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

export type Forged = { what: string; id: number; frame: Buffer }

function frame(sender: { mac: string; address: string }, through: WorldPod, to: string, port: number, id: number): Buffer {
  const packet = datagram(sender.address, to, port, Buffer.from(`probe ${id}`))
  const gateway = gatewayMac(through.network.number)
  return to.includes(':') ? ethernet(gateway, sender.mac, 0x86dd, ipv6(sender.address, to, 17, packet)) : ethernet(gateway, sender.mac, 0x0800, ipv4({ from: sender.address, to, payload: packet }))
}

/** A pod's honest frames to another's addresses, and ones that claim another sender: its address, its MAC, both, one of nobody, the gateway's, one of another network, a service's. */
export function framesOf(attacker: WorldPod, victim: WorldPod, target: WorldPod, stranger: WorldPod, port: number, firstId: number): { honest: Forged[]; forged: Forged[] } {
  let id = firstId
  const one = (what: string, sender: { mac: string; address: string }, to: string): Forged => {
    const mine = id++
    return { what: `${attacker.name} to ${target.name} (${to}), ${what}`, id: mine, frame: frame(sender, attacker, to, port, mine) }
  }
  const families = [[v4, v4(target)], [v6, v6(target)]] as const
  const nobody = (of: (pod: WorldPod) => string) => of({ ...attacker, last: 99 })
  const gateway = (of: (pod: WorldPod) => string) => of({ ...attacker, last: 1 })
  return {
    honest: families.map(([of, to]) => one('as itself', { mac: macOf(attacker), address: of(attacker) }, to)),
    forged: families.flatMap(([of, to]) => [
      one(`with the address of ${victim.name}`, { mac: macOf(attacker), address: of(victim) }, to),
      one(`with the MAC address of ${victim.name}`, { mac: macOf(victim), address: of(attacker) }, to),
      one(`with both of ${victim.name}`, { mac: macOf(victim), address: of(victim) }, to),
      one('with an address of nobody', { mac: macOf(attacker), address: nobody(of) }, to),
      one('with the address of the gateway', { mac: macOf(attacker), address: gateway(of) }, to),
      one(`with the address of ${stranger.name} of another network`, { mac: macOf(attacker), address: of(stranger) }, to),
      one('with the address of a service', { mac: macOf(attacker), address: to.includes(':') ? 'fd96::10' : '10.96.0.10' }, to),
    ]),
  }
}
