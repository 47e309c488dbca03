import type { NetworkSpec } from '@/domain/network/spec'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export type NewNetwork = { name: string; labels: Labels; annotations: Labels; spec: NetworkSpec }
const counts = { _count: { select: { pods: true, addresses: true } } } as const

export const insertNetwork = (db: Database, scope: Scope, network: NewNetwork) => db.network.create({ data: { ...network, tenantId: scope.tenantId }, include: counts })

export const findNetwork = (db: Database, scope: Scope, name: string) => db.network.findUnique({ where: { tenantId_name: { tenantId: scope.tenantId, name } }, include: counts })

export const listNetworks = (db: Database, scope: Scope) => db.network.findMany({ where: { tenantId: scope.tenantId }, include: counts, orderBy: { name: 'asc' } })

export const updateNetwork = (db: Database, scope: Scope, uid: string, change: { labels: Labels; annotations: Labels; spec: NetworkSpec }) =>
  db.network.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, generation: { increment: 1 } }, include: counts })

/** Removes a network that nothing uses; the foreign keys of pods and addresses hold that. */
export const deleteNetwork = (db: Database, scope: Scope, uid: string) => db.network.delete({ where: { uid, tenantId: scope.tenantId } })

/** The pods of a network, with their addresses. */
export const listNetworkPods = (db: Database, scope: Scope, networkId: string) =>
  db.pod.findMany({ where: { tenantId: scope.tenantId, networkId }, select: { namespace: true, name: true, addresses: { select: { address: true, mac: true }, orderBy: { address: 'asc' } } }, orderBy: [{ namespace: 'asc' }, { name: 'asc' }], take: 500 })
