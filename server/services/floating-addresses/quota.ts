import { z } from 'zod'
import { notFound } from '@/domain/shared/errors'
import { tenantReference } from '@/domain/shared/names'
import type { Actor } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import { putQuota, readQuota } from '@/server/store/floating-addresses'
import { recordAccountAudit } from '@/server/store/users'
import type { ServerContext } from '../context'

/** `quota` null: as many as the platform's setting says. */
export const setQuotaInput = z.object({ tenant: tenantReference, quota: z.number().int().min(0).max(1_000_000).nullable() })
export const setQuotaOutput = z.object({ tenant: z.object({ id: z.string(), slug: z.string() }), used: z.number().int(), limit: z.number().int() })

/** Of the platform's setting no number is said: it may be another one by the time that this is read. */
const asSaid = (quota: number | null | undefined): string => (quota === null || quota === undefined ? 'the platform’s' : String(quota))

/** The operator's: how many floating addresses a tenant may have. Those that it has stay, also where they are more. */
export function setQuota(ctx: ServerContext, actor: Actor, { tenant, quota }: z.output<typeof setQuotaInput>): Promise<z.output<typeof setQuotaOutput>> {
  return inTransaction(ctx.db, async (tx) => {
    const { row, before } = (await putQuota(tx, tenant, quota)) ?? {}
    if (!row) throw notFound('Tenant', tenant)
    await recordAccountAudit(tx, { actorId: actor.userId, actor: actor.email, action: 'addressPool.setQuota', kind: 'Tenant', name: row.slug, detail: `${asSaid(before)} to ${asSaid(quota)}` })
    return { tenant: row, ...(await readQuota(tx, row.id, ctx.config.floatingAddressQuota)) }
  }, { repeatable: true })
}
