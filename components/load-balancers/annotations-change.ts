import type { IngressSpec } from '@/domain/ingress/spec'
import { balancerPrefix } from '@/domain/load-balancer/annotations'
import { ingressProblems, serviceBalancerProblems } from '@/domain/load-balancer/check'
import type { ServiceSpec } from '@/domain/service/spec'
import type { Labels } from '@/domain/shared/names'

/** Annotations with some of our prefix set, and those that are empty taken away; the others stay as they are. */
export function changedAnnotations(before: Labels, patch: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(before).filter(([key]) => !(key.startsWith(balancerPrefix) && Object.hasOwn(patch, key.slice(balancerPrefix.length))))
  return Object.fromEntries([...kept, ...Object.entries(patch).flatMap(([key, value]) => (value.trim() ? [[`${balancerPrefix}${key}`, value.trim()] as const] : []))])
}

type Checked = { kind: 'Service'; spec: ServiceSpec } | { kind: 'Ingress'; spec: IngressSpec }
/** What no balancer could do, by the annotation without its prefix, or by the spec's field; the same rules as the server's. */
export function balancerProblems(name: string, annotations: Labels, of: Checked): { key: string; message: string }[] {
  const problems = of.kind === 'Service' ? serviceBalancerProblems({ name, annotations, spec: of.spec }) : ingressProblems({ name, annotations, spec: of.spec })
  return problems.map(({ path, message }) => ({ key: annotationFieldOf(path), message }))
}

/** The form's field of a path as the server writes it: `annotations["balancer.hypernetes.io/max-body"]` is `max-body`. */
export const annotationFieldOf = (path: string): string => {
  const at = path.indexOf(balancerPrefix)
  return at < 0 ? path : path.slice(at + balancerPrefix.length).replace(/[\]"'.].*$/, '')
}
