import type { NetworkPeeringSpec } from '@/domain/network-peering/spec'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { inOrder } from './object-pages'

const parts = { network: { select: { uid: true, name: true, spec: true } }, tenant: { select: { slug: true } } } as const
export type NetworkPeeringRow = NonNullable<Awaited<ReturnType<typeof findNetworkPeering>>>

export const insertNetworkPeering = (db: Database, scope: Scope, row: { name: string; labels: Labels; annotations: Labels; spec: NetworkPeeringSpec; networkId: string; peerTenantId: string; peerNetwork: string }) => db.networkPeering.create({ data: { ...row, tenantId: scope.tenantId } })

export const findNetworkPeering = (db: Database, scope: Scope, name: string) => db.networkPeering.findUnique({ where: { tenantId_name: { tenantId: scope.tenantId, name } }, include: parts })

export const loadNetworkPeerings = async (db: Database, scope: Scope, uids: string[]): Promise<NetworkPeeringRow[]> => inOrder(uids, await db.networkPeering.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

/** What the tenant says of a network: its own peerings, and those of its other networks that name it. */
export const listNetworkPeeringsOf = (db: Database, scope: Scope, network: { uid: string; name: string }): Promise<NetworkPeeringRow[]> =>
  db.networkPeering.findMany({ where: { tenantId: scope.tenantId, OR: [{ networkId: network.uid }, { peerTenantId: scope.tenantId, peerNetwork: network.name }] }, include: parts, orderBy: { name: 'asc' } })

/** Another peering of the tenant that says the same. Of another tenant the names as they are written count: whose they are is not told. */
export const findSamePeering = (db: Database, scope: Scope, { peerTenantId, peerTenant, ...of }: { networkId: string; peerTenantId: string; peerTenant: string | undefined; peerNetwork: string }) =>
  db.networkPeering.findFirst({ where: { ...of, tenantId: scope.tenantId, ...(peerTenantId === scope.tenantId || peerTenant === undefined ? { peerTenantId } : { spec: { path: ['peer', 'tenant'], equals: peerTenant } }) }, select: { name: true } })

export const updateNetworkPeeringMetadata = (db: Database, scope: Scope, uid: string, metadata: { labels: Labels; annotations: Labels }) => db.networkPeering.update({ where: { uid, tenantId: scope.tenantId }, data: metadata })

export const deleteNetworkPeering = (db: Database, scope: Scope, uid: string) => db.networkPeering.delete({ where: { uid, tenantId: scope.tenantId } })

/** The id of a tenant by its slug or id, of whose existence an id says nothing; null where nobody is called so. */
export async function tenantIdOf(db: Database, reference: string): Promise<string | null> {
  if (/^[0-9a-f]{32}$/.test(reference)) return reference
  return (await db.tenant.findUnique({ where: { slug: reference }, select: { id: true } }))?.id ?? null
}

/** The tenant of a name that is nobody's. Who comes to be called so later is found when the peering is judged. */
export const nobody = '-'.repeat(32)

/**
 * The other side of each peering: its network where there is one, whether a peering of that tenant lets this side in, and whether that one
 * agreed to the subnets that are here now. One tenant agrees with itself.
 */
export async function findPeerSides(db: Database, scope: Scope, rows: readonly NetworkPeeringRow[]): Promise<Map<string, { spec: unknown; agreed: boolean; covered: boolean }>> {
  if (rows.length === 0) return new Map()
  const found = await db.$queryRaw<{ uid: string; spec: unknown; agreed: boolean; covered: boolean }[]>`
    select p."uid", n."spec", p."peerTenantId" = p."tenantId" or exists (
      select 1 from "NetworkPeering" o where o."tenantId" = p."peerTenantId" and o."networkId" = n."uid" and o."peerTenantId" = p."tenantId" and o."peerNetwork" = own."name") as agreed, p."peerTenantId" = p."tenantId" or exists (
      select 1 from "NetworkPeering" o where o."networkId" = n."uid" and o."peerTenantId" = p."tenantId" and o."peerNetwork" = own."name" and subnets_agreed(o."agreedSubnets", own."spec")) as covered
    from "NetworkPeering" p join "Network" own on own."uid" = p."networkId" join "Network" n on n."tenantId" = p."peerTenantId" and n."name" = p."peerNetwork"
    where p."tenantId" = ${scope.tenantId} and p."uid" = any(${rows.map((row) => row.uid)}::uuid[])`
  return new Map(found.map(({ uid, ...side }) => [uid, side]))
}
