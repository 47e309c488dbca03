import { addressPoolSpec, type AddressPoolSpec } from '@/domain/address-pool/spec'
import { floatingAddressSpec, type FloatingAddressSpec, type FloatingTarget } from '@/domain/floating-address/spec'
import { familyOf, formatIp, inRange, parseIp } from '@/domain/shared/ip'
import type { Labels } from '@/domain/shared/names'
import { Prisma } from '@/generated/prisma/client'
import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from './database'
import { lowestFree, rangesOf } from './lowest-free'
import { inOrder } from './object-pages'
import { recordOwnAudit } from './records'

const parts = {
  pool: { select: { name: true } }, host: { select: { name: true } },
  pod: { select: { namespace: true, name: true } }, loadBalancer: { select: { source: true, namespace: true, name: true } },
} as const
export type FloatingAddressRow = NonNullable<Awaited<ReturnType<typeof findFloatingAddress>>>

/** What an address is taken for. `name` is the tenant's for it; `managed`: for a balancer that named none, and it goes with that one. */
export type AddressRequest = Pick<FloatingAddressSpec, 'pool' | 'family' | 'address' | 'target'> & {
  name: string
  managed: boolean
  /** Of a managed one: of which family it is, where a usual pool has that; else it is of the other. */
  prefers?: 'IPv4' | 'IPv6'
  /** Of a managed one: for what, as the audit shall say it. */
  takenFor?: string
  /** How many addresses a tenant may have of which its row says nothing: the platform's setting. */
  defaultQuota: number
  labels?: Labels
  annotations?: Labels
}
export type TakenAddress = { uid: string; address: string; pool: string }
/** Why no address is given: `path` is the field of the address's spec (or its name) that asked for it, `message` says what to do. */
export type FloatingRefusal = { reason: 'NameTaken' | 'QuotaExceeded' | 'PoolNotFound' | 'NoDefaultPool' | 'FamilyNotInPool' | 'AddressNotInPool' | 'AddressTaken' | 'NoFreeAddress'; path: string[]; message: string }

/**
 * Takes an address of the outside for a tenant, or says why not; then nothing was written. The tenant is held until the transaction ends, so that its quota holds; other
 * tenants wait for nothing of it, however long it takes: an address that another transaction is about to take is passed over. To be called before other rows are held.
 */
export async function takeAddress(tx: Transaction, tenantId: string, request: AddressRequest): Promise<{ taken: TakenAddress } | { refusal: FloatingRefusal }> {
  const refusal = (await quotaRefusal(tx, tenantId, request)) ?? (await nameRefusal(tx, tenantId, request.name))
  if (refusal) return { refusal }
  const pool = await poolFor(tx, request)
  if ('refusal' in pool) return pool
  const insert = (address: string) => insertAddress(tx, tenantId, request, pool, address)
  const given = request.address === undefined ? await takeFree(tx, pool, insert) : await takeAsked(tx, tenantId, pool, request.address, insert)
  if ('refusal' in given) return given
  if (request.managed) await recordOwnAudit(tx, { tenantId, action: 'floatingAddress.create', kind: 'FloatingAddress', name: request.name, detail: `${given.address}${request.takenFor ? ` for ${request.takenFor}` : ''}` })
  return { taken: { ...given, pool: pool.name } }
}

/** Null where somebody else has the address, or is about to: it is not waited for. */
async function insertAddress(tx: Transaction, tenantId: string, request: AddressRequest, pool: Pool, address: string): Promise<{ uid: string; address: string } | null> {
  // An insert alone would wait until a transaction that inserted the same one ends, which may be as long as a whole manifest.
  const [turn] = await tx.$queryRaw<{ held: boolean }[]>`select pg_try_advisory_xact_lock(hashtextextended(${`floating address ${address}`}, 0)) as "held"`
  if (!turn?.held) return null
  const spec = floatingAddressSpec.parse({ pool: request.pool, address: request.address, target: request.target, family: `IPv${familyOf(address)}` })
  const [row] = await tx.floatingAddress.createManyAndReturn({
    data: [{ tenantId, name: request.name, labels: request.labels ?? {}, annotations: request.annotations ?? {}, spec, poolId: pool.uid, address, managed: request.managed }], skipDuplicates: true, select: { uid: true },
  })
  return row ? { uid: row.uid, address } : null
}

/** How many addresses the tenant has, those that a host still lets go of among them, and may have. Holds the tenant until the transaction ends. */
export async function holdQuota(tx: Transaction, tenantId: string, defaultQuota: number): Promise<{ used: number; limit: number }> {
  const [row] = await tx.$queryRaw<{ quota: number | null }[]>`select "floatingAddressQuota" as quota from "Tenant" where "id" = ${tenantId} for no key update`
  return { used: await tx.floatingAddress.count({ where: { tenantId } }), limit: row?.quota ?? defaultQuota }
}

/** The same, as it is now. */
export async function readQuota(db: Database, tenantId: string, defaultQuota: number): Promise<{ used: number; limit: number }> {
  const tenant = await db.tenant.findUnique({ where: { id: tenantId }, select: { floatingAddressQuota: true, _count: { select: { floatingAddresses: true } } } })
  return { used: tenant?._count.floatingAddresses ?? 0, limit: tenant?.floatingAddressQuota ?? defaultQuota }
}

/** Lets a tenant have so many addresses; null: as many as the platform's setting says. What it has already stays. Null where no tenant is called so. */
export async function putQuota(tx: Transaction, tenant: string, quota: number | null): Promise<{ row: { id: string; slug: string }; before: number | null } | null> {
  const found = await tx.tenant.findFirst({ where: /^[0-9a-f]{32}$/.test(tenant) ? { id: tenant } : { slug: tenant }, select: { id: true, slug: true, floatingAddressQuota: true } })
  if (!found) return null
  const { floatingAddressQuota: before, ...row } = found
  await tx.tenant.update({ where: { id: found.id }, data: { floatingAddressQuota: quota } })
  return { row, before }
}

async function quotaRefusal(tx: Transaction, tenantId: string, { defaultQuota }: AddressRequest): Promise<FloatingRefusal | null> {
  const { used, limit } = await holdQuota(tx, tenantId, defaultQuota)
  if (used < limit) return null
  return { reason: 'QuotaExceeded', path: [], message: `The tenant has ${used === 1 ? '1 floating address' : `${used} floating addresses`}, and may have ${limit}: give one back that is not needed (those of load balancers count), or ask an operator for more.` }
}

async function nameRefusal(tx: Transaction, tenantId: string, name: string): Promise<FloatingRefusal | null> {
  const row = await tx.floatingAddress.findUnique({ where: { tenantId_name: { tenantId, name } }, select: { deletedAt: true, host: { select: { name: true } } } })
  if (!row) return null
  const message = row.deletedAt ? `The floating address "${name}" was given back, and ${row.host ? `the host "${row.host.name}"` : 'its host'} has not let go of it yet: wait until it is gone, or choose another name.` : `A floating address "${name}" exists: choose another name.`
  return { reason: 'NameTaken', path: ['name'], message }
}

type Pool = { uid: string; name: string; spec: AddressPoolSpec }
type Insert = (address: string) => Promise<{ uid: string; address: string } | null>

/**
 * The pool that an address is to come from: the named one, else the one that has the address, else the default one of the family. It stays as it is until the transaction
 * ends, which the foreign key holds anyway: operators wait who change it, nobody else.
 */
async function poolFor(tx: Transaction, { pool, family, address, prefers }: AddressRequest): Promise<Pool | { refusal: FloatingRefusal }> {
  const wanted = family ?? (address === undefined ? undefined : (`IPv${familyOf(address)}` as const))
  const which = pool !== undefined ? Prisma.sql`"name" = ${pool}` : address !== undefined ? Prisma.sql`("spec" #>> '{subnet,cidr}')::inet >>= ${address}::inet` : Prisma.sql`"isDefault" and ("family" = ${wanted === 'IPv6' ? 6 : 4} or ${prefers !== undefined})`
  const [row] = await tx.$queryRaw<{ uid: string; name: string; family: number; spec: unknown }[]>`select "uid", "name", "family", "spec" from "AddressPool" where ${which} order by ("family" = ${prefers === 'IPv6' ? 6 : 4}) desc limit 1 for key share`
  if (!row && pool !== undefined) return { refusal: { reason: 'PoolNotFound', path: ['pool'], message: `There is no pool "${pool}": name another one, or none for the usual one.` } }
  if (!row && address !== undefined) return { refusal: { reason: 'AddressNotInPool', path: ['address'], message: `${address} is in no pool of addresses: ask for one that is, or for none.` } }
  if (!row) return { refusal: { reason: 'NoDefaultPool', path: ['family'], message: `No pool is the usual one${prefers === undefined ? ` for ${wanted ?? 'IPv4'} addresses` : ''}: name a pool, or ask an operator for one.` } }
  if (wanted !== undefined && wanted !== `IPv${row.family}`) return { refusal: { reason: 'FamilyNotInPool', path: [address === undefined ? 'family' : 'address'], message: `The pool "${row.name}" has IPv${row.family} addresses: ask for one of those, or name another pool.` } }
  return { uid: row.uid, name: row.name, spec: addressPoolSpec.parse(row.spec) }
}

/** So many others may be about to take one at the same time. */
const maxPassedOver = 256

/** The lowest that is free, and that nobody is about to take. */
async function takeFree(tx: Transaction, { name, spec: { subnet } }: Pool, insert: Insert): Promise<{ uid: string; address: string } | { refusal: FloatingRefusal }> {
  const kept = [subnet.gateway]
  while (kept.length <= maxPassedOver) {
    const free = await lowestFree(tx, { table: Prisma.sql`"FloatingAddress"`, where: Prisma.sql`true` }, rangesOf(subnet), kept)
    const given = free === null ? null : await insert(free)
    if (given) return given
    if (free === null) break
    kept.push(free)
  }
  return { refusal: { reason: 'NoFreeAddress', path: ['pool'], message: `The pool "${name}" has no free address${kept.length > 1 ? ' now, for others are taking its last ones' : ''}: name another pool, wait until one is given back, or ask an operator for a larger pool.` } }
}

/** Of an address that is somebody else's nothing more is said than that it is not free. */
async function takeAsked(tx: Transaction, tenantId: string, { name, spec: { subnet } }: Pool, address: string, insert: Insert): Promise<{ uid: string; address: string } | { refusal: FloatingRefusal }> {
  const ip = parseIp(address)
  const ranges = rangesOf(subnet)
  if (address === subnet.gateway || !ranges.some(({ first, last }) => inRange({ family: ip.family, first: parseIp(first).value, last: parseIp(last).value }, ip))) {
    return { refusal: { reason: 'AddressNotInPool', path: ['address'], message: `${address} is no address that tenants may have of the pool "${name}": ask for one of ${ranges.map(({ first, last }) => `${first} to ${last}`).slice(0, 4).join(', ')} without ${subnet.gateway}, or for none.` } }
  }
  const given = await insert(formatIp(ip))
  if (given) return given
  const holder = await tx.floatingAddress.findUnique({ where: { address: formatIp(ip) }, select: { tenantId: true, name: true } })
  const who = holder?.tenantId === tenantId ? `is the floating address "${holder.name}" already` : 'is not free'
  return { refusal: { reason: 'AddressTaken', path: ['address'], message: `${address} ${who}: ask for another one, or for none.` } }
}

/**
 * Gives an address back. While a host answers for it, or has not said that it stopped, it is only marked: the external controller takes it from
 * its holder, and removes the row once the host has let go. Whether it is gone at once.
 */
export async function releaseAddress(tx: Transaction, uid: string): Promise<boolean> {
  // Held first, so that no host is named for it meanwhile.
  const [row] = await tx.$queryRaw<{ hostId: string | null }[]>`select "hostId" from "FloatingAddress" where "uid" = ${uid}::uuid for update`
  if (!row) return true
  if (row.hostId !== null) {
    await tx.floatingAddress.updateMany({ where: { uid, deletedAt: null }, data: { deletedAt: new Date(), generation: { increment: 1 } } })
    return false
  }
  await tx.floatingAddress.delete({ where: { uid } })
  return true
}

/** Another address of the tenant that leads to the same pod, of the same family; `but` itself is left out. A pod has one of each family. */
export async function findAddressOfPod(tx: Transaction, tenantId: string, { namespace, name }: Pick<FloatingTarget, 'namespace' | 'name'>, family: 4 | 6, but: string | null): Promise<{ name: string; address: string } | null> {
  const [row] = await tx.$queryRaw<{ name: string; address: string }[]>`
    select "name", host("address") as address from "FloatingAddress"
    where "tenantId" = ${tenantId} and "deletedAt" is null and family("address") = ${family} and "uid" is distinct from ${but}::uuid
      and "spec" #>> '{target,kind}' = 'Pod' and "spec" #>> '{target,namespace}' = ${namespace} and "spec" #>> '{target,name}' = ${name} limit 1`
  return row ?? null
}

export const findFloatingAddress = (db: Database, scope: Scope, name: string) => db.floatingAddress.findUnique({ where: { tenantId_name: { tenantId: scope.tenantId, name } }, include: parts })

export const loadFloatingAddresses = async (db: Database, scope: Scope, uids: string[]): Promise<FloatingAddressRow[]> => inOrder(uids, await db.floatingAddress.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

export const updateFloatingAddress = (db: Database, scope: Scope, uid: string, { specChanged, ...change }: { labels: Labels; annotations: Labels; spec: FloatingAddressSpec; specChanged: boolean }) =>
  db.floatingAddress.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, ...(specChanged ? { generation: { increment: 1 } } : {}) } })
