'use client'
import { toYaml } from '@/domain/manifest/source'
import { CodeBlock } from '@/components/ui/code-block'
import { balancerObjectOf, type BalancerDraft, type KnownService } from './balancer-draft'

const isEmpty = (value: unknown) => value === undefined || (Array.isArray(value) && value.length === 0) || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
const withoutEmpty = (value: object) => Object.fromEntries(Object.entries(value).filter(([, field]) => !isEmpty(field)))

/** What the form makes, as one would apply it. */
export function BalancerYamlPreview({ draft, services }: { draft: BalancerDraft; services: readonly KnownService[] }) {
  const { kind, annotations, spec } = balancerObjectOf(draft, services)
  const text = toYaml({ apiVersion: kind === 'Service' ? 'v1' : 'networking.k8s.io/v1', kind, metadata: withoutEmpty({ name: draft.name || 'web', namespace: draft.namespace, annotations }), spec: withoutEmpty(Object(spec)) })
  return <CodeBlock label="Manifest of this balancer" code={text} />
}
