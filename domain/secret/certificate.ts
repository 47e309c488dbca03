import { z } from 'zod'

export const tlsType = 'kubernetes.io/tls'
/** So many days before its end a certificate is warned of. */
export const expiryWarningDays = 30

/** What everybody may know of a certificate: it is stored beside the wrapped Secret, whose key only hosts are given. Times are RFC 3339. */
export const storedCertificate = z.object({
  subject: z.string().max(200),
  issuer: z.string().max(200),
  /** DNS names in lower case and IP addresses, the first hundred. */
  names: z.array(z.string().max(253)).max(100),
  notBefore: z.string(),
  notAfter: z.string(),
  /** As in `RSA 2048` or `EC P-256`. */
  key: z.string().max(40),
  /** SHA-256 of the first certificate, in hex. */
  fingerprint: z.string().max(64),
})
export type StoredCertificate = z.infer<typeof storedCertificate>

/** What to tell of a certificate's time; null while it has long to go. */
export function expiryProblem({ notBefore, notAfter }: Pick<StoredCertificate, 'notBefore' | 'notAfter'>, now: Date): string | null {
  const days = Math.floor((Date.parse(notAfter) - now.getTime()) / 86_400_000)
  if (Date.parse(notBefore) > now.getTime()) return `is not valid before ${notBefore}: clients refuse it until then`
  if (Date.parse(notAfter) <= now.getTime()) return `expired at ${notAfter}: clients refuse it; update the Secret with a new one`
  if (days < expiryWarningDays) return `expires ${days === 0 ? 'today' : `in ${days === 1 ? '1 day' : `${days} days`}`}, at ${notAfter}: update the Secret with a new one before`
  return null
}
