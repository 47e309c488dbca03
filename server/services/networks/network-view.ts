import { z } from 'zod'
import { networkSpec, subnetCapacity } from '@/domain/network/spec'
import { networkView, type NetworkView } from '@/domain/network/view'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { findNetwork, listNetworkPods, listNetworks, type NetworkRow } from '@/server/store/networks'
import type { ServerContext } from '../context'
import { networksByNamespace } from '../namespaces/network-of-namespace'
import { toCondition, toMetadata } from '../object-metadata'

export const networkReference = z.object({ name: dnsLabel })
export const networkDetail = networkView.extend({ pods: z.array(z.object({ namespace: z.string(), name: z.string(), address: z.string().nullable(), mac: z.string().nullable(), addresses: z.array(z.string()) })) })

async function toViews(db: Database, scope: Scope, rows: readonly NetworkRow[]): Promise<NetworkView[]> {
  const users = [...(await networksByNamespace(db, scope))]
  const conditions = await listConditions(db, rows.map((r) => r.uid))
  return rows.map((row) => {
    const spec = networkSpec.parse(row.spec)
    const addressesTotal = Math.min(Number.MAX_SAFE_INTEGER, Object.values(spec.subnets).reduce((sum, subnet) => sum + subnetCapacity(subnet), 0))
    const namespaces = users.filter(([, network]) => network === row.name).map(([namespace]) => namespace)
    return { metadata: toMetadata(row), spec, status: { conditions: conditions.filter((c) => c.objectUid === row.uid).map(toCondition), pods: row._count.pods, addressesUsed: row._count.addresses, addressesTotal, namespaces } }
  })
}

export const listNetworkViews = async (ctx: ServerContext, scope: Scope): Promise<{ items: NetworkView[] }> => ({ items: await toViews(ctx.db, scope, await listNetworks(ctx.db, scope)) })

/** One network as the API shows it; throws when it is not there. */
export async function networkViewOf(db: Database, scope: Scope, name: string): Promise<NetworkView> {
  const row = await findNetwork(db, scope, name)
  const [view] = row ? await toViews(db, scope, [row]) : []
  if (!view) throw notFound('Network', name)
  return view
}

export async function getNetwork(ctx: ServerContext, scope: Scope, name: string): Promise<z.output<typeof networkDetail>> {
  const view = await networkViewOf(ctx.db, scope, name)
  const pods = await listNetworkPods(ctx.db, scope, view.metadata.uid)
  return { ...view, pods: pods.map((p) => ({ namespace: p.namespace, name: p.name, address: p.addresses[0]?.address ?? null, mac: p.addresses[0]?.mac ?? null, addresses: p.addresses.map(({ address }) => address) })) }
}
