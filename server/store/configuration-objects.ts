import { Prisma } from '@/generated/prisma/client'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import type { Requirement } from '@/domain/shared/label-selector'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { selectorSql } from './selector-sql'

export type ConfigurationKind = ConfigurationObject['kind']
const table = (kind: ConfigurationKind): Prisma.Sql => (kind === 'ConfigMap' ? Prisma.sql`"ConfigMap"` : Prisma.sql`"Secret"`)

export type ConfigurationQuery = {
  namespace?: string
  search?: string
  type?: string
  selector?: Requirement[]
  sort: 'name' | 'namespace' | 'type' | 'size' | 'created'
  descending: boolean
  limit: number
  after?: { value: string; uid: string }
}

/** An object without its values. */
export type ConfigurationRow = {
  uid: string; namespace: string; name: string; labels: unknown; annotations: unknown; generation: number; revision: bigint; createdAt: Date
  immutable: boolean; bytes: number; type: string; keyCount: number; keys: string[]; pods: number
}

const sortKey = (kind: ConfigurationKind, sort: ConfigurationQuery['sort']): Prisma.Sql =>
  ({
    name: Prisma.sql`o."name" collate "C"`,
    namespace: Prisma.sql`o."namespace" collate "C"`,
    type: kind === 'Secret' ? Prisma.sql`o."type" collate "C"` : Prisma.sql`o."name" collate "C"`,
    size: Prisma.sql`lpad(o."bytes"::text, 10, '0') collate "C"`,
    created: Prisma.sql`to_char(o."createdAt" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS') collate "C"`,
  })[sort]

const shown = (kind: ConfigurationKind): Prisma.Sql => Prisma.sql`
  o."uid", o."namespace", o."name", o."labels", o."annotations", o."generation", o."revision", o."createdAt", o."immutable", o."bytes", ${kind === 'Secret' ? Prisma.sql`o."type"` : Prisma.sql`''`} as "type",
  (select count(*)::int from jsonb_object_keys(o."keys")) as "keyCount",
  array(select k from jsonb_object_keys(o."keys") k order by k collate "C" limit 20) as "keys",
  (select count(*)::int from "PodReference" r where r."tenantId" = o."tenantId" and r."namespace" = o."namespace" and r."kind" = ${kind} and r."name" = o."name") as "pods"`

/** One page of a tenant's ConfigMaps or Secrets in the asked order (ties by uid), with the number of all that match. Reads no value. */
export async function pageConfiguration(db: Database, scope: Scope, kind: ConfigurationKind, query: ConfigurationQuery): Promise<{ rows: ConfigurationRow[]; total: number; next: { value: string; uid: string } | null }> {
  const key = sortKey(kind, query.sort)
  const direction = query.descending ? Prisma.sql`desc` : Prisma.sql`asc`
  const conditions = [Prisma.sql`o."tenantId" = ${scope.tenantId}`]
  if (query.namespace) conditions.push(Prisma.sql`o."namespace" = ${query.namespace}`)
  if (query.type && kind === 'Secret') conditions.push(Prisma.sql`o."type" = ${query.type}`)
  if (query.search) conditions.push(Prisma.sql`(position(${query.search.toLowerCase()} in o."name") > 0 or exists (select 1 from jsonb_object_keys(o."keys") k where position(${query.search.toLowerCase()} in lower(k)) > 0))`)
  conditions.push(...(query.selector ?? []).map((r) => selectorSql(Prisma.sql`o."labels"`, r)))
  const filter = Prisma.join(conditions, ' and ')
  const beyond = query.after
    ? query.descending
      ? Prisma.sql`and (${key}, o."uid") < (${query.after.value} collate "C", ${query.after.uid}::uuid)`
      : Prisma.sql`and (${key}, o."uid") > (${query.after.value} collate "C", ${query.after.uid}::uuid)`
    : Prisma.empty
  const rows = await db.$queryRaw<(ConfigurationRow & { value: string })[]>`
    select ${shown(kind)}, ${key} as value from ${table(kind)} o where ${filter} ${beyond} order by ${key} ${direction}, o."uid" ${direction} limit ${query.limit + 1}`
  const total = await db.$queryRaw<{ count: number }[]>`select count(*)::int as count from ${table(kind)} o where ${filter}`
  const page = rows.slice(0, query.limit)
  const last = page[page.length - 1]
  return { rows: page, total: total[0]?.count ?? 0, next: rows.length > query.limit && last ? { value: last.value, uid: last.uid } : null }
}

/** One object without its values, or null. */
export async function findConfiguration(db: Database, scope: Scope, kind: ConfigurationKind, namespace: string, name: string): Promise<(ConfigurationRow & { sizes: unknown }) | null> {
  const rows = await db.$queryRaw<(ConfigurationRow & { sizes: unknown })[]>`
    select ${shown(kind)}, o."keys" as "sizes" from ${table(kind)} o where o."tenantId" = ${scope.tenantId} and o."namespace" = ${namespace} and o."name" = ${name}`
  return rows[0] ?? null
}

/** Holds an object until the transaction ends, so that what is read of it next is what is changed. */
export async function holdConfiguration(tx: Database, scope: Scope, kind: ConfigurationKind, namespace: string, name: string): Promise<void> {
  await tx.$queryRaw`select 1 from ${table(kind)} where "tenantId" = ${scope.tenantId} and "namespace" = ${namespace} and "name" = ${name} for update`
}

/**
 * Lets one transaction at a time create ConfigMaps and Secrets of the tenant, so that two do not both see the last free
 * place. Taken before namespaces and objects are held, always in this order, for two that wait for each other would fail.
 */
export async function holdConfigurationOf(tx: Database, scope: Scope): Promise<void> {
  await tx.$queryRaw`select 1 from "Tenant" where "id" = ${scope.tenantId} for no key update`
}

export async function countConfiguration(tx: Database, scope: Scope, kind: ConfigurationKind): Promise<number> {
  const rows = await tx.$queryRaw<{ count: number }[]>`select count(*)::int as count from ${table(kind)} where "tenantId" = ${scope.tenantId}`
  return rows[0]?.count ?? 0
}

/** A namespace that is there and stays there until the transaction ends: its removal waits for the row. Null when it is gone. */
export async function holdNamespace(tx: Database, scope: Scope, name: string): Promise<{ deletedAt: Date | null } | null> {
  const rows = await tx.$queryRaw<{ deletedAt: Date | null }[]>`select "deletedAt" from "Namespace" where "tenantId" = ${scope.tenantId} and "name" = ${name} for key share`
  return rows[0] ?? null
}
