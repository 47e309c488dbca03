import { z } from 'zod'
import { serviceName } from '@/domain/service/spec'
import { serviceView, type ServiceDetail } from '@/domain/service/view'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { findService, loadServices } from '@/server/store/services'
import type { ServerContext } from '../context'
import { listNamespacedInput, listPage, pageOf } from '../networks/object-lists'
import { toEndpointViews, toServiceViews } from './service-view'

export const serviceReference = z.object({ namespace: dnsLabel.default('default'), name: serviceName })
export const listServicesInput = listNamespacedInput
export const listServicesOutput = pageOf(serviceView)

/** One page of the tenant's services. */
export async function listServices(ctx: ServerContext, scope: Scope, input: z.output<typeof listServicesInput>): Promise<z.output<typeof listServicesOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'Service', input)
  return { ...page, items: await toServiceViews(ctx.db, await loadServices(ctx.db, scope, uids)) }
}

export async function getService(ctx: ServerContext, scope: Scope, { namespace, name }: z.output<typeof serviceReference>): Promise<ServiceDetail> {
  const row = await findService(ctx.db, scope, namespace, name)
  const [view] = row ? await toServiceViews(ctx.db, [row]) : []
  if (!row || !view) throw notFound('Service', name)
  return { ...view, endpoints: await toEndpointViews(ctx.db, scope, row) }
}
