import type { PodView } from '@/domain/pod/view'
import type { ServiceView } from '@/domain/service/view'
import { formatCount } from '@/components/client/formats'

export type TargetOption = { value: string; text: string }
type Pod = Pick<PodView, 'metadata' | 'spec'>

/** Labels that are of one pod alone, or of what made it, lead nowhere for long. */
const ofMachinery = (key: string) => /(^|\/)(pod-template-hash|controller-revision-hash|statefulset\.kubernetes\.io)/.test(key)

/** Every label of pods that are there, those of most pods first. */
export function labelTargets(pods: readonly Pod[]): TargetOption[] {
  const counts = new Map<string, number>()
  for (const { metadata } of pods) for (const [key, value] of Object.entries(metadata.labels)) if (!ofMachinery(key)) counts.set(`${key}=${value}`, (counts.get(`${key}=${value}`) ?? 0) + 1)
  return [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).slice(0, 100).map(([label, count]) => ({ value: `labels/${label}`, text: `${label} (${formatCount(count, 'pod')})` }))
}

/** Services that can stand behind a balancer. */
export const serviceTargets = (services: readonly Pick<ServiceView, 'metadata' | 'spec'>[]): TargetOption[] =>
  services.filter(({ spec }) => spec.type !== 'ExternalName').map(({ metadata: { name }, spec }) => ({ value: `service/${name}`, text: spec.ports.length > 0 ? `${name} (${spec.ports.map(({ port }) => port).join(', ')})` : name }))

/** The ports of what is chosen, those that are declared: a name or what they are of as detail. */
export function portsOfTarget(target: string, services: readonly Pick<ServiceView, 'metadata' | 'spec'>[], pods: readonly Pod[]): { value: string; detail?: string }[] {
  const [kind, ...rest] = target.split('/')
  const name = rest.join('/')
  if (kind === 'service') return (services.find(({ metadata }) => metadata.name === name)?.spec.ports ?? []).map(({ port, name: detail }) => ({ value: String(port), ...(detail !== undefined && { detail }) }))
  const ports = new Map<string, string>()
  for (const { metadata, spec } of pods) {
    if (!Object.entries(metadata.labels).some(([key, value]) => `${key}=${value}` === name)) continue
    for (const container of spec.containers) for (const port of container.ports) ports.set(String(port.containerPort), port.name ?? container.name)
  }
  return [...ports].map(([value, detail]) => ({ value, detail }))
}
