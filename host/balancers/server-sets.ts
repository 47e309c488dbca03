import type { BalancerServer } from '@/domain/load-balancer/model'
import type { ServersOf } from './packet-filter'

/** Where a server is, which tells it from the others of its backend. */
export const placeOf = ({ address, port }: BalancerServer): string => `${address} ${port}`

export const count = (servers: ServersOf): number => [...servers.values()].reduce((sum, { length }) => sum + length, 0)

/** Those of some servers that others have, too, of the same backend. */
export function among(some: ServersOf, others: ServersOf): ServersOf {
  return new Map([...some].map(([backend, servers]) => {
    const places = new Set((others.get(backend) ?? []).map(placeOf))
    return [backend, servers.filter((server) => places.has(placeOf(server)))] as const
  }))
}

/** Servers of two states; of one that both have, what the second says. */
export function both(before: ServersOf, now: ServersOf): ServersOf {
  const all = new Map(now)
  for (const [backend, servers] of before) {
    const known = all.get(backend) ?? []
    const has = new Set(known.map(placeOf))
    // For UDP who goes gets nothing new.
    const gone = servers.filter((server) => !has.has(placeOf(server))).map((server) => ({ ...server, weight: 0 }))
    if (gone.length > 0) all.set(backend, [...known, ...gone])
  }
  return all
}

/** Those that are at some addresses, by backends that have any. */
export function at(addresses: ReadonlySet<string>, servers: ServersOf): ServersOf {
  return new Map([...servers].map(([backend, all]) => [backend, all.filter(({ address }) => addresses.has(address))] as const).filter(([, some]) => some.length > 0))
}
