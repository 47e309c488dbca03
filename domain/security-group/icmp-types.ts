/** ICMP types by the names that nftables and people use (IANA, "ICMP Type Numbers" and "ICMPv6 type Numbers"). */
export const icmpTypeNames = {
  icmp: { 0: 'echo-reply', 3: 'destination-unreachable', 5: 'redirect', 8: 'echo-request', 9: 'router-advertisement', 10: 'router-solicitation', 11: 'time-exceeded', 12: 'parameter-problem', 13: 'timestamp-request', 14: 'timestamp-reply' },
  icmpv6: { 1: 'destination-unreachable', 2: 'packet-too-big', 3: 'time-exceeded', 4: 'parameter-problem', 128: 'echo-request', 129: 'echo-reply', 133: 'router-solicitation', 134: 'router-advertisement', 135: 'neighbour-solicitation', 136: 'neighbour-advertisement', 137: 'redirect' },
} as const satisfies Record<'icmp' | 'icmpv6', Record<number, string>>

const entries = (protocol: 'icmp' | 'icmpv6'): [number, string][] => Object.entries(icmpTypeNames[protocol]).map(([type, name]) => [Number(type), name])

/** A type's name, or its number where it has none. */
export const icmpTypeName = (protocol: 'icmp' | 'icmpv6', type: number): string => entries(protocol).find(([number]) => number === type)?.[1] ?? String(type)

/** Reads a name or a number from 0 to 255; null for anything else. */
export function parseIcmpType(protocol: 'icmp' | 'icmpv6', text: string): number | null {
  const named = entries(protocol).find(([, name]) => name === text.toLowerCase())
  if (named) return named[0]
  return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : null
}
