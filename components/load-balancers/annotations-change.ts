import { z } from 'zod'
import { balancerAnnotationsOf, balancerPrefix, ingressBalancerAnnotations, serviceBalancerAnnotations } from '@/domain/load-balancer/annotations'
import type { BalancerSource } from '@/domain/load-balancer/view'
import type { Labels } from '@/domain/shared/names'

/** Annotations with some of our prefix set, and those that are empty taken away; the others stay as they are. */
export function changedAnnotations(before: Labels, patch: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(before).filter(([key]) => !(key.startsWith(balancerPrefix) && Object.hasOwn(patch, key.slice(balancerPrefix.length))))
  return Object.fromEntries([...kept, ...Object.entries(patch).flatMap(([key, value]) => (value.trim() ? [[`${balancerPrefix}${key}`, value.trim()] as const] : []))])
}

/** Problems of the annotations of our prefix, by the name without it; the same rules as the server's. */
export function annotationProblems(source: BalancerSource, annotations: Labels): { key: string; message: string }[] {
  const schema: z.ZodType = source === 'Service' ? serviceBalancerAnnotations : ingressBalancerAnnotations
  const issues = schema.safeParse(balancerAnnotationsOf(annotations)).error?.issues ?? []
  return issues.flatMap(({ path, message, ...issue }) => ('keys' in issue && Array.isArray(issue.keys) ? issue.keys.map((key) => ({ key: String(key), message: 'is no option of a balancer' })) : [{ key: String(path[0] ?? ''), message }]))
}

/** The form's field of a path as the server writes it: `annotations["balancer.hypernetes.io/max-body"]` is `max-body`. */
export const annotationFieldOf = (path: string): string => {
  const at = path.indexOf(balancerPrefix)
  return at < 0 ? path : path.slice(at + balancerPrefix.length).replace(/[\]"'.].*$/, '')
}
