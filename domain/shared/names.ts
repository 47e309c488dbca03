import { z } from 'zod'

/** RFC 1123 label, as Kubernetes demands it of most names. */
export const dnsLabel = z
  .string()
  .min(1, 'must not be empty')
  .max(63, 'must be at most 63 characters')
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must consist of lower-case letters, digits and "-", and start and end with a letter or digit')

/** RFC 1123 subdomain: labels joined by dots, at most 253 characters (names of pods). */
export const dnsSubdomain = z
  .string()
  .min(1, 'must not be empty')
  .max(253, 'must be at most 253 characters')
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 'must consist of lower-case letters, digits, "-" and ".", and start and end with a letter or digit')

const qualifiedName = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const prefix = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** A key of a label or annotation: `[prefix/]name` as in Kubernetes' apimachinery validation. */
export function isQualifiedName(key: string): boolean {
  const parts = key.split('/')
  if (parts.length > 2) return false
  const name = parts[parts.length - 1] ?? ''
  return qualifiedName.test(name) && (parts.length === 1 || ((parts[0] ?? '').length <= 253 && prefix.test(parts[0] ?? '')))
}

const labelKey = z.string().refine(isQualifiedName, 'is not a valid key: [prefix/]name, the name at most 63 letters, digits, "-", "_" and "."')
const labelValue = z
  .string({ error: 'must be a string: quote it' })
  .max(63, 'must be at most 63 characters')
  .regex(/^(|[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$/, 'must be letters, digits, "-", "_" and ".", and start and end with a letter or digit')

export const labels = z.record(labelKey, labelValue)
export type Labels = z.infer<typeof labels>

/** Annotations: keys like labels', values any text, 256 KiB in all (Kubernetes' limit). */
export const annotations = z
  .record(labelKey, z.string({ error: 'must be a string: quote it' }).refine((text) => !/[\0\p{Surrogate}]/u.test(text), 'must be valid Unicode without a zero byte'))
  .refine((all) => Object.entries(all).reduce((sum, [k, v]) => sum + k.length + v.length, 0) <= 256 << 10, 'must be at most 256 KiB in all')

/** A tenant's id: 32 hex digits, as a Keystone project's. */
export const tenantId = z.string().regex(/^[0-9a-f]{32}$/, 'must be 32 lower-case hex digits')
/** A tenant as users name it: its slug or its id. */
export const tenantReference = z.string().min(1).max(64)
