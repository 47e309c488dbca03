import { z } from 'zod'
import { ingressSpec } from '@/domain/ingress/spec'
import { ingressView, type IngressView } from '@/domain/ingress/view'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel, dnsSubdomain } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { findIngress, loadIngresses, type IngressRow } from '@/server/store/ingresses'
import { balancersOf } from '@/server/store/balancer-views'
import type { ServerContext } from '../context'
import { listNamespacedInput, listPage, pageOf } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'

export const ingressReference = z.object({ namespace: dnsLabel.default('default'), name: dnsSubdomain })
export const listIngressesInput = listNamespacedInput
export const listIngressesOutput = pageOf(ingressView)

/** Stored Ingresses as the API shows them. */
export async function toIngressViews(db: Database, rows: readonly IngressRow[]): Promise<IngressView[]> {
  const uids = rows.map((row) => row.uid)
  const [conditions, balancers] = [await listConditions(db, uids), await balancersOf(db, uids)]
  return rows.map((row) => ({
    metadata: { ...toMetadata(row), namespace: row.namespace },
    spec: ingressSpec.parse(row.spec),
    status: { network: row.network.name, balancer: balancers.get(row.uid)?.name ?? null, addresses: balancers.get(row.uid)?.addresses ?? [], conditions: conditions.filter((one) => one.objectUid === row.uid).map(toCondition) },
  }))
}

/** One page of the tenant's Ingresses. */
export async function listIngresses(ctx: ServerContext, scope: Scope, input: z.output<typeof listIngressesInput>): Promise<z.output<typeof listIngressesOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'Ingress', input)
  return { ...page, items: await toIngressViews(ctx.db, await loadIngresses(ctx.db, scope, uids)) }
}

export const getIngress = (ctx: ServerContext, scope: Scope, reference: z.output<typeof ingressReference>): Promise<IngressView> => ingressViewOf(ctx.db, scope, reference)

export async function ingressViewOf(db: Database, scope: Scope, { namespace, name }: z.output<typeof ingressReference>): Promise<IngressView> {
  const row = await findIngress(db, scope, namespace, name)
  const [view] = row ? await toIngressViews(db, [row]) : []
  if (!view) throw notFound('Ingress', name)
  return view
}
