/** Parts of all rounds of one balancer together: each is an element of a map in the kernel, which is written when a server comes or goes. */
const MOST_SHARES = 4096

/** A server as the packet filter names it, and its part beside the others. */
type Weighted = { target: string; weight: number }

/** Who has which part of the round, by the name of the round's map. */
export type UdpShares = ReadonlyMap<string, readonly string[]>

/**
 * For each map a round in which each server stands as often as its weight says: the shortest that does, or the nearest that all maps together have room for. What stood in the
 * round before stays at its place as far as it can, so that one server that comes or goes changes few elements.
 */
export function udpShares(servers: ReadonlyMap<string, readonly Weighted[]>, before: UdpShares): UdpShares {
  const most = Math.floor(MOST_SHARES / Math.max(1, servers.size))
  return new Map([...servers].map(([name, all]) => [name, placed(timesOf(all, most), before.get(name) ?? [])]))
}

/** How often each stands in the round, at least once: no more than `most` together, but for as many as there are servers. */
function timesOf(servers: readonly Weighted[], most: number): Map<string, number> {
  const divisor = servers.reduce((all, { weight }) => greatestCommon(all, weight), 0) || 1
  const total = servers.reduce((sum, { weight }) => sum + weight / divisor, 0)
  const scale = Math.min(1, most / total)
  const times = new Map<string, number>()
  for (const { target, weight } of servers) times.set(target, (times.get(target) ?? 0) + Math.max(1, Math.floor((weight / divisor) * scale)))
  return times
}

function placed(times: ReadonlyMap<string, number>, before: readonly string[]): string[] {
  const left = new Map(times)
  const take = (target: string | undefined): string | null => {
    const count = (target !== undefined && left.get(target)) || 0
    if (target === undefined || count === 0) return null
    left.set(target, count - 1)
    return target
  }
  const round = Array.from({ length: [...times.values()].reduce((sum, count) => sum + count, 0) }, (_, at) => take(before[at]))
  const rest = [...left].flatMap(([target, count]) => Array.from({ length: count }, () => target)).values()
  return round.map((target) => target ?? rest.next().value ?? '')
}

const greatestCommon = (a: number, b: number): number => (b === 0 ? a : greatestCommon(b, a % b))
