import { z } from 'zod'
import { base64Bytes } from '../shared/base64'
import { base64Value, maxConfigurationKeys, textValue, tooLarge, utf8Bytes, valuesOf } from './content'

/** What a ConfigMap holds, as Kubernetes' v1 writes it. `binaryData` is base64. */
export const configMapContent = z
  .strictObject({ data: valuesOf(textValue).default({}), binaryData: valuesOf(base64Value).default({}), immutable: z.boolean({ error: 'must be true or false' }).default(false) })
  .superRefine((content, context) => {
    for (const key of Object.keys(content.binaryData)) if (Object.hasOwn(content.data, key)) context.addIssue({ code: 'custom', path: ['binaryData', key], message: 'is also a key of data: a key stands in one of them' })
    const sizes = configMapSizes(content)
    if (Object.keys(sizes).length > maxConfigurationKeys) context.addIssue({ code: 'custom', path: ['data'], message: `must have at most ${maxConfigurationKeys} keys together with binaryData` })
    const message = tooLarge(Object.values(sizes).reduce((sum, size) => sum + size, 0))
    if (message) context.addIssue({ code: 'custom', path: ['data'], message })
  })
export type ConfigMapContent = z.infer<typeof configMapContent>

/** The bytes of each value by its key. */
export const configMapSizes = ({ data, binaryData }: Pick<ConfigMapContent, 'data' | 'binaryData'>): Record<string, number> => ({
  ...Object.fromEntries(Object.entries(data).map(([key, text]) => [key, utf8Bytes(text)])),
  ...Object.fromEntries(Object.entries(binaryData).map(([key, base64]) => [key, base64Bytes(base64)])),
})
