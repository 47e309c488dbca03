import { balancerCertificateView } from '@/domain/load-balancer/view'
import { expiryProblem, type StoredCertificate } from '@/domain/secret/certificate'
import type { Scope } from '@/server/auth/scope'
import { listCertificates } from '@/server/store/certificates'
import type { Database } from '@/server/store/database'
import type { z } from 'zod'

type View = z.output<typeof balancerCertificateView>

/** The certificates of a balancer. One whose Secret has gone is told as such. */
export async function certificateViewsOf(db: Database, scope: Scope, named: readonly { id: string; secret: string }[], now: Date): Promise<View[]> {
  const found = new Map((await listCertificates(db, scope.tenantId, named.map(({ id }) => id))).map((row) => [row.uid, row.certificate]))
  return named.map(({ id, secret }) => {
    const certificate = found.get(id)
    return certificate ? publicView(id, secret, certificate, now) : { id, secret, subject: '', issuer: '', names: [], notAfter: '', problem: 'its Secret is gone: create it anew, or name another one' }
  })
}

export const publicView = (id: string, secret: string, certificate: StoredCertificate, now: Date): View => {
  const { subject, issuer, names, notAfter } = certificate
  return { id, secret, subject, issuer, names, notAfter, problem: expiryProblem(certificate, now) }
}
