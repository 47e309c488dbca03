import { z } from 'zod'
import { base64Value, maxConfigurationKeys, secretText, tooLarge, valuesOf } from '../config-map/content'
import { base64Bytes, textToBase64 } from '../shared/base64'
import { annotations } from '../shared/names'
import { checkSecretType, secretType } from './types'

/** kubectl writes a whole manifest there, a Secret's values in it; annotations are kept and shown in the clear. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'
export const secretAnnotations = annotations.superRefine((all, context) => {
  if (Object.hasOwn(all, lastApplied)) context.addIssue({ code: 'custom', path: [lastApplied], message: 'holds the values of the Secret in the clear: remove it' })
})

/** The fields of a Secret that hold values; what stands in stringData wins over data, as in Kubernetes. */
export const secretValueFields = { data: valuesOf(base64Value).default({}), stringData: valuesOf(secretText).default({}) }

/** Merges the two into one map of base64. */
export const mergeSecretValues = ({ data, stringData }: { data: Record<string, string>; stringData: Record<string, string> }): Record<string, string> => ({
  ...data,
  ...Object.fromEntries(Object.entries(stringData).map(([key, text]) => [key, textToBase64(text)])),
})

/** What a Secret holds, as Kubernetes' v1 writes it; it comes out with every value in base64 under `data`. */
export const secretContent = z
  .strictObject({ type: secretType.default('Opaque'), ...secretValueFields, immutable: z.boolean({ error: 'must be true or false' }).default(false) })
  .transform(({ type, immutable, ...values }) => ({ type, immutable, data: mergeSecretValues(values) }))
  .superRefine((content, context) => checkSecret(content, (key, message) => context.addIssue({ code: 'custom', path: key === null ? ['data'] : ['data', key], message })))
export type SecretContent = z.infer<typeof secretContent>

/** Checks the whole: sizes, number of keys, and what the type demands. */
export function checkSecret({ type, data }: Pick<SecretContent, 'type' | 'data'>, report: (key: string | null, message: string) => void): void {
  if (Object.keys(data).length > maxConfigurationKeys) report(null, `must have at most ${maxConfigurationKeys} keys: use more than one Secret`)
  const message = tooLarge(Object.values(secretSizes(data)).reduce((sum, size) => sum + size, 0))
  if (message) report(null, message)
  checkSecretType(type, data, report)
}

/** The bytes of each value by its key. */
export const secretSizes = (data: Readonly<Record<string, string>>): Record<string, number> => Object.fromEntries(Object.entries(data).map(([key, base64]) => [key, base64Bytes(base64)]))
