import { storageClassSpec } from '@/domain/storage-class/spec'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import type { Database, Transaction } from './database'
import type { VolumeQuotas } from './volumes'

/** Null of one: as many as the platform's setting says. */
export type QuotaWish = { [K in keyof VolumeQuotas]?: number | null | undefined }

/** Null of one: as many as the platform's setting says. */
export type SaidQuotas = { [K in keyof VolumeQuotas]: number | null }

/** What was said of a tenant, named by its id or slug. Null: there is no such tenant. */
export async function findVolumeQuotas(db: Database, tenant: string): Promise<{ row: { id: string; slug: string; name: string }; said: SaidQuotas } | null> {
  const found = await db.tenant.findFirst({ where: /^[0-9a-f]{32}$/.test(tenant) ? { id: tenant } : { slug: tenant }, select: { id: true, slug: true, name: true, volumeQuota: true, volumeBytesQuota: true, snapshotQuota: true } })
  if (!found) return null
  const { volumeQuota, volumeBytesQuota, snapshotQuota, ...row } = found
  return { row, said: { volumes: volumeQuota, bytes: volumeBytesQuota === null ? null : Number(volumeBytesQuota), snapshots: snapshotQuota } }
}

/** Sets what a tenant may have; what is left out stays. Null: there is no such tenant. `before`: what was said so far. */
export async function putVolumeQuotas(tx: Transaction, tenant: string, { volumes, bytes, snapshots }: QuotaWish): Promise<{ row: { id: string; slug: string }; before: SaidQuotas } | null> {
  const found = await findVolumeQuotas(tx, tenant)
  if (!found) return null
  const { row: { id, slug }, said } = found
  await tx.tenant.update({ where: { id }, data: {
    ...(volumes === undefined ? {} : { volumeQuota: volumes }), ...(bytes === undefined ? {} : { volumeBytesQuota: bytes === null ? null : BigInt(bytes) }), ...(snapshots === undefined ? {} : { snapshotQuota: snapshots }),
  } })
  return { row: { id, slug }, before: said }
}

/** The classes that a tenant may name, the usual one first. */
export async function listOfferedClasses(db: Database) {
  const rows = await db.storageClass.findMany({ include: { store: { select: { spec: true } } }, orderBy: [{ isDefault: 'desc' }, { name: 'asc' }], take: 1000 })
  return rows.map(({ name, spec, isDefault, store }) => ({ name, spec: { ...storageClassSpec.parse(spec), default: isDefault }, store: volumeStoreSpec.parse(store.spec) }))
}
