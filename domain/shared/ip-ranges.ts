import { bitsOf, formatIp, parseSubnet, rangeOf, rangesOverlap, type Family, type IpRange } from './ip'

/** The same addresses as the fewest ranges, in order. All are of one family. */
export function unionOf(ranges: readonly IpRange[]): IpRange[] {
  const all: IpRange[] = []
  for (const range of [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const last = all.at(-1)
    if (!last || range.first > last.last + 1n) all.push(range)
    else if (range.last > last.last) all[all.length - 1] = { ...last, last: range.last }
  }
  return all
}

/** What of a range is in none of the others. */
export function rangeWithout(range: IpRange, others: readonly IpRange[]): IpRange[] {
  const left: IpRange[] = []
  let from = range.first
  for (const { first, last } of unionOf(others.filter((other) => rangesOverlap(other, range)))) {
    if (first > from) left.push({ family: range.family, first: from, last: first - 1n })
    from = last + 1n
  }
  return from > range.last ? left : [...left, { family: range.family, first: from, last: range.last }]
}

export const rangesOfSubnets = (subnets: readonly string[], family: Family): IpRange[] => unionOf(subnets.map(parseSubnet).filter((subnet) => subnet.family === family).map(rangeOf))

/** Whether ranges as {@link unionOf} gives them are all addresses of a family. */
export const isEverything = ([only, ...rest]: readonly IpRange[], family: Family): boolean => only !== undefined && rest.length === 0 && only.first === 0n && only.last === (1n << BigInt(bitsOf(family))) - 1n

/** `10.0.0.5`, `10.0.0.0/24`, or `10.0.0.5-10.0.0.9` where it is no subnet: as nft prints it. */
export function formatRange({ family, first, last }: IpRange): string {
  const size = last - first + 1n
  const start = formatIp({ family, value: first })
  if (size === 1n) return start
  const bits = size.toString(2).length - 1
  const isSubnet = size === 1n << BigInt(bits) && first % size === 0n
  return isSubnet ? `${start}/${bitsOf(family) - bits}` : `${start}-${formatIp({ family, value: last })}`
}
