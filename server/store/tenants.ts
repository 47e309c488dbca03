import { z } from 'zod'
import type { Database } from './database'

const role = z.enum(['admin', 'member'])

/** Inserts a tenant, or answers false when its slug is taken. A conflict does not end the transaction. */
export async function insertTenant(tx: Database, tenant: { id: string; slug: string; name: string }): Promise<boolean> {
  return (await tx.tenant.createMany({ data: [tenant], skipDuplicates: true })).count > 0
}

export const insertMembership = (tx: Database, membership: { tenantId: string; userId: string; role: 'admin' | 'member' }) => tx.membership.create({ data: membership })

export const insertTenantKey = (tx: Database, key: { tenantId: string; wrappedKey: string }) => tx.tenantKey.create({ data: key })

/** A user's membership of the tenant named by slug or id, or null. A slug never has the form of an id. */
export async function findMembership(db: Database, userId: string, reference: string) {
  if (!/^[a-z0-9-]{1,64}$/.test(reference)) return null
  const tenant = /^[0-9a-f]{32}$/.test(reference) ? { id: reference } : { slug: reference }
  const row = await db.membership.findFirst({ where: { userId, tenant }, include: { tenant: true } })
  return row ? { role: role.parse(row.role), tenant: row.tenant } : null
}

/** A user's tenants, the first they joined first; of a token only its own. */
export async function listMemberships(db: Database, userId: string, onlyTenant: string | null = null) {
  const rows = await db.membership.findMany({ where: { userId, ...(onlyTenant ? { tenantId: onlyTenant } : {}) }, include: { tenant: true }, orderBy: [{ createdAt: 'asc' }, { tenantId: 'asc' }] })
  return rows.map((row) => ({ role: role.parse(row.role), tenant: row.tenant }))
}
