/** Ethernet frames for tests, byte by byte, as an attacker with a raw socket makes them. */

const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex')
export const ipv4Bytes = (address: string): Buffer => Buffer.from(address.split('.').map(Number))

/** An IPv6 address of eight groups or with one `::`. */
function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string) => text.split(':').filter((group) => group !== '')
  const [first, last] = [groups(head), groups(tail)]
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

/** The Internet checksum (RFC 1071). */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

const uint16 = (...values: number[]): Buffer => Buffer.from(values.flatMap((value) => [value >>> 8, value & 255]))

/** A frame; short ones are padded to the 60 bytes of a wire. `tags` are VLAN tags as [protocol, number]. */
export function ethernet(to: string, from: string, type: number, payload: Buffer, tags: readonly (readonly [number, number])[] = []): Buffer {
  const frame = Buffer.concat([macBytes(to), macBytes(from), ...tags.map(([protocol, number]) => uint16(protocol, number)), uint16(type), payload])
  return frame.length < 60 ? Buffer.concat([frame, Buffer.alloc(60 - frame.length)]) : frame
}

export type Ipv4 = { from: string; to: string; protocol?: number; payload: Buffer; options?: Buffer; ttl?: number; identification?: number; offset?: number; more?: boolean; dontFragment?: boolean; totalLength?: number; version?: number }

/** An IPv4 packet with a right checksum; `offset` in bytes. */
export function ipv4({ from, to, protocol = 17, payload, options = Buffer.alloc(0), ttl = 64, identification = 1, offset = 0, more = false, dontFragment = false, totalLength, version = 4 }: Ipv4): Buffer {
  const words = 5 + options.length / 4
  const flags = (dontFragment ? 0x4000 : 0) | (more ? 0x2000 : 0) | (offset / 8)
  const header = Buffer.concat([Buffer.from([(version << 4) | words, 0]), uint16(totalLength ?? words * 4 + payload.length, identification, flags), Buffer.from([ttl, protocol]), uint16(0), ipv4Bytes(from), ipv4Bytes(to), options])
  header.writeUInt16BE(checksum(header), 10)
  return Buffer.concat([header, payload])
}

/** A UDP datagram without a checksum, which IPv4 allows. */
export const udp = (from: number, to: number, payload: Buffer): Buffer => Buffer.concat([uint16(from, to, 8 + payload.length, 0), payload])

/** A UDP datagram over IPv6, which demands its checksum. */
export function udpOver6(source: string, target: string, from: number, to: number, payload: Buffer): Buffer {
  const datagram = udp(from, to, payload)
  const sum = checksum(Buffer.concat([ipv6Bytes(source), ipv6Bytes(target), uint16(0, datagram.length, 0, 17), datagram]))
  datagram.writeUInt16BE(sum || 0xffff, 6)
  return datagram
}

/** A TCP segment that asks for a connection and carries bytes already. Its checksum is right. */
export function tcpSyn(source: string, target: string, port: number, payload: Buffer): Buffer {
  const segment = Buffer.concat([uint16(40_000, port), Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2]), uint16(1024, 0, 0), payload])
  segment.writeUInt16BE(checksum(Buffer.concat([ipv4Bytes(source), ipv4Bytes(target), uint16(6, segment.length), segment])), 16)
  return segment
}

/** An ICMP message. */
export function icmp(type: number, code: number, rest: Buffer): Buffer {
  const message = Buffer.concat([Buffer.from([type, code, 0, 0]), rest])
  message.writeUInt16BE(checksum(message), 2)
  return message
}

export function ipv6(from: string, to: string, next: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x60, 0, 0, 0]), uint16(payload.length), Buffer.from([next, 255]), ipv6Bytes(from), ipv6Bytes(to), payload])
}

/** An IPv6 packet with an ICMPv6 message, its checksum right. */
export function icmp6(from: string, to: string, type: number, rest: Buffer, code = 0): Buffer {
  const message = Buffer.concat([Buffer.from([type, code, 0, 0]), rest])
  message.writeUInt16BE(checksum(Buffer.concat([ipv6Bytes(from), ipv6Bytes(to), uint16(0, message.length, 0, 58), message])), 2)
  return ipv6(from, to, 58, message)
}

/** A neighbour's or a router's message of discovery: `target` null for a router's. The marker of 16 bytes is in an option that nobody knows: one that is none would make all of it void. */
export function discovery(from: string, to: string, type: number, target: string | null, link: string, marker: Buffer): Buffer {
  const option = Buffer.concat([Buffer.from([type === 135 ? 1 : 2, 1]), macBytes(link)])
  const head = target === null ? Buffer.from([64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]) : Buffer.concat([Buffer.from([0x60, 0, 0, 0]), ipv6Bytes(target)])
  return icmp6(from, to, type, Buffer.concat([head, option, Buffer.from([253, 3, 0, 0, 0, 0, 0, 0]), marker]))
}

export type Arp = { operation: 'request' | 'reply'; senderMac: string; sender: string; targetMac?: string; target: string }

/** An ARP message with the marker behind it, in the padding. */
export function arp({ operation, senderMac, sender, targetMac = '00:00:00:00:00:00', target }: Arp, marker: Buffer): Buffer {
  return Buffer.concat([uint16(1, 0x0800), Buffer.from([6, 4]), uint16(operation === 'request' ? 1 : 2), macBytes(senderMac), ipv4Bytes(sender), macBytes(targetMac), ipv4Bytes(target), marker])
}
