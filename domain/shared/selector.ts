import { z } from 'zod'
import { isQualifiedName, labels, type Labels } from './names'

const requirement = z
  .strictObject({ key: z.string().refine(isQualifiedName, 'is not a valid key'), operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist'], { error: 'must be In, NotIn, Exists or DoesNotExist' }), values: z.array(z.string().max(63)).max(100).default([]) })
  .superRefine(({ operator, values }, context) => {
    const wants = operator === 'In' || operator === 'NotIn'
    if (wants !== values.length > 0) context.addIssue({ code: 'custom', path: ['values'], message: wants ? 'must have a value' : 'must be empty for this operator' })
  })

/** Kubernetes' LabelSelector; an empty one selects everything. */
export const selector = z.strictObject({ matchLabels: labels.default({}), matchExpressions: z.array(requirement).max(20).default([]) })
export type Selector = z.infer<typeof selector>

/** Whether labels satisfy every requirement of the selector. */
export function selects({ matchLabels, matchExpressions }: Selector, of: Labels): boolean {
  const value = (key: string): string | undefined => (Object.hasOwn(of, key) ? of[key] : undefined)
  if (!Object.entries(matchLabels).every(([key, wanted]) => value(key) === wanted)) return false
  return matchExpressions.every(({ key, operator, values }) => {
    const found = value(key)
    if (operator === 'Exists') return found !== undefined
    if (operator === 'DoesNotExist') return found === undefined
    return operator === 'In' ? found !== undefined && values.includes(found) : found === undefined || !values.includes(found)
  })
}
