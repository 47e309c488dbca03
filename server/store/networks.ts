import { networkSpec, type NetworkSpec } from '@/domain/network/spec'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export type NewNetwork = { name: string; labels: Labels; annotations: Labels; spec: NetworkSpec }
const counts = { _count: { select: { pods: true, addresses: true } } } as const
export type NetworkRow = NonNullable<Awaited<ReturnType<typeof findNetwork>>>

export const insertNetwork = (db: Database, scope: Scope, network: NewNetwork) => db.network.create({ data: { ...network, tenantId: scope.tenantId }, include: counts })

export const findNetwork = (db: Database, scope: Scope, name: string) => db.network.findUnique({ where: { tenantId_name: { tenantId: scope.tenantId, name } }, include: counts })

export const readNetworkSpec = async (db: Database, uid: string): Promise<NetworkSpec> => networkSpec.parse((await db.network.findUniqueOrThrow({ where: { uid }, select: { spec: true } })).spec)

export const listNetworks = (db: Database, scope: Scope) => db.network.findMany({ where: { tenantId: scope.tenantId }, include: counts, orderBy: { name: 'asc' } })

export const updateNetwork = (db: Database, scope: Scope, uid: string, { specChanged, ...change }: { labels: Labels; annotations: Labels; spec: NetworkSpec; specChanged: boolean }) =>
  db.network.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, ...(specChanged ? { generation: { increment: 1 } } : {}) }, include: counts })

/** Removes a network that nothing uses; the foreign keys of what lies in it hold that. */
export async function deleteNetwork(db: Database, scope: Scope, uid: string): Promise<void> {
  await db.network.delete({ where: { uid, tenantId: scope.tenantId } })
}

/** Keeps a network there until the transaction ends, for what is about to lie in it. */
export const holdNetworkFor = (tx: Database, scope: Scope, name: string) => tx.$queryRaw`select 1 from "Network" where "tenantId" = ${scope.tenantId} and "name" = ${name} for key share`
/** Holds a network whose addresses or subnets are about to change: nobody is given one of them meanwhile. */
export const holdNetworkToChange = (tx: Database, scope: Scope, name: string) => tx.$queryRaw`select 1 from "Network" where "tenantId" = ${scope.tenantId} and "name" = ${name} for no key update`
/** Holds a network that is about to go: nothing comes into it meanwhile. */
export const holdNetworkToDelete = (tx: Database, scope: Scope, name: string) => tx.$queryRaw`select 1 from "Network" where "tenantId" = ${scope.tenantId} and "name" = ${name} for update`

/** The pods of a network, with their addresses. */
export const listNetworkPods = (db: Database, scope: Scope, networkId: string) =>
  db.pod.findMany({ where: { tenantId: scope.tenantId, networkId }, select: { namespace: true, name: true, addresses: { select: { address: true, mac: true }, orderBy: { address: 'asc' } } }, orderBy: [{ namespace: 'asc' }, { name: 'asc' }], take: 500 })

/** The uids of a network's pods, by namespace and name. */
export const listPodUids = async (db: Database, scope: Scope, networkId: string, take: number): Promise<string[]> =>
  (await db.pod.findMany({ where: { tenantId: scope.tenantId, networkId }, select: { uid: true }, orderBy: [{ namespace: 'asc' }, { name: 'asc' }], take })).map(({ uid }) => uid)

/** The addresses that the pods and load balancers of a network hold, and the subnets that pods of it name. */
export async function listUse(db: Database, networkId: string): Promise<{ addresses: { address: string; kind: 'pod' | 'load balancer'; namespace: string; name: string }[]; subnets: { subnet: string; namespace: string; name: string }[] }> {
  const addresses = await db.$queryRaw<{ address: string; kind: 'pod' | 'load balancer'; namespace: string; name: string }[]>`
    select host(a."address") as address, case when a."podUid" is null then 'load balancer' else 'pod' end as kind, coalesce(p."namespace", b."namespace") as namespace, coalesce(p."name", b."name") as name
    from "NetworkAddress" a left join "Pod" p on p."uid" = a."podUid" left join "LoadBalancer" b on b."uid" = a."loadBalancerUid" where a."networkId" = ${networkId}::uuid order by a."podUid" is null, a."address"`
  const subnets = await db.$queryRaw<{ subnet: string; namespace: string; name: string }[]>`
    select "spec" #>> '{network,subnet}' as subnet, "namespace", "name" from "Pod" where "networkId" = ${networkId}::uuid and "spec" #>> '{network,subnet}' is not null order by "namespace", "name"`
  return { addresses, subnets }
}

/** How many of a network's addresses lie in each of the subnets, in their order. */
export async function countAddressesIn(db: Database, networkId: string, cidrs: readonly string[]): Promise<number[]> {
  const rows = await db.$queryRaw<{ count: number }[]>`
    select (select count(*)::int from "NetworkAddress" a where a."networkId" = ${networkId}::uuid and a."address" << c.cidr) as count
    from unnest(${[...cidrs]}::inet[]) with ordinality as c(cidr, place) order by c.place`
  return rows.map(({ count }) => count)
}

/** The names of what else lies in a network or is of it. */
export async function listUsers(db: Database, networkId: string): Promise<{ services: string[]; ingresses: string[]; goingBalancers: string[]; securityGroups: string[] }> {
  const [services, ingresses, goingBalancers, securityGroups] = [
    await db.service.findMany({ where: { networkId }, select: { namespace: true, name: true }, orderBy: [{ namespace: 'asc' }, { name: 'asc' }] }),
    await db.ingress.findMany({ where: { networkId }, select: { namespace: true, name: true }, orderBy: [{ namespace: 'asc' }, { name: 'asc' }] }),
    // Those of services and ingresses that have gone: their hosts have not let go of them yet.
    await db.$queryRaw<{ namespace: string; name: string }[]>`
      select b."namespace", b."name" from "LoadBalancer" b where b."networkId" = ${networkId}::uuid
        and not exists (select from "Service" s where s."uid" = b."sourceUid") and not exists (select from "Ingress" i where i."uid" = b."sourceUid") order by 1, 2`,
    await db.securityGroup.findMany({ where: { networkId }, select: { name: true }, orderBy: { name: 'asc' } }),
  ]
  const placed = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}/${name}`
  return { services: services.map(placed), ingresses: ingresses.map(placed), goingBalancers: goingBalancers.map(placed), securityGroups: securityGroups.map(({ name }) => name) }
}
