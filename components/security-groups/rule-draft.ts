import { isSubnet } from '@/domain/shared/ip'
import { parseIcmpType } from '@/domain/security-group/icmp-types'
import { securityGroupSpec, type SecurityGroupRule } from '@/domain/security-group/spec'
import { portsWords } from './rule-words'

/** A rule as somebody types it. `ports` is of tcp and udp, `types` of ICMP; empty: all. */
export type RuleDraft = {
  id: number
  direction: SecurityGroupRule['direction']
  protocol: SecurityGroupRule['protocol']
  ports: string
  types: string
  peer: 'any' | 'cidr' | 'group'
  cidr: string
  group: string
  description: string
}
export type DraftField = 'ports' | 'types' | 'cidr' | 'group' | 'description' | 'protocol'
export type DraftProblem = { field: DraftField; message: string }

let last = 0
export const newRule = (over: Partial<Omit<RuleDraft, 'id'>> = {}): RuleDraft => ({ id: ++last, direction: 'ingress', protocol: 'tcp', ports: '', types: '', peer: 'any', cidr: '', group: '', description: '', ...over })

export const hasPorts = (protocol: RuleDraft['protocol']): protocol is 'tcp' | 'udp' => protocol === 'tcp' || protocol === 'udp'
export const hasTypes = (protocol: RuleDraft['protocol']): protocol is 'icmp' | 'icmpv6' => protocol === 'icmp' || protocol === 'icmpv6'

export function draftOfRule(rule: SecurityGroupRule): RuleDraft {
  const words = portsWords(rule)
  return newRule({
    direction: rule.direction, protocol: rule.protocol, ports: rule.ports ? words : '', types: rule.icmpTypes ? words : '',
    peer: rule.cidr !== undefined ? 'cidr' : rule.group !== undefined ? 'group' : 'any', cidr: rule.cidr ?? '', group: rule.group ?? '', description: rule.description ?? '',
  })
}

const parts = (text: string): string[] => text.split(',').map((part) => part.trim()).filter((part) => part !== '')

/** Reads "80, 8000-8100": ports and ranges. Gives what is wrong in words. */
export function parsePorts(text: string): { ports: { port: number; endPort?: number }[] } | { problem: string } {
  const ports: { port: number; endPort?: number }[] = []
  for (const part of parts(text)) {
    const found = /^(\d{1,5})(?:\s*[-–:]\s*(\d{1,5}))?$/.exec(part)
    if (!found) return { problem: `“${part.slice(0, 20)}” is no port: write them as 80, 8000-8100` }
    const [first, end] = [Number(found[1]), found[2] === undefined ? undefined : Number(found[2])]
    for (const port of [first, end]) if (port !== undefined && (port < 1 || port > 65535)) return { problem: `${port} is no port: they are 1 to 65535` }
    if (end !== undefined && end < first) return { problem: `${part} ends before it begins` }
    ports.push({ port: first, ...(end !== undefined && end !== first && { endPort: end }) })
  }
  return { ports }
}

function parseTypes(protocol: 'icmp' | 'icmpv6', text: string): { types: number[] } | { problem: string } {
  const types: number[] = []
  for (const part of parts(text)) {
    const type = parseIcmpType(protocol, part)
    if (type === null) return { problem: `“${part.slice(0, 30)}” is no type: write a name such as echo-request, or a number to 255` }
    types.push(type)
  }
  return { types }
}

/** The rule of a row, or what is wrong with its fields. */
export function toRule(draft: RuleDraft): { rule: SecurityGroupRule; problems: [] } | { rule: null; problems: DraftProblem[] } {
  const problems: DraftProblem[] = []
  const ports = hasPorts(draft.protocol) ? parsePorts(draft.ports) : { ports: [] }
  if ('problem' in ports) problems.push({ field: 'ports', message: ports.problem })
  const types = hasTypes(draft.protocol) ? parseTypes(draft.protocol, draft.types) : { types: [] }
  if ('problem' in types) problems.push({ field: 'types', message: types.problem })
  if (draft.peer === 'cidr' && !isSubnet(draft.cidr.trim())) problems.push({ field: 'cidr', message: draft.cidr.trim() === '' ? 'Name a subnet' : 'Must be a subnet without host bits, as in 10.0.0.0/24' })
  if (draft.peer === 'group' && draft.group === '') problems.push({ field: 'group', message: 'Choose a group' })
  if (problems.length > 0 || 'problem' in ports || 'problem' in types) return { rule: null, problems }
  const given = {
    direction: draft.direction, protocol: draft.protocol, ...(ports.ports.length > 0 && { ports: ports.ports }), ...(types.types.length > 0 && { icmpTypes: types.types }),
    ...(draft.peer === 'cidr' && { cidr: draft.cidr.trim() }), ...(draft.peer === 'group' && { group: draft.group }), ...(draft.description.trim() && { description: draft.description.trim() }),
  }
  const read = securityGroupSpec.safeParse({ rules: [given] })
  const [rule] = read.success ? read.data.rules : []
  if (rule) return { rule, problems: [] }
  return { rule: null, problems: (read.error?.issues ?? []).map((issue) => ({ field: fieldOfRule(issue.path.slice(2).map(String).join('.')), message: sentence(issue.message) })) }
}

const sentence = (message: string): string => message.charAt(0).toUpperCase() + message.slice(1)
const fieldOfRule = (path: string): DraftField => (['ports', 'cidr', 'group', 'description'] as const).find((field) => path.startsWith(field)) ?? (path.startsWith('icmpTypes') ? 'types' : 'protocol')

/** All rows' rules, or null where one of them is wrong. */
export function toRules(drafts: readonly RuleDraft[]): SecurityGroupRule[] | null {
  const rules = drafts.map((draft) => toRule(draft).rule)
  return rules.every((rule) => rule !== null) ? rules : null
}

/** Where the server's `spec.rules[2].ports[0].port` stands in the form: `rules.2.ports`. Other paths lose `spec.` alone. */
export function formPath(path: string): string {
  const found = /^spec\.rules(?:\[|\.)(\d+)\]?(?:\.(.*))?$/.exec(path)
  return found ? `rules.${found[1]}.${fieldOfRule(found[2] ?? '')}` : path.replace(/^spec\./, '')
}
