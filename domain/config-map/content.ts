import { z } from 'zod'
import { configurationKey } from '../pod/environment'
import { fromBase64, toBase64 } from '../shared/base64'
import { dnsSubdomain } from '../shared/names'

/** What the values of one ConfigMap or Secret may take together, in bytes (Kubernetes' MaxSecretSize). */
export const maxConfigurationBytes = 1 << 20
/** So many keys one object has at most: each becomes a file or a variable. */
export const maxConfigurationKeys = 2000
/** So many ConfigMaps, and so many Secrets, a tenant has at most. */
export const maxConfigurationObjects = 1000

/** The name of a ConfigMap or Secret, and the beginning of one that the server completes with five characters. */
export const configurationName = dnsSubdomain
export const configurationGenerateName = z
  .string()
  .min(1, 'must not be empty')
  .max(248, 'must be at most 248 characters')
  .refine((prefix) => dnsSubdomain.safeParse(`${prefix}x`).success, 'must be lower-case letters, digits, "-" and ".", and start with a letter or digit')

const wellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text)

/** A value as text. What UTF-8 or the store cannot hold is refused here, with the way out. */
export const textValue = z
  .string({ error: 'must be a string: quote it' })
  .refine((text) => !text.includes('\0'), 'must not hold a zero byte: put it into binaryData')
  .refine(wellFormed, 'must be valid Unicode: put other bytes into binaryData')
/** Text of a Secret: it is stored as bytes, so a zero byte does not matter. */
export const secretText = z.string({ error: 'must be a string: quote it' }).refine(wellFormed, 'must be valid Unicode: put other bytes into data, in base64')

/** A value in base64, with line breaks as Kubernetes' decoder lets them pass; it comes out in its one canonical form. */
export const base64Value = z.string({ error: 'must be base64 text' }).transform((text, context) => {
  const bytes = fromBase64(text.replace(/[\r\n]/g, ''))
  if (bytes) return toBase64(bytes)
  context.addIssue({ code: 'custom', message: 'must be base64: encode the bytes, for example with base64 -w0' })
  return z.NEVER
})

export const valuesOf = <V extends z.ZodType<string, string>>(value: V) =>
  z
    .record(configurationKey, value, { error: 'must be a map of keys to values' })
    .refine((values) => Object.keys(values).length <= maxConfigurationKeys, `must have at most ${maxConfigurationKeys} keys: use more than one object`)

/** Why values are too large together, or null. */
export const tooLarge = (bytes: number): string | null => (bytes > maxConfigurationBytes ? `the values take ${bytes} bytes together, more than 1 MiB (${maxConfigurationBytes}): split them over several objects, or put large files into the image` : null)

/** How many bytes a text takes. */
export const utf8Bytes = (text: string): number => new TextEncoder().encode(text).length
