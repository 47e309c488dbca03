import { createHash } from 'node:crypto'
import type { Transaction } from './database'

type Subnet = { cidr: string; gateway: string }

/**
 * Takes the lowest free address of the subnet for the pod, or returns what it has. Network, broadcast and gateway
 * addresses are never given. Returns null when the subnet is full. The network's row is locked, so that two
 * transactions do not find the same gap; the primary key would refuse the second one anyway.
 */
export async function allocateAddress(tx: Transaction, networkId: string, subnet: Subnet, podUid: string): Promise<{ address: string; mac: string } | null> {
  await tx.$queryRaw`select 1 from "Network" where "uid" = ${networkId}::uuid for update`
  const held = await tx.$queryRaw<{ address: string; mac: string }[]>`select host("address") as address, "mac" from "NetworkAddress" where "podUid" = ${podUid}::uuid`
  if (held[0]) return held[0]
  const free = await tx.$queryRaw<{ address: string }[]>`
    with taken as (
      select "address" from "NetworkAddress" where "networkId" = ${networkId}::uuid
      union select host(network(${subnet.cidr}::inet))::inet
      union select ${subnet.gateway}::inet
    )
    select host(t."address" + 1) as address from taken t
    where t."address" + 1 << network(${subnet.cidr}::inet) and t."address" + 1 <> host(broadcast(${subnet.cidr}::inet))::inet
      and not exists (select 1 from taken o where o."address" = t."address" + 1)
    order by t."address" limit 1`
  const address = free[0]?.address
  if (!address) return null
  const mac = macOf(podUid)
  await tx.$executeRaw`insert into "NetworkAddress" ("networkId", "address", "podUid", "mac") values (${networkId}::uuid, ${address}::inet, ${podUid}::uuid, ${mac})`
  return { address, mac }
}

/** A locally administered unicast MAC (IEEE 802, second bit of the first octet) from the pod's uid. */
function macOf(podUid: string): string {
  const digest = createHash('sha256').update(podUid).digest()
  return ['02', ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':')
}
