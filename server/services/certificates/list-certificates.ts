import { z } from 'zod'
import { balancerCertificateView, balancerSource } from '@/domain/load-balancer/view'
import { invalidInput } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { balancersUsing } from '@/server/store/balancer-views'
import { pageCertificates } from '@/server/store/certificates'
import type { ServerContext } from '../context'
import { publicView } from './certificate-view'

export const listCertificatesInput = z.object({ namespace: dnsLabel.optional(), limit: z.number().int().min(1).max(500).default(100), cursor: z.string().max(1000).optional() })
const usedBy = z.object({ source: balancerSource, namespace: z.string(), name: z.string() })
export const listCertificatesOutput = z.object({ items: z.array(balancerCertificateView.extend({ namespace: z.string(), usedBy: z.array(usedBy) })), nextCursor: z.string().nullable() })

/** One page of the certificates in a tenant's Secrets of type kubernetes.io/tls, by namespace and name: what is public of them, when they end, and which balancers use them. */
export async function listTenantCertificates(ctx: ServerContext, scope: Scope, { namespace, limit, cursor }: z.output<typeof listCertificatesInput>): Promise<z.output<typeof listCertificatesOutput>> {
  const { rows, next } = await pageCertificates(ctx.db, scope.tenantId, { namespace, after: cursor === undefined ? undefined : decodeCursor(cursor), take: limit })
  const users = await balancersUsing(ctx.db, scope.tenantId, rows.map((row) => row.uid))
  const now = new Date()
  return {
    items: rows.map((row) => ({
      ...publicView(row.uid, row.name, row.certificate, now), namespace: row.namespace,
      usedBy: users.filter(({ id }) => id === row.uid).map(({ source, namespace: of, name }) => ({ source: balancerSource.parse(source), namespace: of, name })),
    })),
    nextCursor: next && Buffer.from(JSON.stringify(next)).toString('base64url'),
  }
}

const certificateCursor = z.object({ namespace: z.string().max(63), name: z.string().max(253) })

function decodeCursor(text: string): z.output<typeof certificateCursor> {
  try {
    return certificateCursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch {
    throw invalidInput([{ path: 'cursor', line: null, message: 'is not a cursor of this list: begin again without one' }])
  }
}
