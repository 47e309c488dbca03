import { labels, type Labels } from '@/domain/shared/names'
import { storageClassSpec, type StorageClassSpec } from '@/domain/storage-class/spec'
import { volumeClaimSpec } from '@/domain/volume-claim/spec'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import type { VolumeLabels } from '@/domain/volume/claim-labels'
import { maxSnapshotsOf } from '@/domain/volume/limits'
import { volumeSpec, type VolumeSpec } from '@/domain/volume/spec'
import { Prisma } from '@/generated/prisma/client'
import type { Database, Transaction } from './database'
import { countSnapshotsOf } from './volume-snapshots'

/** A volume that a claim has, names or is made of. `formatted`: ext4, xfs or block; null: blank. `unfilled`: the files of its image are not in it yet. `free`: how many snapshots it can have more. */
export type ClaimVolume = VolumeLabels & { uid: string; name: string; spec: VolumeSpec; sizeBytes: bigint; storedSizeBytes: bigint | null; deleted: boolean; claimUid: string | null; className: string; reclaimPolicy: StorageClassSpec['reclaimPolicy']; storeId: string; homeHostId: string | null; stored: string; reverting: boolean; formatted: string | null; unfilled: boolean; free: number }

const fields = { class: { select: { name: true, spec: true } }, store: { select: { spec: true } } } as const
type Row = Awaited<ReturnType<Database['volume']['findFirstOrThrow']>> & { class: { name: string; spec: unknown }; store: { spec: unknown } }

async function toClaimVolume(db: Database, row: Row | null): Promise<ClaimVolume | null> {
  if (!row) return null
  const { uid, name, sizeBytes, storedSizeBytes, claimUid, storeId, homeHostId } = row
  const spec = volumeSpec.parse(row.spec)
  const snapshots = (await countSnapshotsOf(db, [uid])).get(uid) ?? 0
  return { uid, name, labels: labelsOf(row.labels), claimLabels: labelsOf(row.claimLabels), sizeBytes, storedSizeBytes, claimUid, storeId, homeHostId, spec, deleted: row.deletedAt !== null, className: row.class.name, reclaimPolicy: storageClassSpec.parse(row.class.spec).reclaimPolicy, stored: row.storedPhase, reverting: row.revertTo !== null, formatted: row.formatted, unfilled: spec.source.kind === 'Image' && row.formatted === null, free: maxSnapshotsOf(volumeStoreSpec.parse(row.store.spec).kind) - snapshots }
}

/** The tenant, then the claim and its volume: held until the transaction ends. Null: there is no such claim. */
export async function holdClaim(tx: Transaction, uid: string) {
  const seen = await tx.volumeClaim.findUnique({ where: { uid }, select: { tenantId: true } })
  if (!seen) return null
  await tx.$queryRaw`select 1 from "Tenant" where "id" = ${seen.tenantId} for no key update`
  await tx.$queryRaw`select 1 from "VolumeClaim" where "uid" = ${uid}::uuid for update`
  await tx.$queryRaw`select 1 from "Volume" where "claimUid" = ${uid}::uuid for update`
  const row = await tx.volumeClaim.findUnique({ where: { uid }, include: { volume: { include: fields } } })
  return row && { ...row, labels: labelsOf(row.labels), spec: volumeClaimSpec.parse(row.spec), volume: await toClaimVolume(tx, row.volume) }
}

const labelsOf = (stored: unknown): Labels => labels.catch({}).parse(stored)
/** The labels of a claim, which its volume has too. */
export const findClaimLabels = async (db: Database, uid: string): Promise<Labels> => labelsOf((await db.volumeClaim.findUnique({ where: { uid }, select: { labels: true } }))?.labels)

/** The volume that a claim asks for by name, held. */
export async function holdNamedVolume(tx: Transaction, tenantId: string, name: string): Promise<ClaimVolume | null> {
  const seen = await tx.volume.findFirst({ where: { tenantId, name, deletedAt: null }, select: { uid: true } })
  return seen && holdClaimVolume(tx, seen.uid)
}
async function holdClaimVolume(tx: Transaction, uid: string): Promise<ClaimVolume | null> {
  await tx.$queryRaw`select 1 from "Volume" where "uid" = ${uid}::uuid for update`
  return toClaimVolume(tx, await tx.volume.findUnique({ where: { uid }, include: fields }))
}

/** The volume of another claim of the same namespace, held. Undefined: there is no such claim; null: it has no volume. */
export async function holdVolumeOfClaim(tx: Transaction, tenantId: string, namespace: string, name: string): Promise<ClaimVolume | null | undefined> {
  const claim = await tx.volumeClaim.findUnique({ where: { tenantId_namespace_name: { tenantId, namespace, name } }, select: { volume: { select: { uid: true } } } })
  return claim ? claim.volume && holdClaimVolume(tx, claim.volume.uid) : undefined
}

export const bindClaim = async (tx: Transaction, volumeUid: string, claimUid: string): Promise<void> => void (await tx.volume.update({ where: { uid: volumeUid }, data: { claimUid }, select: { uid: true } }))
export const setVolumeLabels = async (tx: Transaction, volumeUid: string, labels: VolumeLabels): Promise<void> => void (await tx.volume.update({ where: { uid: volumeUid }, data: labels, select: { uid: true } }))

/** The claim's row goes; its volume is nobody's then. */
export const removeClaim = (tx: Transaction, uid: string) => tx.volumeClaim.deleteMany({ where: { uid } })

/** A pod that names the claim and has not ended; null: none does. */
export async function findPodOfClaim(db: Database, { tenantId, namespace, name }: { tenantId: string; namespace: string; name: string }): Promise<string | null> {
  const rows = await db.$queryRaw<{ name: string }[]>`
    select p."name" from "PodReference" f join "Pod" p on p."uid" = f."podUid" left join "PodReport" r on r."podUid" = p."uid"
    where f."tenantId" = ${tenantId} and f."namespace" = ${namespace} and f."kind" = 'PersistentVolumeClaim' and f."name" = ${name} and coalesce(r."phase", '') not in ('Succeeded', 'Failed', 'Gone') order by p."createdAt" limit 1`
  return rows[0]?.name ?? null
}

/** Who has a volume, or asks for it, by whatever name; null: nobody. */
export async function findPodOfVolume(db: Database, volumeUid: string): Promise<string | null> {
  const rows = await db.$queryRaw<{ namespace: string | null; name: string | null }[]>`
    select p."namespace", p."name" from "VolumeAttachment" a left join "Pod" p on p."uid" = a."podUid" where a."volumeUid" = ${volumeUid}::uuid order by a."createdAt" limit 1`
  const [row] = rows
  if (!row) return null
  return row.name === null ? 'a pod that is gone, of which its host has not let go yet,' : `pod "${row.name}" in namespace "${row.namespace ?? ''}"`
}

/** Claims `c` whose volume `v` grows, or did when they were told last. */
const toldOfGrowth = Prisma.sql`(v."storedSizeBytes" < v."sizeBytes" or exists (select 1 from "ObjectCondition" t where t."objectUid" = c."uid" and t."type" = 'Resizing'))`
/** Claims for which something may be to do where this volume changed: its own, where that is deleted or told of growth; and those without one that name it, or are made of its claim's. */
export const listClaimsForVolume = async (db: Database, volumeUid: string): Promise<string[]> => uidsOf(await db.$queryRaw<{ uid: string }[]>`
  select c."uid" from "Volume" v join "VolumeClaim" c on c."uid" = v."claimUid" and (c."deletedAt" is not null or ${toldOfGrowth}) where v."uid" = ${volumeUid}::uuid
  union select c."uid" from "Volume" v left join "VolumeClaim" o on o."uid" = v."claimUid" join "VolumeClaim" c on c."tenantId" = v."tenantId"
    and (c."spec" ->> 'volumeName' = v."name" or (c."namespace" = o."namespace" and c."spec" -> 'dataSource' ->> 'kind' = 'PersistentVolumeClaim' and c."spec" -> 'dataSource' ->> 'name' = o."name"))
  where v."uid" = ${volumeUid}::uuid and not exists (select 1 from "Volume" b where b."claimUid" = c."uid")`)
/** Those without a volume that are to be made of this snapshot. */
export const listClaimsForSnapshot = async (db: Database, snapshotUid: string): Promise<string[]> => uidsOf(await db.$queryRaw<{ uid: string }[]>`
  select c."uid" from "VolumeSnapshot" s join "VolumeClaim" c on c."tenantId" = s."tenantId" and c."spec" -> 'dataSource' ->> 'kind' = 'VolumeSnapshot' and c."spec" -> 'dataSource' ->> 'name' = s."name"
  where s."uid" = ${snapshotUid}::uuid and not exists (select 1 from "Volume" b where b."claimUid" = c."uid")`)

const uidsOf = (rows: readonly { uid: string }[]): string[] => rows.map(({ uid }) => uid)
export const listUnboundClaims = async (db: Database, tenantId?: string): Promise<string[]> => uidsOf(await db.volumeClaim.findMany({ where: { volume: null, ...(tenantId === undefined ? {} : { tenantId }) }, select: { uid: true } }))
export const listGrowingClaims = async (db: Database): Promise<string[]> => uidsOf(await db.$queryRaw<{ uid: string }[]>`select c."uid" from "Volume" v join "VolumeClaim" c on c."uid" = v."claimUid" where ${toldOfGrowth}`)
/** Bound ones whose volume has not the labels that {@link followClaim} gives it. */
export const listMislabelledClaims = async (db: Database): Promise<string[]> => uidsOf(await db.$queryRaw<{ uid: string }[]>`
  select c."uid" from "Volume" v join "VolumeClaim" c on c."uid" = v."claimUid"
    cross join lateral (select coalesce(jsonb_object_agg(l."key", l."value"), '{}') as "labels" from jsonb_each(v."labels") l where not v."claimLabels" @> jsonb_build_object(l."key", l."value")) own
    cross join lateral (select c."labels" - array(select jsonb_object_keys(own."labels")) as "labels") given
  where c."deletedAt" is null and (v."claimLabels" <> given."labels" or v."labels" <> given."labels" || own."labels")`)
export const listDeletedClaims = async (db: Database, tenantId?: string): Promise<string[]> => uidsOf(await db.volumeClaim.findMany({ where: { deletedAt: { not: null }, ...(tenantId === undefined ? {} : { tenantId }) }, select: { uid: true } }))
