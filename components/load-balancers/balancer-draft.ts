import { z } from 'zod'
import { ingressSpec, type IngressSpec } from '@/domain/ingress/spec'
import { balancerPrefix } from '@/domain/load-balancer/annotations'
import { serviceName, serviceSpec, type ServiceSpec } from '@/domain/service/spec'
import { labels } from '@/domain/shared/names'
import { balancerProblems } from './annotations-change'

export const balancerProtocols = ['http', 'https', 'tcp', 'udp'] as const
export type BalancerProtocol = (typeof balancerProtocols)[number]

/** A balancer as its form has it: text as it is typed. */
export type BalancerDraft = {
  name: string
  namespace: string
  /** `service/NAME`, or `labels/KEY=VALUE,…`; empty until one is chosen. */
  target: string
  /** Of the service, or of the pods. */
  port: string
  protocol: BalancerProtocol
  /** Where clients connect; empty for 80, 443, or the same. */
  outside: string
  /** The name of a Secret; for https. */
  certificate: string
  floatingAddress: string
  /** A line each. */
  hosts: string
  paths: string
}
export const newBalancerDraft = (namespace: string, service = ''): BalancerDraft => ({ name: '', namespace, target: service && `service/${service}`, port: '', protocol: 'http', outside: '', certificate: '', floatingAddress: '', hosts: '', paths: '' })

/** What is known of the services that there are. */
export type KnownService = { name: string; spec: Pick<ServiceSpec, 'selector' | 'ports' | 'type'> }
/** What the form makes: a Service that has a balancer of its own, or an Ingress before a service. */
export type BalancerObject = { kind: 'Service'; annotations: Record<string, string>; spec: unknown } | { kind: 'Ingress'; annotations: Record<string, string>; spec: unknown }

const lines = (text: string) => text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean)
const number = (typed: string): number | string => (/^\d+$/.test(typed.trim()) ? Number(typed) : typed.trim())
/** Annotations of our prefix; those without a value are left out. */
const annotationsOf = (own: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(own).flatMap(([key, value]) => (value ? [[`${balancerPrefix}${key}`, value]] : [])))
const isWeb = (protocol: BalancerProtocol) => protocol === 'http' || protocol === 'https'

export function readTarget(target: string): { kind: 'service'; name: string } | { kind: 'labels'; selector: Record<string, string> } | null {
  const [kind, ...rest] = target.split('/')
  const text = rest.join('/')
  if (kind === 'service' && text) return { kind, name: text }
  if (kind === 'labels' && text) return { kind, selector: Object.fromEntries(text.split(',').map((part) => { const at = part.indexOf('='); return at < 0 ? [part.trim(), ''] : [part.slice(0, at).trim(), part.slice(at + 1).trim()] })) }
  return null
}

/** Whether it becomes an Ingress, whose ports are 80 and 443. */
export const becomesIngress = (draft: Pick<BalancerDraft, 'target' | 'protocol'>): boolean => readTarget(draft.target)?.kind === 'service' && isWeb(draft.protocol)

/** Where clients connect if nobody says. */
export const outsideOf = ({ outside, protocol, port }: Pick<BalancerDraft, 'outside' | 'protocol' | 'port'>): string => outside.trim() || (protocol === 'http' ? '80' : protocol === 'https' ? '443' : port.trim())

/** What is sent, before it is checked. */
export function balancerObjectOf(draft: BalancerDraft, services: readonly KnownService[]): BalancerObject {
  const target = readTarget(draft.target)
  if (target?.kind === 'service' && isWeb(draft.protocol)) return { kind: 'Ingress', annotations: annotationsOf({ 'floating-address': draft.floatingAddress, 'redirect-to-https': draft.protocol === 'https' ? 'true' : '' }), spec: ingressOf(draft, target.name) }
  const known = target?.kind === 'service' ? services.find(({ name }) => name === target.name) : undefined
  const chosen = known?.spec.ports.find(({ port, name }) => String(port) === draft.port.trim() || (name !== undefined && name === draft.port.trim()))
  const outside = outsideOf({ ...draft, port: chosen ? String(chosen.port) : draft.port })
  const web = isWeb(draft.protocol)
  // Whoever asks by http is led to https, as people expect.
  const both = draft.protocol === 'https' && outside === '443'
  const to = draft.port.trim() ? { targetPort: chosen?.targetPort ?? number(draft.port) } : {}
  return {
    kind: 'Service',
    annotations: annotationsOf({
      'floating-address': draft.floatingAddress,
      protocol: web ? draft.protocol : '',
      certificates: draft.protocol === 'https' ? draft.certificate : '',
      'redirect-to-https': both ? 'true' : '',
      hosts: web ? lines(draft.hosts).join(',') : '',
      paths: web ? lines(draft.paths).join(',') : '',
    }),
    spec: {
      type: 'LoadBalancer',
      selector: target?.kind === 'labels' ? target.selector : (known?.spec.selector ?? {}),
      ports: both ? [{ name: 'http', port: 80, ...to }, { name: 'https', port: 443, ...to }] : [{ protocol: draft.protocol === 'udp' ? 'UDP' : 'TCP', port: outside === '' ? undefined : number(outside), ...to }],
    },
  }
}

function ingressOf({ port, protocol, certificate, hosts, paths }: BalancerDraft, service: string): unknown {
  const given = number(port)
  const backend = { service: { name: service, port: typeof given === 'number' ? { number: given } : { name: given } } }
  const [names, below] = [lines(hosts), lines(paths)]
  return {
    ...(names.length === 0 && below.length === 0 && { defaultBackend: backend }),
    rules: names.length === 0 && below.length === 0 ? [] : (names.length > 0 ? names : [undefined]).map((host) => ({ ...(host !== undefined && { host }), http: { paths: (below.length > 0 ? below : ['/']).map((path) => ({ path, pathType: 'Prefix', backend })) } })),
    tls: protocol === 'https' && certificate ? [{ secretName: certificate, hosts: names }] : [],
  }
}

export const parseBalancerService = (spec: unknown): ServiceSpec => serviceSpec.parse(spec)
export const parseBalancerIngress = (spec: unknown): IngressSpec => ingressSpec.parse(spec)

/** The form's field of a path as the server or the spec writes it. */
export function balancerFieldOf(path: string): string {
  if (path.includes('floating-address')) return 'floatingAddress'
  if (path.includes('certificates') || path.includes('secretName')) return 'certificate'
  if (path.includes('hosts') || /rules.*host$/.test(path)) return 'hosts'
  if (path.includes('paths')) return path.endsWith('.name') ? 'target' : path.includes('backend.service.port') ? 'port' : 'paths'
  if (path.includes('targetPort') || path.includes('backend.service.port') || path.includes('defaultBackend.service.port')) return 'port'
  if (/ports/.test(path)) return 'outside'
  if (path.includes('selector') || path.includes('defaultBackend.service.name')) return 'target'
  if (path.includes('protocol')) return 'protocol'
  return path
}

/** The same rules as the server's, a problem at each field that has one. */
export const balancerDraftSchema = (services: readonly KnownService[]) => z.custom<BalancerDraft>().superRefine((draft, context) => {
  const seen = new Set<string>()
  const problem = (field: string, message: string | undefined) => {
    if (message === undefined || seen.has(field)) return
    seen.add(field)
    context.addIssue({ code: 'custom', path: [field], message })
  }
  problem('name', serviceName.safeParse(draft.name).error?.issues[0]?.message)
  const target = readTarget(draft.target)
  if (!target) return problem('target', 'choose a service, or pods by a label')
  if (target.kind === 'labels') problem('target', labels.safeParse(target.selector).error?.issues[0]?.message)
  if (draft.port.trim() === '') problem('port', 'is required: the port on which it listens')
  if (draft.protocol === 'https' && draft.certificate === '') problem('certificate', 'is required for https: choose one, or upload one as a Secret first')
  if (target.kind === 'service' && !isWeb(draft.protocol) && Object.keys(services.find(({ name }) => name === target.name)?.spec.selector ?? {}).length === 0) problem('target', `${target.name} has no selector, and ${draft.protocol} needs one: choose http, or pods by a label`)
  const made = balancerObjectOf(draft, services)
  const read = made.kind === 'Service' ? serviceSpec.safeParse(made.spec) : ingressSpec.safeParse(made.spec)
  for (const { path, message } of read.error?.issues ?? []) problem(balancerFieldOf(path.map(String).join('.')), message)
  if (!read.success || seen.size > 0) return
  const checked = 'ports' in read.data ? ({ kind: 'Service', spec: read.data } as const) : ({ kind: 'Ingress', spec: read.data } as const)
  // What belongs to no field is told by the server.
  for (const { key, message } of balancerProblems(draft.name, made.annotations, checked)) if (Object.hasOwn(draft, balancerFieldOf(key))) problem(balancerFieldOf(key), message)
})
