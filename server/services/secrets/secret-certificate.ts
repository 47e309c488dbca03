import { storedCertificate, tlsType, type StoredCertificate } from '@/domain/secret/certificate'
import { fromBase64, utf8Text } from '@/domain/shared/base64'
import { DomainError, invalidInput } from '@/domain/shared/errors'
import { readCertificate } from '@/platform/crypto/certificate'

/** What is public of the certificate in a Secret of type kubernetes.io/tls; null of others. Refused where its two values are no certificate and its key. */
export function certificateOf(type: string, data: Readonly<Record<string, string>>): StoredCertificate | null {
  if (type !== tlsType) return null
  const [chain, key] = [textOf(data, 'tls.crt'), textOf(data, 'tls.key')]
  const read = readCertificate(chain, key)
  if ('certificate' in read) return read.certificate
  throw invalidInput([{ path: `data["${read.problem.of === 'certificate' ? 'tls.crt' : 'tls.key'}"]`, line: null, message: read.problem.message }])
}

function textOf(data: Readonly<Record<string, string>>, key: string): string {
  const bytes = fromBase64(data[key] ?? '')
  const text = bytes && utf8Text(bytes)
  if (text === null) throw invalidInput([{ path: `data["${key}"]`, line: null, message: 'must be PEM, which is text' }])
  return text
}

/** The same of a Secret from before certificates were checked, whose values stay: null where they are none. */
export function foundCertificate(type: string, data: Readonly<Record<string, string>>): StoredCertificate | null {
  try {
    return certificateOf(type, data)
  } catch (error) {
    if (error instanceof DomainError) return null
    throw error
  }
}

export const storedCertificateOf = ({ certificate }: { certificate: unknown }): StoredCertificate | null => storedCertificate.safeParse(certificate).data ?? null
