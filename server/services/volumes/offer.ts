import { z } from 'zod'
import { notFound } from '@/domain/shared/errors'
import { tenantReference } from '@/domain/shared/names'
import { formatBytes } from '@/domain/shared/quantity'
import { volumeQuota, type TenantVolumeQuota, type VolumeOffer, type VolumeQuota } from '@/domain/volume/offer'
import { isShared } from '@/domain/volume-store/spec'
import type { Actor, Scope } from '@/server/auth/scope'
import { inTransaction, type Database } from '@/server/store/database'
import { recordAccountAudit } from '@/server/store/users'
import { findVolumeQuotas, listOfferedClasses, putVolumeQuotas } from '@/server/store/volume-quotas'
import { readVolumeUse, type VolumeQuotas } from '@/server/store/volumes'
import type { ServerContext } from '../context'

async function quotaOf(db: Database, tenantId: string, usual: VolumeQuotas): Promise<VolumeQuota> {
  const { used, limits } = await readVolumeUse(db, { tenantId }, usual)
  const of = (kind: keyof VolumeQuotas) => ({ used: used[kind], limit: limits[kind] })
  return { volumes: of('volumes'), bytes: of('bytes'), snapshots: of('snapshots') }
}

/** Of which classes the tenant may have volumes, and how much it has and may have. How full a store is is the operators' to know. */
export async function offerVolumes({ db, config }: ServerContext, scope: Scope): Promise<VolumeOffer> {
  const classes = (await listOfferedClasses(db)).map(({ name, spec, store }) => ({ name, spec, storeKind: store.kind, shared: isShared(store) }))
  return { classes, quota: await quotaOf(db, scope.tenantId, config.volumeQuotas), restorableSeconds: config.volumeGraceMs / 1000 }
}

export const volumeQuotaOfInput = z.object({ tenant: tenantReference })
/** The operator's: what was said of a tenant, what it may have and what it has. */
export async function readQuotaOf({ db, config }: ServerContext, { tenant }: z.output<typeof volumeQuotaOfInput>): Promise<TenantVolumeQuota> {
  const found = await findVolumeQuotas(db, tenant)
  if (!found) throw notFound('Tenant', tenant)
  const of = (kind: keyof VolumeQuotas) => ({ set: found.said[kind], usual: config.volumeQuotas[kind] })
  return { tenant: found.row, quota: await quotaOf(db, found.row.id, config.volumeQuotas), said: { volumes: of('volumes'), bytes: of('bytes'), snapshots: of('snapshots') } }
}

const count = z.number().int().min(0).max(1_000_000).nullable().optional()
/** Null of one: as much as the platform's setting says; left out: as it is. `bytes`: of all volumes together. */
export const setVolumeQuotaInput = z.object({ tenant: tenantReference, volumes: count, bytes: z.number().int().min(0).max(2 ** 53 - 1).nullable().optional(), snapshots: count })
export const setVolumeQuotaOutput = z.object({ tenant: z.object({ id: z.string(), slug: z.string() }), quota: volumeQuota })

/** Of the platform's setting no number is said: it may be another one by the time that this is read. */
const asSaid = (quota: number | null, format: (value: number) => string): string => (quota === null ? 'the platform’s' : format(quota))

/** The operator's: how much a tenant may have of volumes. What it has stays, also where it is more. */
export function setVolumeQuota(ctx: ServerContext, actor: Actor, { tenant, ...wish }: z.output<typeof setVolumeQuotaInput>): Promise<z.output<typeof setVolumeQuotaOutput>> {
  return inTransaction(ctx.db, async (tx) => {
    const { row, before } = (await putVolumeQuotas(tx, tenant, wish)) ?? {}
    if (!row || !before) throw notFound('Tenant', tenant)
    const changes = (['volumes', 'bytes', 'snapshots'] as const).flatMap((kind) => {
      const format = kind === 'bytes' ? formatBytes : String
      const after = wish[kind]
      return after === undefined || after === before[kind] ? [] : [`${kind}: ${asSaid(before[kind], format)} to ${asSaid(after, format)}`]
    })
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'volume.setQuota', kind: 'Tenant', name: row.slug, detail: changes.join(', ') })
    return { tenant: row, quota: await quotaOf(tx, row.id, ctx.config.volumeQuotas) }
  }, { repeatable: true })
}
