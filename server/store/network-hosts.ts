import type { Database } from './database'
import type { ObjectName } from './pod-references'

/** What of which networks may have changed: the networks themselves, the addresses of their pods, pods' uids, services or Endpoints by name, or anything of a tenant's. */
export type NetworkChanges = { networks: string[]; addresses: string[]; pods: string[]; services: Omit<ObjectName, 'kind'>[]; tenants: string[] }

/**
 * The hosts that run pods of the networks concerned, each with the networks. A network that changed concerns those that are peered with it
 * too, for they are told its subnets; of what is in a network, its peers are told nothing.
 */
export async function listNetworkHosts(db: Database, { networks, addresses, pods, services, tenants }: NetworkChanges): Promise<{ hostId: string; networkId: string }[]> {
  const column = (of: (service: NetworkChanges['services'][number]) => string) => services.map(of)
  return db.$queryRaw<{ hostId: string; networkId: string }[]>`
    with changed as (
      select unnest(${[...networks, ...addresses]}::uuid[]) as "id"
      union select p."networkId" from "Pod" p where p."uid" = any(${pods}::uuid[])
      union select s."networkId" from unnest(${column((o) => o.tenantId)}::char(32)[], ${column((o) => o.namespace)}::text[], ${column((o) => o.name)}::text[]) as o(tenant, namespace, name)
        join "Service" s on s."tenantId" = o.tenant and s."namespace" = o.namespace and s."name" = o.name
      union select n."uid" from "Network" n where n."tenantId" = any(${tenants}::char(32)[])
      union select other."uid" from "NetworkPeering" r join "Network" other on other."tenantId" = r."peerTenantId" and other."name" = r."peerNetwork" where r."networkId" = any(${networks}::uuid[])
      union select r."networkId" from "Network" n join "NetworkPeering" r on r."peerTenantId" = n."tenantId" and r."peerNetwork" = n."name" where n."uid" = any(${networks}::uuid[]))
    select distinct a."hostId", c."id" as "networkId" from changed c join "Pod" p on p."networkId" = c."id" join "PodAssignment" a on a."podUid" = p."uid"`
}
