import { z } from 'zod'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export type NewPrePull = { reference: string; namespace: string | null; pullSecrets: string[]; expiresAt: Date }

const valid = () => ({ expiresAt: { gt: new Date() } })

const pullSecretName = z.object({ uid: z.string(), revision: z.number(), type: z.string(), bytes: z.number() })
export type PullSecretName = z.output<typeof pullSecretName>
export type WantedPrePull = { id: string; tenantId: string | null; reference: string; secrets: PullSecretName[] }

/** What all hosts shall have ahead of pods, the oldest first, with the Secrets that are there under the names it gives. */
export async function listWantedPrePulls(db: Database): Promise<WantedPrePull[]> {
  const rows = await db.$queryRaw<(Omit<WantedPrePull, 'secrets'> & { secrets: unknown })[]>`
    select p."id", p."tenantId", p."reference", coalesce((
      select jsonb_agg(jsonb_build_object('uid', s."uid", 'revision', s."revision", 'type', s."type", 'bytes', s."bytes") order by s."name" collate "C")
      from "Secret" s where s."tenantId" = p."tenantId" and s."namespace" = p."namespace" and s."name" = any(p."pullSecrets")), '[]') as "secrets"
    from "ImagePrePull" p where p."expiresAt" > now() order by p."createdAt", p."id" limit 1000`
  return rows.map((row) => ({ ...row, secrets: z.array(pullSecretName).parse(row.secrets) }))
}

/** Wrapped values of Secrets with their tenants' wrapped keys: what the gateway opens for hosts. */
export const findPullSecretValues = (db: Database, uids: string[]) =>
  db.secret.findMany({ where: { uid: { in: uids } }, select: { uid: true, tenantId: true, name: true, type: true, value: true, tenant: { select: { key: true } } } })
export type PullSecretValue = Awaited<ReturnType<typeof findPullSecretValues>>[number]

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

/** The Secrets that are there under these names. */
export const findPullSecrets = (db: Database, tenantId: string, namespace: string, names: string[]) =>
  db.secret.findMany({ where: { tenantId, namespace, name: { in: names } }, select: { name: true, type: true, bytes: true } })
