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

const columns = { uid: true, namespace: true, name: true, revision: true, certificate: true } as const

function readable<R extends { certificate: unknown }>(rows: readonly R[]): (Omit<R, 'certificate'> & { certificate: StoredCertificate })[] {
  return rows.flatMap(({ certificate, ...row }) => {
    const read = storedCertificate.safeParse(certificate)
    return read.success ? [{ ...row, certificate: read.data }] : []
  })
}

/** The certificates of a tenant that have these ids. */
export const listCertificates = async (db: Database, tenantId: string, ids: readonly string[]): Promise<CertificateRow[]> =>
  ids.length === 0 ? [] : readable(await db.secret.findMany({ where: { tenantId, type: tlsType, uid: { in: [...ids] } }, select: columns }))

type Place = { namespace: string; name: string }
/** One page of a tenant's certificates, or of those of one namespace, by namespace and name; `next`: the last of it, where there are more. Those that cannot be read are left out, so a page may have less than `take`. */
export async function pageCertificates(db: Database, tenantId: string, { namespace, after, take }: { namespace: string | undefined; after: Place | undefined; take: number }): Promise<{ rows: CertificateRow[]; next: Place | null }> {
  const rows = await db.secret.findMany({
    where: { tenantId, type: tlsType, ...(namespace === undefined ? {} : { namespace }), ...(after === undefined ? {} : { OR: [{ namespace: { gt: after.namespace } }, { namespace: after.namespace, name: { gt: after.name } }] }) },
    select: columns, orderBy: [{ namespace: 'asc' }, { name: 'asc' }], take: take + 1,
  })
  const page = rows.slice(0, take)
  const last = page.at(-1)
  return { rows: readable(page), next: rows.length > take && last ? { namespace: last.namespace, name: last.name } : null }
}
