import type { Assignment, ImageUpload } from '@/contracts/host/v1'
import { uploadReference } from '@/domain/image/upload'
import { podContainers } from '@/domain/pod/spec'
import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from './database'

export type NewUpload = { id: string; reference: string; digest: string; bytes: bigint }

/** Holds the tenant's row, so that two uploads, or two pre-pulls, do not count on the same room. */
export const holdTenantImages = (tx: Transaction, scope: Scope) => tx.$queryRaw`select 1 from "Tenant" where "id" = ${scope.tenantId} for update`

export async function sumUploadBytes(db: Database, scope: Scope, except?: string): Promise<number> {
  const { _sum } = await db.imageUpload.aggregate({ where: { tenantId: scope.tenantId, ...(except ? { reference: { not: except } } : {}) }, _sum: { bytes: true } })
  return Number(_sum.bytes ?? 0)
}

export const countUploads = (db: Database, scope: Scope, except: string) => db.imageUpload.count({ where: { tenantId: scope.tenantId, reference: { not: except } } })

export const listUploads = (db: Database, scope: Scope) => db.imageUpload.findMany({ where: { tenantId: scope.tenantId }, orderBy: { reference: 'asc' }, take: 10_000 })

export const findUpload = (db: Database, scope: Scope, reference: string) => db.imageUpload.findUnique({ where: { tenantId_reference: { tenantId: scope.tenantId, reference } } })

/** Adds an upload; the one of the same reference makes way. */
export async function replaceUpload(tx: Transaction, scope: Scope, upload: NewUpload): Promise<void> {
  await tx.imageUpload.deleteMany({ where: { tenantId: scope.tenantId, reference: upload.reference } })
  await tx.imageUpload.create({ data: { ...upload, tenantId: scope.tenantId, createdBy: scope.actor.email } })
}

export const removeUpload = (tx: Transaction, scope: Scope, id: string) => tx.imageUpload.deleteMany({ where: { tenantId: scope.tenantId, id } })

/** The ids of all uploads, for the files that no row speaks of. */
export const listUploadIds = async (db: Database): Promise<string[]> => (await db.imageUpload.findMany({ select: { id: true } })).map(({ id }) => id)

/** Which of these references, as written, are uploads of their tenants. */
export async function resolveUploads(db: Database, wanted: readonly { tenantId: string; reference: string }[]): Promise<Map<string, ImageUpload>> {
  const tenants = [...new Set(wanted.map(({ tenantId }) => tenantId))].filter(Boolean)
  const references = [...new Set(wanted.flatMap(({ reference }) => uploadReference(reference) ?? []))]
  const rows = tenants.length === 0 || references.length === 0 ? [] : await db.imageUpload.findMany({ where: { tenantId: { in: tenants }, reference: { in: references } } })
  const known = new Map(rows.map((row) => [uploadKey(row.tenantId, row.reference), row]))
  const found = new Map<string, ImageUpload>()
  for (const { tenantId, reference } of known.size === 0 ? [] : wanted) {
    const full = uploadReference(reference)
    const row = full === null ? undefined : known.get(uploadKey(tenantId, full))
    if (row) found.set(uploadKey(tenantId, reference), { reference, uploadId: row.id, digest: row.digest, bytes: Number(row.bytes) })
  }
  return found
}
export const uploadKey = (tenantId: string, reference: string): string => `${tenantId} ${reference}`

/** The assignments with the uploads that their specs name. */
export async function withUploads(db: Database, assignments: Assignment[]): Promise<Assignment[]> {
  const wanted = assignments.flatMap(({ tenantId, spec }) => [...new Set(podContainers(spec).map((container) => container.spec.image))].map((reference) => ({ tenantId, reference })))
  const found = await resolveUploads(db, wanted)
  if (found.size === 0) return assignments
  return assignments.map((one) => {
    const uploads = [...new Set(podContainers(one.spec).map((container) => container.spec.image))].flatMap((reference) => found.get(uploadKey(one.tenantId, reference)) ?? [])
    return uploads.length === 0 ? one : { ...one, uploads }
  })
}
