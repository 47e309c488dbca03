import { z } from 'zod'
import { floatingAddressSpec, type FloatingAddressSpec, type FloatingTarget } from '@/domain/floating-address/spec'
import { floatingAddressView, type FloatingAddressView, type FloatingPhase } from '@/domain/floating-address/view'
import { notFound } from '@/domain/shared/errors'
import { familyOf } from '@/domain/shared/ip'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { findFloatingAddress, loadFloatingAddresses, type FloatingAddressRow } from '@/server/store/floating-addresses'
import type { ServerContext } from '../context'
import { listObjectsInput, listPage, pageOf } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'

export const floatingAddressReference = z.object({ name: dnsLabel })
export const listFloatingAddressesInput = listObjectsInput.omit({ network: true })
export const listFloatingAddressesOutput = pageOf(floatingAddressView)

const sourceKind = z.enum(['Service', 'Ingress'])
type Held = Pick<FloatingAddressRow, 'pod' | 'loadBalancer'>

/** Whom an address leads to now, or null. */
export function holderOf({ pod, loadBalancer }: Held): FloatingTarget | null {
  if (pod) return { kind: 'Pod', namespace: pod.namespace, name: pod.name }
  return loadBalancer && { kind: sourceKind.parse(loadBalancer.source), namespace: loadBalancer.namespace, name: loadBalancer.name }
}

const isSame = (a: FloatingTarget, b: FloatingTarget): boolean => a.kind === b.kind && a.namespace === b.namespace && a.name === b.name

/** Active once a host answers for the target, or for who names the address itself, and Pending while it still does for who was the target before. */
function phaseOf(row: FloatingAddressRow, { target }: FloatingAddressSpec, holder: FloatingTarget | null): FloatingPhase {
  if (row.deletedAt) return 'Pending'
  if (!target && !holder && row.hostId === null) return 'Free'
  if (!holder || row.hostId === null || (target && !isSame(holder, target))) return 'Pending'
  if (row.reported === 'Failed') return 'Failed'
  // Of a pod's, its host says so while the pod is not there, or has not taken it; a balancer of which not all works answers.
  return row.reported === '' || (row.reported === 'Degraded' && holder.kind === 'Pod') ? 'Pending' : 'Active'
}

/** Stored addresses as the API shows them. */
export async function toFloatingAddressViews(db: Database, rows: readonly FloatingAddressRow[]): Promise<FloatingAddressView[]> {
  const conditions = await listConditions(db, rows.map((row) => row.uid))
  return rows.map((row) => {
    const spec = floatingAddressSpec.parse(row.spec)
    const holder = holderOf(row)
    return {
      metadata: toMetadata(row),
      spec,
      status: { address: row.address, family: `IPv${familyOf(row.address)}`, pool: row.pool.name, phase: phaseOf(row, spec, holder), holder, host: row.host?.name ?? null, managed: row.managed, conditions: conditions.filter((one) => one.objectUid === row.uid).map(toCondition) },
    }
  })
}

/** One page of the tenant's addresses. A search finds them by what they are called and by the address itself. */
export async function listFloatingAddresses(ctx: ServerContext, scope: Scope, input: z.output<typeof listFloatingAddressesInput>): Promise<z.output<typeof listFloatingAddressesOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'FloatingAddress', input)
  return { ...page, items: await toFloatingAddressViews(ctx.db, await loadFloatingAddresses(ctx.db, scope, uids)) }
}

export const getFloatingAddress = (ctx: ServerContext, scope: Scope, { name }: z.output<typeof floatingAddressReference>): Promise<FloatingAddressView> => floatingAddressViewOf(ctx.db, scope, name)

export async function floatingAddressViewOf(db: Database, scope: Scope, name: string): Promise<FloatingAddressView> {
  const row = await findFloatingAddress(db, scope, name)
  const [view] = row ? await toFloatingAddressViews(db, [row]) : []
  if (!view) throw notFound('FloatingAddress', name)
  return view
}
