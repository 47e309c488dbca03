import { addressPoolSpec, type AddressPoolSpec } from '@/domain/address-pool/spec'
import { poolClashes } from '@/domain/address-pool/overlap'
import { networkSpec } from '@/domain/network/spec'
import { familyOf, parseIp } from '@/domain/shared/ip'
import type { Labels } from '@/domain/shared/names'
import type { Database, Transaction } from './database'

/** Pools are the operators': nothing here takes a tenant's scope. */
export type AddressPoolRow = NonNullable<Awaited<ReturnType<typeof findAddressPool>>>
const counts = { _count: { select: { addresses: true } } } as const

/**
 * Lets one transaction at a time change pools, while nobody changes networks: neither may come to overlap the other unseen. Others who change networks wait behind who waits here:
 * with `waitMs` no lock is waited for for longer in this transaction (`isLockTimeout`).
 */
export async function holdPools(tx: Transaction, waitMs?: number): Promise<void> {
  if (waitMs !== undefined) await tx.$executeRaw`select set_config('lock_timeout', ${`${waitMs}ms`}, true)`
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtext('hypernetes address pools'))`
}

/** The pools' names and subnets, none of which changes before the transaction ends. For who changes a network. */
export async function holdPoolSubnets(tx: Transaction): Promise<{ name: string; cidr: string }[]> {
  await tx.$executeRaw`select pg_advisory_xact_lock_shared(hashtext('hypernetes address pools'))`
  return (await listAddressPools(tx)).map(({ name, spec }) => ({ name, cidr: addressPoolSpec.parse(spec).subnet.cidr }))
}

export const listAddressPools = (db: Database) => db.addressPool.findMany({ include: counts, orderBy: { name: 'asc' } })

export const findAddressPool = (db: Database, name: string) => db.addressPool.findUnique({ where: { name }, include: counts })

/** Holds a pool until the transaction ends: nobody takes an address of it meanwhile. */
export const holdAddressPool = (tx: Transaction, name: string) => tx.$queryRaw`select 1 from "AddressPool" where "name" = ${name} for update`

type Written = { labels: Labels; annotations: Labels; spec: AddressPoolSpec }
const columnsOf = (spec: AddressPoolSpec) => ({ spec, family: familyOf(spec.subnet.cidr), isDefault: spec.default })

export const insertAddressPool = (tx: Transaction, name: string, { spec, ...metadata }: Written) => tx.addressPool.create({ data: { name, ...metadata, ...columnsOf(spec) } })

export const updateAddressPool = (tx: Transaction, uid: string, { spec, specChanged, ...metadata }: Written & { specChanged: boolean }) =>
  tx.addressPool.update({ where: { uid }, data: { ...metadata, ...columnsOf(spec), ...(specChanged ? { generation: { increment: 1 } } : {}) } })

/** Removes a pool of which nobody has an address; the foreign key holds that. */
export async function deleteAddressPool(tx: Transaction, uid: string): Promise<void> {
  await tx.addressPool.delete({ where: { uid } })
}

/** The addresses of a pool that tenants have, in their order, with whom they lead to; at most `take`. */
export async function listPooledAddresses(db: Database, poolId: string, take: number) {
  const uids = await db.$queryRaw<{ uid: string }[]>`select "uid" from "FloatingAddress" where "poolId" = ${poolId}::uuid order by "address" limit ${take}`
  const rows = await db.floatingAddress.findMany({
    where: { uid: { in: uids.map(({ uid }) => uid) } },
    select: { address: true, name: true, tenant: { select: { id: true, slug: true } }, host: { select: { name: true } }, pod: { select: { namespace: true, name: true } }, loadBalancer: { select: { source: true, namespace: true, name: true } } },
  })
  return rows.sort((a, b) => (parseIp(a.address).value < parseIp(b.address).value ? -1 : 1))
}

/** Those of a pool's taken addresses that lie in none of the ranges, at most five, and how many there are. */
export async function addressesOutside(tx: Transaction, poolId: string, ranges: readonly { first: string; last: string }[]): Promise<{ some: string[]; count: number }> {
  const rows = await tx.$queryRaw<{ address: string; count: number }[]>`
    select host(a."address") as address, (count(*) over ())::int as count from "FloatingAddress" a
    where a."poolId" = ${poolId}::uuid and not exists (select from unnest(${ranges.map((r) => r.first)}::inet[], ${ranges.map((r) => r.last)}::inet[]) as r("first", "last") where a."address" between r."first" and r."last")
    order by a."address" limit 5`
  return { some: rows.map(({ address }) => address), count: rows[0]?.count ?? 0 }
}

const networksAtOnce = 500

/** How many tenants' networks share addresses with a subnet. Reads all of them, some at a time: whose they are is told nobody. */
export async function countNetworksMeeting(tx: Transaction, cidr: string): Promise<number> {
  let count = 0
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await tx.network.findMany({ where: { uid: { gt: after } }, orderBy: { uid: 'asc' }, take: networksAtOnce, select: { uid: true, spec: true } })
    count += rows.filter(({ spec }) => poolClashes(networkSpec.parse(spec), [{ name: '', cidr }]).length > 0).length
    const last = rows[rows.length - 1]
    if (!last || rows.length < networksAtOnce) return count
    after = last.uid
  }
}
