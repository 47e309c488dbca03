import { z } from 'zod'
import { dnsSubdomain } from '@/domain/shared/names'

/** A certificate as its form has it; the key leaves the page with the form alone, and never comes back. */
export type CertificateDraft = { name: string; certificate: string; key: string }
export const noCertificate: CertificateDraft = { name: '', certificate: '', key: '' }

/** Why a text is no chain of certificates in PEM, or null. */
export function certificateProblem(text: string): string | null {
  if (text.trim() === '') return 'is required'
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return 'holds a private key: it belongs in the other field'
  if (/-----BEGIN CERTIFICATE REQUEST-----/.test(text)) return 'is a request for a certificate: put what the authority answered here'
  return /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(text) ? null : 'must be PEM: -----BEGIN CERTIFICATE-----, your own first, then those between it and the authority'
}

/** Why a text is no private key in PEM that a balancer can read, or null. */
export function keyProblem(text: string): string | null {
  if (text.trim() === '') return 'is required'
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(text)) return 'is locked by a password: take it off first (openssl pkey -in key.pem -out plain.pem); it is stored encrypted'
  if (/-----BEGIN PUBLIC KEY-----/.test(text)) return 'is a public key: put the private one here'
  return /-----BEGIN (RSA |EC )?PRIVATE KEY-----[\s\S]+-----END (RSA |EC )?PRIVATE KEY-----/.test(text) ? null : 'must be PEM: -----BEGIN PRIVATE KEY-----'
}

export const certificateSchema = (named: boolean) => z.custom<CertificateDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string | null | undefined) => { if (message) context.addIssue({ code: 'custom', path: [path], message }) }
  if (named) problem('name', dnsSubdomain.safeParse(draft.name).error?.issues[0]?.message)
  problem('certificate', certificateProblem(draft.certificate))
  problem('key', keyProblem(draft.key))
})

/** What a Secret of type kubernetes.io/tls holds. */
export const tlsValues = ({ certificate, key }: CertificateDraft) => ({ 'tls.crt': `${certificate.trim()}\n`, 'tls.key': `${key.trim()}\n` })

/** The form's field of a path of the Secret. */
export function certificateFieldOf(path: string): string {
  if (path.includes('tls.crt')) return 'certificate'
  if (path.includes('tls.key')) return 'key'
  return path
}
