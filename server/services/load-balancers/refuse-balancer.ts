import type { BalancerProblem } from '@/domain/load-balancer/annotations'
import { DomainError } from '@/domain/shared/errors'

/** Refuses what no balancer could do, at the field or annotation that asks for it. */
export function refuseBalancer(kind: 'Service' | 'Ingress', name: string, problems: readonly BalancerProblem[]): void {
  if (problems.length === 0) return
  const told = problems.slice(0, 100).map((problem) => ({ ...problem, line: null }))
  throw new DomainError('invalid_input', `No load balancer can do what ${kind} "${name}" asks for:\n${told.map(({ path, message }) => `${path}: ${message}`).join('\n')}`, { problems: told })
}
