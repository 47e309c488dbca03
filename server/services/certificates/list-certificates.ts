import { z } from 'zod'
import { balancerCertificateView, balancerSource } from '@/domain/load-balancer/view'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { balancersUsing } from '@/server/store/balancer-views'
import { listCertificates } from '@/server/store/certificates'
import type { ServerContext } from '../context'
import { publicView } from './certificate-view'

/** So many Secrets a tenant may have, so all come at once. */
const most = 2000
export const listCertificatesInput = z.object({ namespace: dnsLabel.optional() })
const usedBy = z.object({ source: balancerSource, namespace: z.string(), name: z.string() })
export const listCertificatesOutput = z.object({ items: z.array(balancerCertificateView.extend({ namespace: z.string(), usedBy: z.array(usedBy) })) })

/** The certificates in a tenant's Secrets of type kubernetes.io/tls: what is public of them, when they end, and which balancers use them. */
export async function listTenantCertificates(ctx: ServerContext, scope: Scope, { namespace }: z.output<typeof listCertificatesInput>): Promise<z.output<typeof listCertificatesOutput>> {
  const rows = await listCertificates(ctx.db, scope.tenantId, { namespace, take: most })
  const users = await balancersUsing(ctx.db, scope.tenantId, rows.map((row) => row.uid))
  const now = new Date()
  return {
    items: rows.map((row) => ({
      ...publicView(row.uid, row.name, row.certificate, now), namespace: row.namespace,
      usedBy: users.filter(({ id }) => id === row.uid).map(({ source, namespace: of, name }) => ({ source: balancerSource.parse(source), namespace: of, name })),
    })),
  }
}
