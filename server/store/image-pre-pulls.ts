import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export type NewPrePull = { reference: string; namespace: string | null; pullSecrets: string[]; expiresAt: Date }

const valid = () => ({ expiresAt: { gt: new Date() } })

/** What all hosts shall have ahead of pods, the oldest first. */
export const listValidPrePulls = (db: Database) => db.imagePrePull.findMany({ where: valid(), orderBy: [{ createdAt: 'asc' }, { id: 'asc' }], take: 1000 })

export const listTenantPrePulls = (db: Database, scope: Scope) => db.imagePrePull.findMany({ where: { tenantId: scope.tenantId, ...valid() }, orderBy: { createdAt: 'asc' } })

/** Adds a pre-pull of the tenant in the place of one of the same reference; what has expired goes. */
export async function putPrePull(db: Database, scope: Scope, prePull: NewPrePull): Promise<string> {
  await db.imagePrePull.deleteMany({ where: { tenantId: scope.tenantId, OR: [{ reference: prePull.reference }, { expiresAt: { lte: new Date() } }] } })
  return (await db.imagePrePull.create({ data: { ...prePull, tenantId: scope.tenantId, createdBy: scope.actor.email } })).id
}

export const removePrePull = (db: Database, scope: Scope, id: string) => db.imagePrePull.deleteMany({ where: { tenantId: scope.tenantId, id } })

/** The operator's, for everybody. */
export async function putPublicPrePull(db: Database, createdBy: string, reference: string, expiresAt: Date): Promise<string> {
  await db.imagePrePull.deleteMany({ where: { tenantId: null, OR: [{ reference }, { expiresAt: { lte: new Date() } }] } })
  return (await db.imagePrePull.create({ data: { reference, expiresAt, createdBy } })).id
}
export const countPublicPrePulls = (db: Database) => db.imagePrePull.count({ where: { tenantId: null, ...valid() } })

/** The uids of Secrets that are there under these names. */
export const findPullSecrets = (db: Database, tenantId: string, namespace: string, names: string[]) =>
  db.secret.findMany({ where: { tenantId, namespace, name: { in: names } }, select: { uid: true, name: true, revision: true } })
