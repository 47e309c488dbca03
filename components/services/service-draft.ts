import { z } from 'zod'
import { serviceName, serviceSpec, type ServiceSpec } from '@/domain/service/spec'
import { readLabels } from '@/components/config-maps/labels-text'

export type PortRow = { id: number; name: string; protocol: 'TCP' | 'UDP'; port: string; targetPort: string; appProtocol: string | null }
/** A service as its form has it: text as it is typed. */
export type ServiceDraft = {
  name: string
  namespace: string
  /** A line each: key=value. */
  selector: string
  ports: PortRow[]
  headless: boolean
  affinity: boolean
  /** Seconds, where `affinity`; empty for Kubernetes' three hours. */
  affinitySeconds: string
  local: boolean
  publishNotReady: boolean
  labels: string
}

let last = 0
export const newPort = (over: Partial<PortRow> = {}): PortRow => ({ id: ++last, name: '', protocol: 'TCP', port: '', targetPort: '', appProtocol: null, ...over })
export const newServiceDraft = (namespace: string): ServiceDraft => ({ name: '', namespace, selector: '', ports: [newPort({ port: '80', targetPort: '8080' })], headless: false, affinity: false, affinitySeconds: '', local: false, publishNotReady: false, labels: '' })

const text = (map: Readonly<Record<string, string>>) => Object.entries(map).map(([key, value]) => `${key}=${value}`).join('\n')

/** The form of a service as it is. */
export function serviceDraftOf({ name, namespace, labels }: { name: string; namespace: string; labels: Readonly<Record<string, string>> }, spec: ServiceSpec): ServiceDraft {
  return {
    name, namespace,
    selector: text(spec.selector),
    ports: spec.ports.map(({ name: port = '', protocol, port: number, targetPort, appProtocol = null }) => newPort({ name: port, protocol, port: String(number), targetPort: String(targetPort), appProtocol })),
    headless: spec.clusterIP === 'None',
    affinity: spec.sessionAffinity === 'ClientIP',
    affinitySeconds: String(spec.sessionAffinityConfig?.clientIP.timeoutSeconds ?? ''),
    local: spec.internalTrafficPolicy === 'Local',
    publishNotReady: spec.publishNotReadyAddresses,
    labels: text(labels),
  }
}

const number = (typed: string): number | string => (/^\d+$/.test(typed.trim()) ? Number(typed) : typed.trim())

/** What is sent, before it is checked; `before` gives what the form does not show. */
export function serviceSpecOf(draft: ServiceDraft, before?: ServiceSpec): unknown {
  const { sessionAffinityConfig: _, clusterIP, ...kept } = before ?? {}
  return {
    ...kept,
    ...(draft.headless ? { clusterIP: 'None' } : clusterIP !== undefined && clusterIP !== 'None' && { clusterIP }),
    selector: readLabels(draft.selector),
    ports: draft.ports.map(({ name, protocol, port, targetPort, appProtocol }) => ({ ...(name.trim() && { name: name.trim() }), protocol, port: port.trim() === '' ? undefined : number(port), ...(targetPort.trim() && { targetPort: number(targetPort) }), ...(appProtocol !== null && { appProtocol }) })),
    sessionAffinity: draft.affinity ? 'ClientIP' : 'None',
    ...(draft.affinity && draft.affinitySeconds.trim() && { sessionAffinityConfig: { clientIP: { timeoutSeconds: number(draft.affinitySeconds) } } }),
    internalTrafficPolicy: draft.local ? 'Local' : 'Cluster',
    publishNotReadyAddresses: draft.publishNotReady,
  }
}

/** The form's field of a path as the server or the spec writes it: `spec.ports[0].targetPort` is `ports.0.targetPort`. */
export function serviceFieldOf(path: string): string {
  const [first = '', ...rest] = path.replace(/^spec\.?/, '').split(/[.[\]]+/).filter(Boolean)
  if (first === 'selector' || first === 'labels') return first
  if (first === 'sessionAffinityConfig') return 'affinitySeconds'
  if (first === 'clusterIP' || first === 'clusterIPs') return 'headless'
  return [first, ...rest].join('.')
}

/** The same rules as the server's, a problem at each field that has one. */
export const serviceDraftSchema = (before?: ServiceSpec) => z.custom<ServiceDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: path.split('.'), message })
  const name = serviceName.safeParse(draft.name).error?.issues[0]?.message
  if (name) problem('name', name)
  const own = specProblems(draft, before)
  const wrong = new Set(own.map(({ path }) => path))
  // The rules between fields are read once each field is right: with what stands in for those that are not, they are told beside them.
  const between = wrong.size > 0 ? specProblems(withStandIns(draft, wrong), before) : []
  for (const { path, message } of [...own, ...between.filter(({ path }) => !wrong.has(path))]) problem(path, message)
})

function specProblems(draft: ServiceDraft, before: ServiceSpec | undefined): { path: string; message: string }[] {
  const issues = serviceSpec.safeParse(serviceSpecOf(draft, before)).error?.issues ?? []
  return issues.map(({ path, message }) => ({ path: serviceFieldOf(path.map(String).join('.')), message }))
}

/** The draft with its wrong fields left out, or given what no other row has. */
function withStandIns(draft: ServiceDraft, wrong: ReadonlySet<string>): ServiceDraft {
  const taken = new Set(draft.ports.map(({ port }) => Number(port)))
  const free = Array.from({ length: 2 * draft.ports.length }, (_, i) => 65_535 - i).filter((port) => !taken.has(port))
  const ports = draft.ports.map((row, i): PortRow => ({
    ...row,
    ...(wrong.has(`ports.${i}.name`) && row.name.trim() && { name: `stand-in-${i}` }),
    ...(wrong.has(`ports.${i}.port`) && { port: String(free[i] ?? '') }),
    ...(wrong.has(`ports.${i}.targetPort`) && { targetPort: '' }),
  }))
  return { ...draft, ports, selector: wrong.has('selector') ? '' : draft.selector, affinitySeconds: wrong.has('affinitySeconds') ? '' : draft.affinitySeconds }
}
