/**
 * What nftables should hold in one network's namespace, as data. Sections (the base, services, policies, peers) each say their
 * part; {@link Table} in table.ts loads what differs from what the kernel has, in one transaction.
 */

/** `declaration` is what stands in the set's braces before its elements: `type ipv4_addr; flags interval;`. Elements are written as nft prints them. */
export type NftSet = { readonly declaration: string; readonly elements: readonly string[] }
/** A map or verdict map: `type ipv4_addr . inet_service : verdict;`, and its values by key. */
export type NftMap = { readonly declaration: string; readonly elements: ReadonlyMap<string, string> }
/** `hook`: `type filter hook forward priority filter; policy drop;` of a base chain. A rule is one statement line of nft. */
export type NftChain = { readonly hook?: string; readonly rules: readonly string[] }

/** One part of the table `inet hypernetes`. Names are unique in the whole table: each section begins its own with its prefix (`service_`, `policy_`, `peer_`). */
export type NftSection = {
  readonly sets?: ReadonlyMap<string, NftSet>
  readonly maps?: ReadonlyMap<string, NftMap>
  /** Names of named counters. */
  readonly counters?: readonly string[]
  readonly chains?: ReadonlyMap<string, NftChain>
}
