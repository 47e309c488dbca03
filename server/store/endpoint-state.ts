import { z } from 'zod'
import { networkSpec, type NetworkSpec } from '@/domain/network/spec'
import type { EndpointSubset } from '@/domain/service/endpoints'
import { serviceSpec, type ServiceSpec } from '@/domain/service/spec'
import { Prisma } from '@/generated/prisma/client'
import type { Database, Transaction } from './database'
import { storedSubsets } from './stored-subsets'

/** A service with all that its endpoints are planned from, but for its pods. `endpoints` null: there are none of its name. */
export type ServiceState = { uid: string; tenantId: string; namespace: string; name: string; generation: number; networkId: string; spec: ServiceSpec; network: NetworkSpec; endpoints: { uid: string; serviceUid: string | null; subsets: EndpointSubset[] } | null }
/** A bound pod that a service selects, with an address. `ready`: its host, which is not silent, says so. */
export type ServicePod = { uid: string; name: string; hostId: string; deleted: boolean; ready: boolean; ended: boolean; hostname: string | null; subdomain: string | null; addresses: string[]; ports: { name: string | null; protocol: 'TCP' | 'UDP'; port: number }[] }

const selecting = Prisma.sql`s."spec" -> 'selector' <> '{}'::jsonb and s."spec" ->> 'type' <> 'ExternalName'`

/**
 * The services whose endpoints there may be something to do for: those with a selector, those without one whose Endpoints are nobody's yet, and those that have
 * Endpoints of theirs though they are names for others.
 */
export const listServicesToEndpoint = async (db: Database): Promise<string[]> =>
  (await db.$queryRaw<{ uid: string }[]>(Prisma.sql`
    select s."uid" from "Service" s where ${selecting}
    union all select s."uid" from "Service" s join "Endpoints" e on e."tenantId" = s."tenantId" and e."namespace" = s."namespace" and e."name" = s."name"
      where not (${selecting}) and (e."serviceUid" is null or (e."serviceUid" = s."uid" and s."spec" ->> 'type' = 'ExternalName'))`)).map((row) => row.uid)

/** The services that changes of pods may concern: those that select one of them now, and those whose endpoints name one. */
export async function listServicesOfPods(db: Database, podUids: string[]): Promise<string[]> {
  const named = (list: 'addresses' | 'notReadyAddresses') => podUids.map((uid) => JSON.stringify([{ [list]: [{ targetRef: { uid } }] }]))
  const rows = await db.$queryRaw<{ uid: string }[]>(Prisma.sql`
    select s."uid" from "Pod" p join "Service" s on s."tenantId" = p."tenantId" and s."namespace" = p."namespace"
    where p."uid" = any(${podUids}::uuid[]) and ${selecting} and p."labels" @> (s."spec" -> 'selector')
    union select e."serviceUid" from unnest(${[...named('addresses'), ...named('notReadyAddresses')]}::jsonb[]) as named(shape) join "Endpoints" e on e."subsets" @> named.shape where e."serviceUid" is not null`)
  return rows.map((row) => row.uid)
}

/** The services of a namespace that select pods: of very many pods that changed, it is sooner to look at all of these than to ask which concern which. */
export const listSelectingServices = async (db: Database, tenantId: string, namespace: string): Promise<string[]> =>
  (await db.$queryRaw<{ uid: string }[]>(Prisma.sql`select s."uid" from "Service" s where s."tenantId" = ${tenantId} and s."namespace" = ${namespace} and ${selecting}`)).map((row) => row.uid)

/** The services with pods on a host. */
export const listServicesOfHost = async (db: Database, hostId: string): Promise<string[]> =>
  (await db.$queryRaw<{ uid: string }[]>(Prisma.sql`
    select distinct s."uid" from "Pod" p join "Service" s on s."tenantId" = p."tenantId" and s."namespace" = p."namespace"
    where p."hostId" = ${hostId}::uuid and ${selecting} and p."labels" @> (s."spec" -> 'selector')`)).map((row) => row.uid)

export const listServicesOfNetwork = async (db: Database, networkId: string): Promise<string[]> => (await db.service.findMany({ where: { networkId }, select: { uid: true } })).map((row) => row.uid)

export type ServiceRow = Omit<ServiceState, 'spec' | 'network' | 'endpoints'> & { spec: unknown; network: unknown; endpointsUid: string | null; serviceUid: string | null; subsets: unknown }

/** Services as they are now. A row is read by itself (`toServiceState`), so that one that cannot be read is in no other's way. */
export const listServiceRows = (db: Database, uids: readonly string[]): Promise<ServiceRow[]> => db.$queryRaw<ServiceRow[]>`
  select s."uid", s."tenantId", s."namespace", s."name", s."generation", s."networkId", s."spec", n."spec" as "network", e."uid" as "endpointsUid", e."serviceUid", e."subsets"
  from "Service" s join "Network" n on n."uid" = s."networkId" left join "Endpoints" e on e."tenantId" = s."tenantId" and e."namespace" = s."namespace" and e."name" = s."name"
  where s."uid" = any(${[...uids]}::uuid[])`

export function toServiceState(row: ServiceRow): ServiceState {
  const { endpointsUid, serviceUid, subsets, ...service } = row
  return { ...service, spec: serviceSpec.parse(row.spec), network: networkSpec.parse(row.network), endpoints: endpointsUid === null ? null : { uid: endpointsUid, serviceUid, subsets: storedSubsets(subsets) } }
}

/** A service as it is now, or null. */
export async function findServiceState(db: Database, uid: string): Promise<ServiceState | null> {
  const [row] = await listServiceRows(db, [uid])
  return row ? toServiceState(row) : null
}

/** Holds a service until the transaction ends: whoever writes its endpoints reads all pods after the one before has written. */
export async function holdServiceState(tx: Transaction, uid: string): Promise<ServiceState | null> {
  await tx.$queryRaw`select 1 from "Service" where "uid" = ${uid}::uuid for no key update`
  return findServiceState(tx, uid)
}

const podPorts = z.array(z.object({ name: z.string().nullish().transform((name) => name ?? null), protocol: z.enum(['TCP', 'UDP']).catch('TCP'), containerPort: z.number() }).transform(({ name, protocol, containerPort }) => ({ name, protocol, port: containerPort })))

/** The pods that a service selects, in the order of their names. */
export async function listServicePods(db: Database, { tenantId, namespace, networkId, spec }: ServiceState): Promise<ServicePod[]> {
  const rows = await db.$queryRaw<(Omit<ServicePod, 'ports'> & { ports: unknown })[]>`
    select p."uid", p."name", p."hostId", p."deletedAt" is not null as "deleted",
      coalesce(r."phase" = 'Running' and h."phase" <> 'Unknown' and r."document" -> 'conditions' @> '[{"type": "Ready", "status": "True"}]'::jsonb, false) as "ready",
      coalesce(r."phase" in ('Succeeded', 'Failed', 'Gone'), false) as "ended",
      p."spec" ->> 'hostname' as "hostname", p."spec" ->> 'subdomain' as "subdomain",
      array(select host(a."address") from "NetworkAddress" a where a."podUid" = p."uid" order by a."address") as "addresses",
      jsonb_path_query_array(p."spec", '$.containers[*].ports[*]') || jsonb_path_query_array(p."spec", '$.initContainers[*] ? (@.restartPolicy == "Always").ports[*]') as "ports"
    from "Pod" p join "Host" h on h."id" = p."hostId" left join "PodReport" r on r."podUid" = p."uid"
    where p."tenantId" = ${tenantId} and p."namespace" = ${namespace} and p."networkId" = ${networkId}::uuid and p."labels" @> ${JSON.stringify(spec.selector)}::jsonb
    order by p."name" collate "C"`
  return rows.map((row) => ({ ...row, ports: podPorts.parse(row.ports) }))
}

/** Writes a service's endpoints. Only the endpoints controller calls this. */
export async function putEndpoints(tx: Transaction, { uid, tenantId, namespace, name }: ServiceState, subsets: EndpointSubset[]): Promise<void> {
  await tx.$executeRaw`
    insert into "Endpoints" ("uid", "tenantId", "namespace", "name", "subsets", "serviceUid") values (gen_random_uuid(), ${tenantId}, ${namespace}, ${name}, ${JSON.stringify(subsets)}::jsonb, ${uid}::uuid)
    on conflict ("tenantId", "namespace", "name") do update set "subsets" = excluded."subsets", "serviceUid" = excluded."serviceUid"`
}

/** Makes Endpoints that a user wrote go with the service of their name. */
export const adoptEndpoints = (tx: Transaction, service: ServiceState) => tx.endpoints.updateMany({ where: { uid: service.endpoints?.uid ?? service.uid, serviceUid: null }, data: { serviceUid: service.uid } })

/** Removes the Endpoints of a service that has none any more. */
export const removeEndpoints = (tx: Transaction, service: ServiceState) => tx.endpoints.deleteMany({ where: { serviceUid: service.uid } })
