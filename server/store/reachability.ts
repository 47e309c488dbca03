import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

/** Which of these networks are the tenant's own. */
export const ownNetworks = async (db: Database, scope: Scope, uids: string[]): Promise<string[]> => (uids.length === 0 ? [] : (await db.network.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, select: { uid: true } })).map(({ uid }) => uid))

/** The network of one of the tenant's services, or null. */
export const networkOfService = async (db: Database, scope: Scope, namespace: string, name: string): Promise<string | null> => (await db.service.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } }, select: { networkId: true } }))?.networkId ?? null

/** A floating address of IPv6, which is routed to a pod of a network. */
export type RoutedToPod = { address: string; podUid: string; networkId: string }
/** All that the tenant has of them: no more than its quota. */
export const routedAddresses = (db: Database, scope: Scope): Promise<RoutedToPod[]> => db.$queryRaw<RoutedToPod[]>`
  select host(f."address") as "address", f."podUid", p."networkId" from "FloatingAddress" f join "Pod" p on p."uid" = f."podUid"
  where f."tenantId" = ${scope.tenantId} and p."tenantId" = ${scope.tenantId} and family(f."address") = 6 and f."deletedAt" is null order by f."address"`

export type PlacedPod = { uid: string; namespace: string; name: string; hostId: string | null; networkId: string }
/** One of the tenant's pods, also without an address, or null. */
export const placedPod = (db: Database, scope: Scope, namespace: string, name: string): Promise<PlacedPod | null> => db.pod.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } }, select: { uid: true, namespace: true, name: true, hostId: true, networkId: true } })
