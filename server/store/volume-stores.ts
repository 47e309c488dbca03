import type { Labels } from '@/domain/shared/names'
import type { StoreWord } from '@/domain/volume-store/conditions'
import { volumeStoreSpec, type VolumeStoreSpec } from '@/domain/volume-store/spec'
import type { Scope } from '@/server/auth/scope'
import { waitAtMost, type Database, type Transaction } from './database'
import { isSilent } from './volume-reach'

/** Stores and classes are the operators'. */
const parts = {
  classes: { select: { name: true }, orderBy: { name: 'asc' } },
  hosts: { include: { host: { select: { name: true, phase: true, lostAt: true } } }, orderBy: { hostId: 'asc' } },
  _count: { select: { volumes: true, snapshots: true, removals: true } },
} as const
export type VolumeStoreRow = NonNullable<Awaited<ReturnType<typeof findVolumeStore>>>

/**
 * Lets one transaction at a time change stores and classes. No lock is waited for for long in it: tenants who make volumes hold theirs for as long as their manifest takes
 * (`isLockTimeout`).
 */
export async function holdStores(tx: Transaction, waitMs: number): Promise<void> {
  await waitAtMost(tx, waitMs)
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtext('hypernetes volume stores'))`
}

export const listVolumeStores = (db: Database) => db.volumeStore.findMany({ include: parts, orderBy: { name: 'asc' } })
export const findVolumeStore = (db: Database, name: string) => db.volumeStore.findUnique({ where: { name }, include: parts })
export const countVolumeStores = (db: Database) => db.volumeStore.count()

/** How many storage classes lie in stores that virtual machines reach over the network, and how many volumes of a tenant do. */
export async function countOnNetworkStores(db: Database, { tenantId }: Pick<Scope, 'tenantId'>): Promise<{ classes: number; volumes: number }> {
  const store = { spec: { path: ['kind'], equals: 'rbd' } }
  return { classes: await db.storageClass.count({ where: { store } }), volumes: await db.volume.count({ where: { tenantId, store } }) }
}

/** Bytes that the volumes of stores were promised, by the stores' uids. */
export async function promisedBytes(db: Database): Promise<Map<string, number>> {
  const rows = await db.volume.groupBy({ by: ['storeId'], _sum: { sizeBytes: true } })
  return new Map(rows.map(({ storeId, _sum }) => [storeId, Number(_sum.sizeBytes ?? 0n)]))
}

/** Holds a store until the transaction ends: no volume, snapshot or class of it comes meanwhile. */
export const holdVolumeStore = (tx: Transaction, name: string) => tx.$queryRaw`select 1 from "VolumeStore" where "name" = ${name} for update`

type Written = { labels: Labels; annotations: Labels; spec: VolumeStoreSpec }
export const insertVolumeStore = (tx: Transaction, store: Written & { uid: string; name: string; wrappedKey: string | null }) => tx.volumeStore.create({ data: store, select: { uid: true } })

/** `wrappedKey` left out: it stays. */
export const updateVolumeStore = (tx: Transaction, uid: string, { specChanged, ...change }: Written & { wrappedKey?: string; specChanged: boolean }) =>
  tx.volumeStore.update({ where: { uid }, data: { ...change, ...(specChanged ? { generation: { increment: 1 } } : {}) }, select: { uid: true } })

/** Removes a store of which nothing is kept; the foreign keys hold that. */
export const deleteVolumeStore = (tx: Transaction, uid: string) => tx.volumeStore.delete({ where: { uid }, select: { uid: true } })

export const listVolumeStoreUids = async (db: Database): Promise<string[]> => (await db.volumeStore.findMany({ select: { uid: true } })).map(({ uid }) => uid)

/** What hosts say of a store, by their names. Null: it is gone. */
export async function readStoreWords(db: Database, uid: string): Promise<{ spec: VolumeStoreSpec; generation: number; words: StoreWord[] } | null> {
  const row = await db.volumeStore.findUnique({ where: { uid }, select: { spec: true, generation: true, hosts: { include: parts.hosts.include, orderBy: { host: { name: 'asc' } } } } })
  return row && { spec: volumeStoreSpec.parse(row.spec), generation: row.generation, words: row.hosts.map(({ host, reachable, message, totalBytes, freeBytes }) => ({ host: host.name, heard: !isSilent(host), reachable, message, totalBytes: bytesOf(totalBytes), freeBytes: bytesOf(freeBytes) })) }
}

const bytesOf = (value: bigint | null): number | null => (value === null ? null : Number(value))
