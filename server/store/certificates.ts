import { expiryProblem, storedCertificate, tlsType, type StoredCertificate } from '@/domain/secret/certificate'
import type { KnownCertificate } from '@/domain/load-balancer/certificates'
import type { Database } from './database'

type Row = { uid: string; type: string; certificate: unknown }

function known({ uid, type, certificate }: Row, now: Date): KnownCertificate {
  if (type !== tlsType) return { id: uid, names: [], problem: `it is of type ${type}, and must be of type ${tlsType}: create one under another name` }
  const read = storedCertificate.safeParse(certificate)
  if (!read.success) return { id: uid, names: [], problem: 'it was stored before certificates were checked: update it, with the same values if need be' }
  return { id: uid, names: read.data.names, problem: null, warning: expiryProblem(read.data, now) }
}

/** Secrets of a namespace as certificates, by name: what balancers know of them. Those that do not exist are left out. */
export async function knownCertificates(db: Database, tenantId: string, namespace: string, names: readonly string[], now = new Date()): Promise<Map<string, KnownCertificate>> {
  const rows = names.length === 0 ? [] : await db.secret.findMany({ where: { tenantId, namespace, name: { in: [...names] } }, select: { uid: true, name: true, type: true, certificate: true } })
  return new Map(rows.map((row) => [row.name, known(row, now)]))
}

/** The same of some namespaces, each with the names wanted there. */
export async function knownCertificatesIn(db: Database, tenantId: string, wanted: ReadonlyMap<string, ReadonlySet<string>>, now = new Date()): Promise<Map<string, Map<string, KnownCertificate>>> {
  const rows = wanted.size === 0 ? [] : await db.secret.findMany({ where: { tenantId, OR: [...wanted].map(([namespace, names]) => ({ namespace, name: { in: [...names] } })) }, select: { uid: true, namespace: true, name: true, type: true, certificate: true } })
  const found = new Map([...wanted.keys()].map((namespace) => [namespace, new Map<string, KnownCertificate>()]))
  for (const row of rows) found.get(row.namespace)?.set(row.name, known(row, now))
  return found
}

export type CertificateRow = { uid: string; namespace: string; name: string; revision: bigint; certificate: StoredCertificate }

/** The certificates of a tenant, by namespace and name, at most `take`; of one namespace, or with these ids. */
export async function listCertificates(db: Database, tenantId: string, { namespace, ids, take }: { namespace?: string | undefined; ids?: readonly string[]; take: number }): Promise<CertificateRow[]> {
  const rows = await db.secret.findMany({
    where: { tenantId, type: tlsType, ...(namespace === undefined ? {} : { namespace }), ...(ids === undefined ? {} : { uid: { in: [...ids] } }) },
    select: { uid: true, namespace: true, name: true, revision: true, certificate: true }, orderBy: [{ namespace: 'asc' }, { name: 'asc' }], take,
  })
  return rows.flatMap(({ certificate, ...row }) => {
    const read = storedCertificate.safeParse(certificate)
    return read.success ? [{ ...row, certificate: read.data }] : []
  })
}
