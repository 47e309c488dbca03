import type { CertificatesMessage, HostBalancer } from '@/contracts/host/v1'
import { fromBase64, utf8Text } from '@/domain/shared/base64'
import { certificateBundle } from '@/platform/crypto/certificate'
import { listCertificateRevisions } from '@/server/store/external-state'
import { openObject, type ConfigurationParts } from './pod-configuration'

type Certificate = CertificatesMessage['certificates'][number]
/** Of one message, in characters; a certificate is far below it. */
const maxCharacters = 4 << 20
const maxPem = 256 << 10
const maxOfMessage = 5_000

/** The certificates that one connection of a host was given, by id, each at most once a revision. */
export class SentCertificates {
  private readonly revisions = new Map<string, string>()
  private begun = false

  /**
   * The messages that give a host the certificates that its balancers name and that it lacks. Their keys are opened here and stand in the message alone. What does not open or is
   * no certificate is left out; the log says which Secret, never its value. What no balancer of the host names any more, the host forgets.
   */
  async messages(parts: ConfigurationParts, balancers: readonly HostBalancer[]): Promise<CertificatesMessage[]> {
    const named = new Set(balancers.flatMap(({ listeners }) => listeners.flatMap(({ certificates }) => certificates)))
    if (named.size === 0 && this.revisions.size === 0) return []
    const rows = await listCertificateRevisions(parts.db, [...named])
    const known = new Set(rows.map(({ uid }) => uid))
    const forgets = !this.begun || [...this.revisions.keys()].some((id) => !known.has(id))
    if (forgets) this.revisions.clear()
    const lacking = rows.filter(({ uid, revision }) => this.revisions.get(uid) !== revision)
    if (!forgets && lacking.length === 0) return []
    const certificates: Certificate[] = []
    for (const { uid, tenantId, name, revision } of lacking) {
      const pem = await this.open(parts, tenantId, name, uid)
      this.revisions.set(uid, revision)
      if (pem !== null) certificates.push({ id: uid, revision, pem })
    }
    this.begun = true
    const groups = inGroups(certificates)
    return groups.map((group, i) => ({ kind: 'certificates', complete: forgets && i === 0, certificates: group }))
  }

  private async open(parts: ConfigurationParts, tenantId: string, name: string, uid: string): Promise<string | null> {
    try {
      const opened = await openObject(parts, tenantId, { kind: 'Secret', name }, uid)
      const text = (key: string) => utf8Text(fromBase64(opened?.data[key] ?? '') ?? new Uint8Array())?.trim() ?? ''
      // Written anew: nothing that stands between them in the Secret is handed on.
      const pem = opened ? certificateBundle(text('tls.crt'), text('tls.key')) : ''
      return pem === '' || pem.length > maxPem ? null : pem
    } catch (err) {
      parts.log.error({ err, objectUid: uid }, 'a certificate could not be opened for its host')
      return null
    }
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
