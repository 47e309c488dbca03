import { z } from 'zod'
import { networkSpec, type NetworkSpec } from '@/domain/network/spec'
import { networkPeeringSpec, type NetworkPeeringSpec } from '@/domain/network-peering/spec'
import { serviceSpec, type ServiceSpec } from '@/domain/service/spec'
import type { Database, Transaction } from './database'
import { nobody } from './network-peerings'

/** What the network controller reads. Nobody else uses this room. */
export type ControlledNetwork = { uid: string; tenantId: string; name: string; generation: number; spec: NetworkSpec }

export const listNetworkIds = async (db: Database): Promise<string[]> => (await db.network.findMany({ select: { uid: true } })).map(({ uid }) => uid)

export async function findControlledNetwork(db: Database, uid: string): Promise<ControlledNetwork | null> {
  const row = await db.network.findUnique({ where: { uid }, select: { uid: true, tenantId: true, name: true, generation: true, spec: true } })
  return row && { ...row, spec: networkSpec.parse(row.spec) }
}

/** A service with the addresses that it holds. */
export type AddressedService = { uid: string; tenantId: string; namespace: string; name: string; generation: number; spec: ServiceSpec; addresses: string[] }

/** The services of a network that hold fewer addresses than it has families. */
export async function listServicesToAddress(db: Database, networkId: string, families: number): Promise<AddressedService[]> {
  const rows = await db.$queryRaw<(Omit<AddressedService, 'spec'> & { spec: unknown })[]>`
    select s."uid", s."tenantId", s."namespace", s."name", s."generation", s."spec", array(select host(a."address") from "ServiceAddress" a where a."serviceUid" = s."uid") as "addresses"
    from "Service" s where s."networkId" = ${networkId}::uuid and (select count(*) from "ServiceAddress" a where a."serviceUid" = s."uid") < ${families} order by s."uid"`
  return rows.map((row) => ({ ...row, spec: serviceSpec.parse(row.spec) }))
}

/** Holds a service until the transaction ends. Returns whether it is there still, as it was read. */
export const holdServiceToAddress = async (tx: Transaction, { uid, generation }: AddressedService): Promise<boolean> =>
  (await tx.$queryRaw<unknown[]>`select 1 from "Service" where "uid" = ${uid}::uuid and "generation" = ${generation} for no key update`).length > 0

type Side = { uid: string; name: string; spec: NetworkSpec }
/**
 * A peering with its own network and the other, which may not be there. `agreed`: the other side lets it in. Of two tenants, `agreedSubnets` are
 * the other's as they were when this one first became active, and `covered` says whether the other side agreed to those that are here now.
 */
export type JudgedPeering = { uid: string; tenantId: string; generation: number; createdAt: Date; spec: NetworkPeeringSpec; peerTenantId: string; peerNetwork: string; slug: string; own: Side; other: Side | null; agreed: boolean; agreedSubnets: string[] | null; covered: boolean }
const agreedSubnets = z.array(z.string()).nullable()

/**
 * Finds whose name it is that peerings of a network, or peerings that may mean it, were written with when it was nobody's. One that
 * means somebody stays with them.
 */
export const resolvePeers = async (db: Database, networkId: string): Promise<number> =>
  db.$executeRaw`
    update "NetworkPeering" p set "peerTenantId" = t."id" from "Tenant" t, "Network" n
    where n."uid" = ${networkId}::uuid and p."peerTenantId" = ${nobody} and t."slug" = p."spec" #>> '{peer,tenant}' and (p."networkId" = n."uid" or (p."peerNetwork" = n."name" and t."id" = n."tenantId"))`

/** Keeps the subnets that a peering of two tenants first became active with. */
export const keepAgreement = (db: Database, uid: string, subnets: string[]) => db.$executeRaw`update "NetworkPeering" set "agreedSubnets" = ${JSON.stringify(subnets)}::jsonb where "uid" = ${uid}::uuid and "agreedSubnets" is null`

/** The peerings that concern a network, its own and others', and those that concern the networks on their other ends. */
export async function listPeeringsAround(db: Database, networkId: string): Promise<JudgedPeering[]> {
  type Row = Omit<JudgedPeering, 'spec' | 'own' | 'other' | 'agreedSubnets'> & { spec: unknown; agreedSubnets: unknown; ownUid: string; ownName: string; ownSpec: unknown; otherUid: string | null; otherName: string; otherSpec: unknown }
  const rows = await db.$queryRaw<Row[]>`
    with ends as (
      select ${networkId}::uuid as "uid"
      union select n."uid" from "NetworkPeering" p join "Network" n on n."tenantId" = p."peerTenantId" and n."name" = p."peerNetwork" where p."networkId" = ${networkId}::uuid
      union select p."networkId" from "Network" n join "NetworkPeering" p on p."peerTenantId" = n."tenantId" and p."peerNetwork" = n."name" where n."uid" = ${networkId}::uuid),
    around as (
      select p."uid" from ends e join "NetworkPeering" p on p."networkId" = e."uid"
      union select p."uid" from ends e join "Network" n on n."uid" = e."uid" join "NetworkPeering" p on p."peerTenantId" = n."tenantId" and p."peerNetwork" = n."name")
    select p."uid", p."tenantId", p."generation", p."createdAt", p."spec", p."peerTenantId", p."peerNetwork", p."agreedSubnets", t."slug", own."uid" as "ownUid", own."name" as "ownName", own."spec" as "ownSpec", other."uid" as "otherUid", other."name" as "otherName", other."spec" as "otherSpec",
      p."peerTenantId" = p."tenantId" or exists (select from "NetworkPeering" r where r."networkId" = other."uid" and r."peerTenantId" = p."tenantId" and r."peerNetwork" = own."name") as "agreed",
      p."peerTenantId" = p."tenantId" or exists (select from "NetworkPeering" r where r."networkId" = other."uid" and r."peerTenantId" = p."tenantId" and r."peerNetwork" = own."name" and subnets_agreed(r."agreedSubnets", own."spec")) as "covered"
    from around a join "NetworkPeering" p on p."uid" = a."uid" join "Tenant" t on t."id" = p."tenantId" join "Network" own on own."uid" = p."networkId"
    left join "Network" other on other."tenantId" = p."peerTenantId" and other."name" = p."peerNetwork"
    order by p."createdAt", p."uid"`
  return rows.map(({ ownUid, ownName, ownSpec, otherUid, otherName, otherSpec, ...row }) => ({
    ...row, spec: networkPeeringSpec.parse(row.spec), agreedSubnets: agreedSubnets.parse(row.agreedSubnets), own: { uid: ownUid, name: ownName, spec: networkSpec.parse(ownSpec) },
    other: otherUid === null ? null : { uid: otherUid, name: otherName, spec: networkSpec.parse(otherSpec) },
  }))
}
