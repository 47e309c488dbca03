import { z } from 'zod'
import { ingressSpec, type IngressSpec } from '@/domain/ingress/spec'

export type RuleDraft = { id: number; host: string; path: string; exact: boolean; service: string; port: string }
/** An Ingress’ rules as their form has them, a row for each host and path. */
export type IngressDraft = { rules: RuleDraft[]; /** For what fits no rule; an empty service: 404. */ other: { service: string; port: string } }

let last = 0
export const newRule = (over: Partial<RuleDraft> = {}): RuleDraft => ({ id: ++last, host: '', path: '/', exact: false, service: '', port: '', ...over })

type Backend = NonNullable<IngressSpec['defaultBackend']>
const toDraft = ({ service: { name, port } }: Backend) => ({ service: name, port: String(port.number ?? port.name ?? '') })

export function ingressDraftOf(spec: IngressSpec): IngressDraft {
  return {
    // A rule without paths leads where everything else does.
    rules: spec.rules.flatMap(({ host = '', http }) => (http ? http.paths.map(({ path, pathType, backend }) => newRule({ host, path, exact: pathType === 'Exact', ...toDraft(backend) })) : spec.defaultBackend ? [newRule({ host, ...toDraft(spec.defaultBackend) })] : [])),
    other: spec.defaultBackend ? toDraft(spec.defaultBackend) : { service: '', port: '' },
  }
}

const backendOf = ({ service, port }: { service: string; port: string }) => ({ service: { name: service.trim(), port: /^\d+$/.test(port.trim()) ? { number: Number(port) } : { name: port.trim() } } })

/** What is sent, before it is checked: rows of one host that follow each other are one rule. */
export function ingressSpecOf({ rules, other }: IngressDraft, before: Pick<IngressSpec, 'tls' | 'ingressClassName'>): unknown {
  const grouped: { host: string; rows: RuleDraft[] }[] = []
  for (const row of rules) {
    const host = row.host.trim()
    const group = grouped.at(-1)
    if (group?.host === host) group.rows.push(row)
    else grouped.push({ host, rows: [row] })
  }
  return {
    ...before,
    ...(other.service.trim() && { defaultBackend: backendOf(other) }),
    rules: grouped.map(({ host, rows }) => ({ ...(host && { host }), http: { paths: rows.map((row) => ({ path: row.path.trim(), pathType: row.exact ? 'Exact' : 'Prefix', backend: backendOf(row) })) } })),
  }
}

/** The row and field of a path of the spec: `rules.0.http.paths.1.path` counts the rows of the rules before. */
export function ingressFieldOf(path: string, { rules }: IngressDraft): string {
  const parts = path.replace(/^spec\.?/, '').split(/[.[\]]+/).filter(Boolean)
  const field = (rest: readonly string[]) => (rest.includes('backend') || parts[0] === 'defaultBackend' ? (rest.includes('port') ? 'port' : 'service') : (rest[0] ?? 'path'))
  if (parts[0] === 'defaultBackend') return `other.${field(parts)}`
  if (parts[0] !== 'rules' || parts[1] === undefined) return parts[0] ?? 'rules'
  const starts = rules.flatMap((row, i) => (i === 0 || rules[i - 1]?.host.trim() !== row.host.trim() ? [i] : []))
  const start = starts[Number(parts[1])] ?? 0
  if (parts[2] === 'http' && parts[4] !== undefined) return `rules.${start + Number(parts[4])}.${field(parts.slice(5))}`
  return `rules.${start}.${parts[2] === 'host' ? 'host' : 'path'}`
}

/** The same rules as the server's, a problem at each field that has one. */
export const ingressDraftSchema = (before: Pick<IngressSpec, 'tls' | 'ingressClassName'>) => z.custom<IngressDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: path.split('.'), message })
  for (const [i, { service, port }] of draft.rules.entries()) {
    if (service.trim() === '') problem(`rules.${i}.service`, 'choose a service')
    if (port.trim() === '') problem(`rules.${i}.port`, 'is required')
  }
  if (draft.other.service.trim() !== '' && draft.other.port.trim() === '') problem('other.port', 'is required')
  for (const { path, message } of ingressSpec.safeParse(ingressSpecOf(draft, before)).error?.issues ?? []) problem(ingressFieldOf(path.map(String).join('.'), draft), message)
})
