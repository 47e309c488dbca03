import type { CertificatesMessage, HostBalancer } from '@/contracts/host/v1/external'
import { fromBase64, utf8Text } from '@/domain/shared/base64'
import { certificateBundle } from '@/platform/crypto/certificate'
import { unwrapTenantKey, unwrapValue } from '@/server/services/secrets/envelope'
import { listCertificateRevisions } from '@/server/store/external-state'
import { findSecretValues } from '@/server/store/pod-configuration'
import { secretValues, type ConfigurationParts } from './pod-configuration'

/** What a balancer names of certificates. */
export type CertificateNames = Pick<HostBalancer, 'tenantId'> & { listeners: readonly Pick<HostBalancer['listeners'][number], 'certificates'>[] }
type Certificate = CertificatesMessage['certificates'][number]
/** Of one message, in characters; a certificate is far below it. */
const maxCharacters = 4 << 20
const maxPem = 256 << 10
const maxOfMessage = 5_000

/** The certificates that one connection of a host was given, by id, each at most once a revision. */
export class SentCertificates {
  private revisions = new Map<string, string>()
  private begun = false

  /**
   * The messages that give a host the certificates that its balancers name and that it lacks. Their keys are opened here and stand in the message alone. What does not open or is
   * no certificate is left out; the log says which Secret, never its value. What no balancer of the host names any more, the host forgets: also, at the beginning, what it was
   * given on the connection before. Throws where a Secret cannot be read now: nothing counts as given then.
   */
  async messages(parts: ConfigurationParts, balancers: readonly CertificateNames[]): Promise<CertificatesMessage[]> {
    const named = namedBy(balancers)
    if (this.begun && named.size === 0 && this.revisions.size === 0) return []
    const rows = (named.size === 0 ? [] : await listCertificateRevisions(parts.db, [...named.keys()])).filter(({ uid, tenantId }) => {
      const own = [...(named.get(uid) ?? [])].every((one) => one === tenantId)
      if (!own) parts.log.error({ objectUid: uid }, 'a balancer names a certificate of another tenant: no host is given it')
      return own
    })
    const known = new Set(rows.map(({ uid }) => uid))
    const forgets = !this.begun || [...this.revisions.keys()].some((id) => !known.has(id))
    const given = forgets ? new Map<string, string>() : this.revisions
    const lacking = rows.filter(({ uid, revision }) => given.get(uid) !== revision)
    if (!forgets && lacking.length === 0) return []
    const certificates: Certificate[] = []
    for (const row of lacking) {
      const pem = await openCertificate(parts, row)
      if (pem !== null) certificates.push({ id: row.uid, revision: row.revision, pem })
    }
    this.revisions = new Map([...given, ...lacking.map(({ uid, revision }) => [uid, revision] as const)])
    this.begun = true
    return inGroups(certificates).map((group, i) => ({ kind: 'certificates', complete: forgets && i === 0, certificates: group }))
  }
}

/** The ids of certificates, each with the tenants whose balancers name it. */
function namedBy(balancers: readonly CertificateNames[]): Map<string, Set<string>> {
  const named = new Map<string, Set<string>>()
  for (const { tenantId, listeners } of balancers) for (const id of listeners.flatMap(({ certificates }) => certificates)) named.set(id, (named.get(id) ?? new Set()).add(tenantId))
  return named
}

/** Null where it cannot be opened, which another try would not mend, or is no certificate with its key. */
async function openCertificate({ db, keyRing, log }: ConfigurationParts, { uid, tenantId }: { uid: string; tenantId: string }): Promise<string | null> {
  const row = await findSecretValues(db, tenantId, uid)
  if (!row?.tenant.key) return null
  try {
    const values = secretValues(unwrapValue(unwrapTenantKey(keyRing, tenantId, row.tenant.key.wrappedKey), row.value).reveal())
    const text = (key: string) => utf8Text(fromBase64(values[key] ?? '') ?? new Uint8Array())?.trim() ?? ''
    // Written anew: nothing that stands between them in the Secret is handed on.
    const pem = certificateBundle(text('tls.crt'), text('tls.key'))
    return pem.length > maxPem ? null : pem
  } catch (err) {
    log.error({ err, objectUid: uid }, 'a certificate could not be opened for its host')
    return null
  }
}

/** At least one group. */
function inGroups(certificates: readonly Certificate[]): Certificate[][] {
  const groups: Certificate[][] = [[]]
  let room = maxCharacters
  for (const one of certificates) {
    const last = groups.at(-1)
    if (last && (last.length === 0 || (one.pem.length <= room && last.length < maxOfMessage))) last.push(one)
    else {
      groups.push([one])
      room = maxCharacters
    }
    room -= one.pem.length
  }
  return groups
}
