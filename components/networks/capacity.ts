import type { NetworkSpec } from '@/domain/network/spec'

/** A subnet of IPv6 has more addresses than anybody counts. */
const countless = 1e9

/** How much of a subnet or network is used, in words: "3 of 253". */
export const usedOf = (used: number, total: number): string => (total >= countless ? `${used.toLocaleString('en')} used` : `${used.toLocaleString('en')} of ${total.toLocaleString('en')}`)

/** Subnets of IPv4 before those of IPv6: a map that was stored has no order of its own. */
export const ipv4First = <S extends { cidr: string }>(subnets: readonly S[]): S[] => [...subnets].sort((a, b) => Number(a.cidr.includes(':')) - Number(b.cidr.includes(':')))

export const cidrsOf = (spec: NetworkSpec): string[] => ipv4First(Object.values(spec.subnets)).map(({ cidr }) => cidr)
