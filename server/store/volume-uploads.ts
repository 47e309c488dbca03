import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Database, type DatabaseClient, type Transaction } from './database'

export type NewVolumeUpload = { id: string; format: 'raw' | 'qcow2'; bytes: bigint; virtualBytes: bigint; digest: string; expiresAt: Date }

/** How many uploads of volumes a tenant has, and their bytes together: what no volume was made of yet, and what one is being made of. */
export async function sumVolumeUploads(db: Database, { tenantId }: Scope): Promise<{ count: number; bytes: number }> {
  const { _count, _sum } = await db.volumeUpload.aggregate({ where: { tenantId }, _count: true, _sum: { bytes: true } })
  return { count: _count, bytes: Number(_sum.bytes ?? 0n) }
}

/** Bytes of those of which no volume is made or being made, but for one. */
export async function sumWaitingUploads(db: Database, { tenantId }: Pick<Scope, 'tenantId'>, but: string | null): Promise<number> {
  const rows = await db.$queryRaw<{ bytes: number }[]>`
    select coalesce(sum(u."bytes"), 0)::float8 as "bytes" from "VolumeUpload" u
    where u."tenantId" = ${tenantId} and u."id" is distinct from ${but}::uuid and not exists (select 1 from "Volume" v where v."sourceUploadId" = u."id")`
  return rows[0]?.bytes ?? 0
}

export const insertVolumeUpload = (tx: Transaction, scope: Scope, upload: NewVolumeUpload) => tx.volumeUpload.create({ data: { ...upload, tenantId: scope.tenantId, createdBy: scope.actor.email } })
/** The newest first. */
export const listVolumeUploads = (db: Database, scope: Scope) => db.volumeUpload.findMany({ where: { tenantId: scope.tenantId }, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: 1000 })
export const findVolumeUpload = (db: Database, scope: Scope, id: string) => db.volumeUpload.findFirst({ where: { id, tenantId: scope.tenantId } })
export const removeVolumeUpload = (tx: Transaction, scope: Scope, id: string) => tx.volumeUpload.deleteMany({ where: { id, tenantId: scope.tenantId } })

/** What is made of an upload and is not there yet needs its file. */
const unmade = ['Absent', 'Creating']

/** The volumes that are being made of these uploads, by the upload. */
export async function volumesMadeOf(db: Database, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.volume.findMany({ where: { sourceUploadId: { in: [...ids] }, storedPhase: { in: unmade }, purging: false }, select: { name: true, sourceUploadId: true }, orderBy: { createdAt: 'desc' } })
  return new Map(rows.flatMap(({ name, sourceUploadId }) => (sourceUploadId === null ? [] : [[sourceUploadId, name] as const])))
}

/** The ids of all, for the files that no row speaks of. */
export const listVolumeUploadIds = async (db: Database): Promise<string[]> => (await db.volumeUpload.findMany({ select: { id: true } })).map(({ id }) => id)

/**
 * Forgets uploads that nothing needs any more: those of which a volume was made, and, after their time, those of which none was. One that a volume is being made of stays, however long that
 * takes. Their ids, whose files go.
 */
export const removeSpentUploads = (db: DatabaseClient): Promise<string[]> => inTransaction(db, async (tx) => {
  // Who makes a volume of one holds it: those are passed over, and what they have committed is seen by the second statement.
  const held = (await tx.$queryRaw<{ id: string }[]>`select "id" from "VolumeUpload" order by "id" for update skip locked`).map(({ id }) => id)
  return (await tx.$queryRaw<{ id: string }[]>`
  delete from "VolumeUpload" u where u."id" = any(${held}::uuid[]) and not exists (select 1 from "Volume" v where v."sourceUploadId" = u."id" and v."storedPhase" in ('Absent', 'Creating') and not v."purging")
    and (u."expiresAt" <= now() or exists (select 1 from "Volume" v where v."sourceUploadId" = u."id" and v."storedPhase" = 'Ready')) returning u."id"`).map(({ id }) => id)
})

/** Whether the host is to make a volume of this upload: it keeps that one, and has not made it. */
export const makesVolumeOfUpload = async (db: Database, hostId: string, id: string): Promise<boolean> => (await db.volume.count({ where: { hostId, leaving: false, sourceUploadId: id, storedPhase: { in: unmade } } })) > 0
