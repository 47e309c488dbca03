import type { ImageReport } from '@/contracts/host/v1'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

/** Stores what a host says of its images. Only the gateway calls this. */
export async function storeImages(db: Database, hostId: string, images: ImageReport[]): Promise<void> {
  for (const { tenantId = '', reference, sizeBytes, bytesDone, bytesTotal, phase, ...image } of images) {
    const key = { hostId, tenantId, reference }
    if (phase === 'Removed') await db.hostImage.deleteMany({ where: key })
    else {
      const data = { ...image, phase, sizeBytes: sizeBytes === null ? null : BigInt(sizeBytes), bytesDone: BigInt(bytesDone), bytesTotal: BigInt(bytesTotal), updatedAt: new Date() }
      await db.hostImage.upsert({ where: { hostId_tenantId_reference: key }, create: { ...data, ...key }, update: data })
    }
  }
}

/** A host begins to tell all of its images: what it had before may be gone. */
export const forgetImages = (db: Database, hostId: string) => db.hostImage.deleteMany({ where: { hostId } })

/** An image as pods write it, with how many pods of the tenant do, and the first of them. */
export type ImageUse = { reference: string; pods: number; namespace: string; name: string }

/** The images that the tenant's pods name; at most 10,000 different ones. */
export const listImageUses = (db: Database, scope: Scope) => db.$queryRaw<ImageUse[]>`
  select c ->> 'image' as reference, count(distinct p."uid")::int as pods, min(p."namespace") as "namespace",
    (array_agg(p."name" order by p."namespace", p."name"))[1] as "name"
  from "Pod" p, jsonb_array_elements(coalesce(p."spec" -> 'initContainers', '[]'::jsonb) || (p."spec" -> 'containers')) c
  where p."tenantId" = ${scope.tenantId} group by 1 order by 1 limit 10000`

/** What hosts say of images to this tenant: its own, and what is said to everybody. References are in full. */
export const listHostImages = (db: Database, scope: Scope, references: string[]) =>
  db.hostImage.findMany({ where: { reference: { in: references }, tenantId: { in: ['', scope.tenantId] } }, include: { host: { select: { name: true } } }, orderBy: [{ hostId: 'asc' }, { tenantId: 'desc' }] })

/** The phase of each of the tenant's images on hosts, for filters: the best first. */
export const countHosts = (db: Database) => db.host.count()
