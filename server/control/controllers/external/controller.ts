import type { Change } from '@/server/store/change-feed'
import type { DatabaseClient } from '@/server/store/database'
import { arePodsOutside, listExternalTenants, listSilentHosts, listTenantsApart, listTenantsOnHost, listTenantsWaitingForHost } from '@/server/store/load-balancers'
import type { Controller } from '../../runtime/controller'
import { LostHosts } from './lost-hosts'
import { TenantTurns } from './tenant-turns'

export type ExternalOptions = {
  /** How many addresses a tenant may have of which its row says nothing. */
  defaultQuota: number
  lostHosts?: LostHosts
  /** Told at the begin of each turn. */
  onTurn?: (tenantId: string) => void
}

/**
 * Keys are `tenant:<id>`, for all that a tenant has on the outside belongs together: an address goes from one to another. However much of it changes, it waits for one turn, and
 * one turn is one step: then the next tenant has its own. `pods:<tenant>`, `endpoints:<uid>`, `host:<id>` and `all:` find out which tenants a change concerns. The second controller waits for hosts that
 * are silent; what is taken from a host that is lost waits for little of another tenant's work, as no transaction here waits long for what a tenant holds.
 */
export function createExternalControllers({ defaultQuota, lostHosts = new LostHosts(), onTurn }: ExternalOptions): Controller[] {
  const turns = new TenantTurns({ defaultQuota, lostHosts, ...(onTurn && { onTurn }) })
  const reconcile = (tenantsOf: TenantsOf): Controller['reconcile'] => async (ctx, key) => {
    const [kind, id] = partsOf(key)
    if (kind !== 'tenant') return (await tenantsOf(ctx.db, kind, id)).map(tenantKey)
    return (await turns.turn(ctx.db, id)) ? [key] : []
  }
  const allKeys: Controller['allKeys'] = async (ctx) => {
    turns.forget()
    return (await listExternalTenants(ctx.db)).map(tenantKey)
  }
  return [
    { name: 'external', workers: 2, resyncSeconds: 60, keysOf, allKeys, reconcile: reconcile(tenantsOf) },
    { name: 'external-hosts', workers: 4, resyncSeconds: 2, keysOf: () => [], allKeys: async (ctx) => [...lostHosts.find(await listSilentHosts(ctx.db))].map((id) => `host:${id}`), reconcile: reconcile((db, _, id) => listTenantsOnHost(db, id)) },
  ]
}

type TenantsOf = (db: DatabaseClient, kind: string, id: string) => Promise<string[]>
const tenantKey = (id: string): string => `tenant:${id}`

function partsOf(key: string): [string, string] {
  const at = key.indexOf(':')
  return [key.slice(0, at), key.slice(at + 1)]
}

/** `Outside` is what the controller goes by: of what else changes the same rows, such as the conditions that it writes, it is told by nothing. */
function keysOf({ kind, action, uid, tenantId }: Change): string[] {
  if (kind === 'Outside' || kind === 'Secret' || kind === 'NetworkSpec') return tenantId ? [tenantKey(tenantId)] : []
  if ((kind === 'Pod' && action === 'deleted') || (kind === 'PodAssignment' && action === 'added')) return tenantId ? [`pods:${tenantId}`] : []
  if (kind === 'Endpoints' && action !== 'deleted') return [`endpoints:${uid}`]
  if (kind === 'AddressPool') return ['all:']
  return kind === 'Host' ? [`host:${uid}`] : []
}

async function tenantsOf(db: DatabaseClient, kind: string, id: string): Promise<string[]> {
  if (kind === 'all') return listExternalTenants(db)
  if (kind === 'endpoints') return listTenantsApart(db, id)
  if (kind === 'pods') return (await arePodsOutside(db, id)) ? [id] : []
  return [...new Set([...(await listTenantsOnHost(db, id)), ...(await listTenantsWaitingForHost(db, id))])]
}
