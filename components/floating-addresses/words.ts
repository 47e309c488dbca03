import type { FloatingTarget } from '@/domain/floating-address/spec'
import type { FloatingAddressView, FloatingPhase } from '@/domain/floating-address/view'
import type { StateShape } from '@/components/ui/state-badge'
import { paths } from '@/components/client/paths'

/** Reasons of the condition `Associated` that pass by themselves; whatever else is in the way, somebody has to do something. */
const passing: ReadonlySet<string> = new Set(['Pending', 'Moving', 'GivenBack', 'TargetNotPlaced'])
/** Whether an address waits for what nobody is about to do. */
export const isStuck = ({ status }: Pick<FloatingAddressView, 'status'>): boolean => status.phase === 'Pending' && status.conditions.some(({ type, status: is, reason }) => type === 'Associated' && is === 'False' && !passing.has(reason))

export const looks: Readonly<Record<FloatingPhase, { shape: StateShape; word: string }>> = {
  Free: { shape: 'stopped', word: 'Free' },
  Pending: { shape: 'changing', word: 'Pending' },
  Active: { shape: 'running', word: 'Active' },
  Failed: { shape: 'failed', word: 'Failed' },
}

/** What a target is called; a Service or an Ingress stands for the balancer that it has. */
export const targetNoun = ({ kind }: Pick<FloatingTarget, 'kind'>): string => (kind === 'Pod' ? 'pod' : kind === 'Service' ? 'service' : 'Ingress')

/** The page of what an address leads to. */
export const targetPath = (tenant: string, { kind, namespace, name }: FloatingTarget): string =>
  kind === 'Pod' ? paths.pod(tenant, namespace, name) : paths.loadBalancer(tenant, kind, namespace, name)

export const sameTarget = (a: FloatingTarget | null | undefined, b: FloatingTarget | null | undefined): boolean =>
  (a ?? null) === (b ?? null) || (a?.kind === b?.kind && a?.namespace === b?.namespace && a?.name === b?.name)

/** Whether an address leads elsewhere than its tenant last said, or leads there still though it shall lead nowhere. */
export const isMoving = ({ spec, status }: Pick<FloatingAddressView, 'spec' | 'status'>): boolean => status.phase === 'Pending' && (spec.target ? status.holder !== null && !sameTarget(spec.target, status.holder) : true)

/** Whom it leads to, or shall: its own target, or who names it. */
export const leadsTo = ({ spec, status }: Pick<FloatingAddressView, 'spec' | 'status'>): FloatingTarget | null => spec.target ?? status.holder

/** `Pod/namespace/name`, as addresses of pages and choices of forms have it. */
export const targetText = ({ kind, namespace, name }: FloatingTarget): string => `${kind}/${namespace}/${name}`
export function readTarget(text: string): FloatingTarget | null {
  const [kind, namespace, name, ...rest] = text.split('/')
  return (kind === 'Pod' || kind === 'Service' || kind === 'Ingress') && namespace && name && rest.length === 0 ? { kind, namespace, name } : null
}
