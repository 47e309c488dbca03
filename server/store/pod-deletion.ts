import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from './database'

type Name = { namespace: string; name: string }

type HeldPod = Name & { uid: string; deletedAt: Date | null }

/**
 * Those of the named pods that exist, held until the transaction's end, so that one request alone decides what becomes of each, and
 * the controller removes none meanwhile. Everybody holds pods first, in the order of their uids, and their successors after them.
 */
export async function holdPods(tx: Transaction, scope: Scope, pods: readonly Name[]): Promise<HeldPod[]> {
  const held = await lockPods(tx, scope, pods)
  const found = new Set(held.map(nameKey))
  const missing = pods.filter((pod) => !found.has(nameKey(pod)))
  // A pod that was replaced while its row was waited for is not in what the statement saw: its successor has the name by now.
  return missing.length === 0 ? held : [...held, ...(await lockPods(tx, scope, missing))]
}

const nameKey = ({ namespace, name }: Name): string => `${namespace}/${name}`

const lockPods = (tx: Transaction, scope: Scope, pods: readonly Name[]) => tx.$queryRaw<HeldPod[]>`
  select "uid", "namespace", "name", "deletedAt" from "Pod"
  where "tenantId" = ${scope.tenantId} and ("namespace", "name") in (select * from unnest(${pods.map((p) => p.namespace)}::text[], ${pods.map((p) => p.name)}::text[]))
  order by "uid" for update`

/** Sets the deletion time of those that have none, each with the grace of its own spec. Returns which they were. */
export const markPodsDeleted = (db: Database, scope: Scope, uids: readonly string[]) => db.$queryRaw<Name[]>`
  update "Pod" set "deletedAt" = now(), "graceSeconds" = coalesce(("spec" ->> 'terminationGracePeriodSeconds')::int, 30), "generation" = "generation" + 1
  where "uid" = any(${[...uids]}::uuid[]) and "tenantId" = ${scope.tenantId} and "deletedAt" is null
  returning "namespace", "name"`
