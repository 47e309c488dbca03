/**
 * What nftables should hold in one network namespace, as data. Sections (the base, services, policies, peers) each say their
 * part; {@link Table} in table.ts loads what differs from what the kernel has, in one transaction.
 */

/**
 * `declaration` is what stands in the set's braces before its elements: `type ipv4_addr; flags interval;`. Elements are written as nft
 * prints them: a subnet of one address without its prefix length, `"tap…"` in quotes. Those of an interval never overlap, unless the
 * declaration says `auto-merge`. A set that packets write (`flags dynamic`) has none here.
 */
export type NftSet = { readonly declaration: string; readonly elements: readonly string[] }
/** A map or verdict map: `type ipv4_addr . inet_service : verdict;`, and its values by key. */
export type NftMap = { readonly declaration: string; readonly elements: ReadonlyMap<string, string> }
/** `hook`: `type filter hook forward priority filter; policy drop;` of a base chain. A rule is one statement line of nft. */
export type NftChain = { readonly hook?: string; readonly rules: readonly string[] }

/**
 * One part of a table. Names are unique in the whole table, whatever they name: each section begins its own with its prefix
 * (`service_`, `policy_`, `peer_`). What is the same object as before is not looked at again.
 */
export type NftSection = {
  readonly sets?: ReadonlyMap<string, NftSet>
  readonly maps?: ReadonlyMap<string, NftMap>
  /** Names of named counters. */
  readonly counters?: readonly string[]
  /** For how long the table of connections keeps those that a rule chose (`ct timeout set`), by name: `protocol tcp; l3proto ip; policy = { syn_sent: 10 };`. */
  readonly timeouts?: ReadonlyMap<string, string>
  readonly chains?: ReadonlyMap<string, NftChain>
}

/** The tables of a namespace, each with its family and name (`inet hypernetes`) and the sections it is made of. */
export type NftTables = ReadonlyMap<string, readonly NftSection[]>

/** The table that services, policies and peers lie in. */
export const NETWORK_TABLE = 'inet hypernetes'

/** Sections as one; throws an Error for a name that two of them have. */
export type WholeTable = { readonly sets: ReadonlyMap<string, NftSet>; readonly maps: ReadonlyMap<string, NftMap>; readonly counters: ReadonlySet<string>; readonly timeouts: ReadonlyMap<string, string>; readonly chains: ReadonlyMap<string, NftChain> }

export function merged(name: string, sections: readonly NftSection[]): WholeTable {
  const whole = { sets: new Map<string, NftSet>(), maps: new Map<string, NftMap>(), counters: new Set<string>(), timeouts: new Map<string, string>(), chains: new Map<string, NftChain>() }
  const taken = new Set<string>()
  const take = (one: string) => {
    if (taken.has(one)) throw new Error(`table ${name}: two sections have the name ${one}`)
    taken.add(one)
    return one
  }
  for (const { sets, maps, counters, timeouts, chains } of sections) {
    for (const [key, value] of sets ?? []) whole.sets.set(take(key), value)
    for (const [key, value] of maps ?? []) whole.maps.set(take(key), value)
    for (const one of counters ?? []) whole.counters.add(take(one))
    for (const [key, value] of timeouts ?? []) whole.timeouts.set(take(key), value)
    for (const [key, value] of chains ?? []) whole.chains.set(take(key), value)
  }
  return whole
}

export const EMPTY_TABLE: WholeTable = merged('', [])
