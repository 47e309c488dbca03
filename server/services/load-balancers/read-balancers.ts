import { z } from 'zod'
import { balancerListItem, balancerSource, type BalancerDetail, type BalancerView } from '@/domain/load-balancer/view'
import { serviceSpec, wantsOutside } from '@/domain/service/spec'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel, dnsSubdomain } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { findLoadBalancer, loadListedBalancers, type LoadBalancerRow } from '@/server/store/balancer-views'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { findIngress } from '@/server/store/ingresses'
import { findService } from '@/server/store/services'
import { certificateViewsOf } from '../certificates/certificate-view'
import type { ServerContext } from '../context'
import { listNamespacedInput, listPage, pageOf } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'
import { compiledOf, toBalancerView, toListItems } from './balancer-view'

export const balancerReference = z.object({ source: balancerSource.default('Service'), namespace: dnsLabel.default('default'), name: dnsSubdomain })
export const listBalancersInput = listNamespacedInput
export const listBalancersOutput = pageOf(balancerListItem)

/** One page of the tenant's balancers. */
export async function listBalancers(ctx: ServerContext, scope: Scope, input: z.output<typeof listBalancersInput>): Promise<z.output<typeof listBalancersOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'LoadBalancer', input)
  return { ...page, items: await toListItems(ctx.db, await loadListedBalancers(ctx.db, scope, uids)) }
}

/** A balancer with its backends and certificates. One that was asked for a moment ago is Pending. */
export async function getBalancer(ctx: ServerContext, scope: Scope, { source, namespace, name }: z.output<typeof balancerReference>): Promise<BalancerDetail> {
  const row = await findLoadBalancer(ctx.db, scope, source, namespace, name)
  if (row) return detailOf(ctx.db, scope, row)
  const asked = await askedFor(ctx.db, scope, { source, namespace, name })
  if (!asked) throw notFound('LoadBalancer', name)
  return { ...asked, backends: [], certificates: [] }
}

async function detailOf(db: Database, scope: Scope, row: LoadBalancerRow): Promise<BalancerDetail> {
  return { ...(await toBalancerView(db, scope, row)), certificates: await certificateViewsOf(db, scope, compiledOf(row)?.certificates ?? [], new Date()) }
}

/** A Service or an Ingress that wants a balancer and has none yet, as one; null where there is none such. */
export async function askedFor(db: Database, scope: Scope, { source, namespace, name }: z.output<typeof balancerReference>): Promise<BalancerView | null> {
  const row = source === 'Service' ? await findService(db, scope, namespace, name) : await findIngress(db, scope, namespace, name)
  if (!row || (source === 'Service' && !wantsOutside(serviceSpec.parse(row.spec)))) return null
  const conditions = (await listConditions(db, [row.uid])).filter(({ type }) => type === 'LoadBalancer').map(toCondition)
  return {
    metadata: { ...toMetadata(row), namespace }, source, model: null,
    status: { phase: 'Pending', network: row.network.name, addresses: [], managedAddresses: [], urls: [], host: null, backendsReady: 0, backendsTotal: 0, conditions },
  }
}
