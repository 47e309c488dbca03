import { hostRange, formatIp, parseSubnet } from '@/domain/shared/ip'
import type { Subnet } from '@/domain/network/spec'
import { Prisma } from '@/generated/prisma/client'
import type { Transaction } from './database'

export type AddressRange = { first: string; last: string }

/** The addresses that a subnet gives by itself: its ranges, or all its hosts. */
export function rangesOf({ cidr, allocationRanges }: Pick<Subnet, 'cidr' | 'allocationRanges'>): AddressRange[] {
  const { family, first, last } = hostRange(parseSubnet(cidr))
  return allocationRanges?.map(({ start, end }) => ({ first: start, last: end })) ?? [{ first: formatIp({ family, value: first }), last: formatIp({ family, value: last }) }]
}

/**
 * The lowest address of the ranges that nobody has, or null. One statement, whatever the ranges' size: the lowest is the first of a range,
 * or the next after one that is taken. `table` has the taken ones in "address", those that `where` holds for; `kept` are never given.
 */
export async function lowestFree(tx: Transaction, { table, where }: { table: Prisma.Sql; where: Prisma.Sql }, ranges: readonly AddressRange[], kept: readonly string[]): Promise<string | null> {
  const [row] = await tx.$queryRaw<{ address: string | null }[]>`
    with ranges as (select * from unnest(${ranges.map((r) => r.first)}::inet[], ${ranges.map((r) => r.last)}::inet[]) as r("first", "last")),
      taken as (
        select t."address" from ${table} t where ${where} and t."address" between (select min("first") from ranges) and (select max("last") from ranges)
        union select unnest(${[...kept]}::inet[])),
      candidates as (select "first" as "address" from ranges union select "address" + 1 from taken)
    select host(min(c."address")) as "address" from candidates c
    where exists (select from ranges r where c."address" between r."first" and r."last") and not exists (select from taken t where t."address" = c."address")`
  return row?.address ?? null
}
