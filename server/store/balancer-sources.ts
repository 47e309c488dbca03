import type { BalancerSource } from '@/domain/load-balancer/view'
import { ingressSpec, type IngressSpec } from '@/domain/ingress/spec'
import { serviceSpec, type ServiceSpec } from '@/domain/service/spec'
import { annotations, type Labels } from '@/domain/shared/names'
import { Prisma } from '@/generated/prisma/client'
import type { Database } from './database'

type SourceRow = { uid: string; namespace: string; name: string; generation: number; networkId: string }
/** `digest`: of all that a balancer is compiled from (its spec and its annotations of balancers), made by the database when the row is written. */
export type OutsideSource = SourceRow & { kind: BalancerSource; digest: string }
/** The same with what its tenant wrote, of its annotations those of balancers alone: what else an object is annotated with may be of any size. */
export type OutsideService = SourceRow & { kind: 'Service'; digest: string; annotations: Labels; spec: ServiceSpec }
export type OutsideIngress = SourceRow & { kind: 'Ingress'; digest: string; annotations: Labels; spec: IngressSpec }

const columns = Prisma.sql`s."uid", s."namespace", s."name", s."generation", s."networkId", s."digest"`
const ofTenant = { Service: (tenantId: string) => Prisma.sql`from "Service" s where s."tenantId" = ${tenantId} and s."wantsOutside" and not s."heldBack"`, Ingress: (tenantId: string) => Prisma.sql`from "Ingress" s where s."tenantId" = ${tenantId}` }

/** The services of a tenant that ask for an address outside of their network, and its ingresses, the oldest first; nothing of what they say is read. */
export const listOutsideSources = (db: Database, tenantId: string): Promise<OutsideSource[]> => db.$queryRaw<OutsideSource[]>`
  select o.* from (select 'Service' as "kind", s."createdAt" as "at", ${columns} ${ofTenant.Service(tenantId)} union all select 'Ingress', s."createdAt", ${columns} ${ofTenant.Ingress(tenantId)}) o order by o."kind" desc, o."at", o."uid"`

/** What some of them say. Those that are there no more are left out. */
export async function readOutsideSources(db: Database, tenantId: string, uids: readonly string[]): Promise<(OutsideService | OutsideIngress)[]> {
  const rows = await db.$queryRaw<(OutsideSource & { annotations: unknown; spec: unknown })[]>`
    select 'Service' as "kind", ${columns}, balancer_annotations(s."annotations") as "annotations", s."spec" ${ofTenant.Service(tenantId)} and s."uid" = any(${[...uids]}::uuid[])
    union all select 'Ingress', ${columns}, balancer_annotations(s."annotations"), s."spec" ${ofTenant.Ingress(tenantId)} and s."uid" = any(${[...uids]}::uuid[])`
  return rows.map(({ kind, ...row }): OutsideService | OutsideIngress => {
    const read = annotations.parse(row.annotations)
    return kind === 'Service' ? { ...row, kind, annotations: read, spec: serviceSpec.parse(row.spec) } : { ...row, kind: 'Ingress', annotations: read, spec: ingressSpec.parse(row.spec) }
  })
}

/** The digests of the services in some namespaces, for the ingresses there: keys are `namespace/name`. */
export async function listServiceDigests(db: Database, tenantId: string, namespaces: readonly string[]): Promise<Map<string, string>> {
  if (namespaces.length === 0) return new Map()
  const rows = await db.$queryRaw<{ key: string; digest: string }[]>`select "namespace" || '/' || "name" as "key", "digest" from "Service" where "tenantId" = ${tenantId} and "namespace" = any(${[...namespaces]}::text[])`
  return new Map(rows.map(({ key, digest }) => [key, digest]))
}

/** What services say, for the ingresses that name them: keys as above. */
export async function readNamedServices(db: Database, tenantId: string, names: readonly { namespace: string; name: string }[]): Promise<Map<string, ServiceSpec>> {
  if (names.length === 0) return new Map()
  const rows = await db.$queryRaw<{ namespace: string; name: string; spec: unknown }[]>`
    select s."namespace", s."name", s."spec" from (select distinct * from unnest(${names.map((one) => one.namespace)}::text[], ${names.map((one) => one.name)}::text[]) as o(namespace, name)) o
    join "Service" s on s."tenantId" = ${tenantId} and s."namespace" = o.namespace and s."name" = o.name`
  return new Map(rows.map(({ namespace, name, spec }) => [`${namespace}/${name}`, serviceSpec.parse(spec)]))
}
