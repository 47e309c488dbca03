import type { ImageReport } from '@/contracts/host/v1'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

/** So many images are kept of one host, the newest. */
const maxHostImages = 10_000

/**
 * Stores what a host says of its images: to everybody, or to tenants that it may know of, which are those with a pod on it or an image
 * that all hosts pull ahead. Only the gateway calls this.
 */
export async function storeImages(db: Database, hostId: string, images: ImageReport[]): Promise<void> {
  if (images.length === 0) return
  const tenants = await listHostTenants(db, hostId)
  for (const { tenantId = '', reference, sizeBytes, bytesDone, bytesTotal, phase, ...image } of images) {
    const key = { hostId, tenantId, reference }
    if (phase === 'Removed') await db.hostImage.deleteMany({ where: key })
    else if (tenantId === '' || tenants.has(tenantId)) {
      const data = { ...image, phase, sizeBytes: sizeBytes === null ? null : BigInt(sizeBytes), bytesDone: BigInt(bytesDone), bytesTotal: BigInt(bytesTotal), updatedAt: new Date() }
      await db.hostImage.upsert({ where: { hostId_tenantId_reference: key }, create: { ...data, ...key }, update: data })
    }
  }
  await db.$executeRaw`
    delete from "HostImage" where "hostId" = ${hostId}::uuid and ("tenantId", "reference") in (
      select "tenantId", "reference" from "HostImage" where "hostId" = ${hostId}::uuid order by "updatedAt" desc, "tenantId", "reference" offset ${maxHostImages})`
}

async function listHostTenants(db: Database, hostId: string): Promise<Set<string>> {
  const rows = await db.$queryRaw<{ tenantId: string }[]>`
    select "tenantId" from "Pod" where "hostId" = ${hostId}::uuid union select "tenantId" from "ImagePrePull" where "tenantId" is not null and "expiresAt" > now()`
  return new Set(rows.map(({ tenantId }) => tenantId))
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
