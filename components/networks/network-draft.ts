import { z } from 'zod'
import { networkSpec, subnetsOf, type NetworkSpec, type NetworkSpecInput } from '@/domain/network/spec'
import { isIp } from '@/domain/shared/ip'
import { dnsLabel } from '@/domain/shared/names'
import { ipv4First } from './capacity'

export type RangeRow = { id: number; start: string; end: string }
export type SubnetRow = { id: number; name: string; cidr: string; gateway: string; ranges: RangeRow[] }
export type RouteRow = { id: number; destination: string; via: string }
/** A network as its form has it: text as it is typed. Empty text says nothing, and the network gets what it gets by default. */
export type NetworkDraft = {
  name: string
  subnets: SubnetRow[]
  outbound: boolean
  domain: string
  upstream: boolean
  nameservers: string
  serviceCIDRs: string
  routes: RouteRow[]
  mtu: string
}

let last = 0
export const newSubnet = (over: Partial<SubnetRow> = {}): SubnetRow => ({ id: ++last, name: 'default', cidr: '', gateway: '', ranges: [], ...over })
export const newRange = (over: Partial<RangeRow> = {}): RangeRow => ({ id: ++last, start: '', end: '', ...over })
export const newRoute = (over: Partial<RouteRow> = {}): RouteRow => ({ id: ++last, destination: '', via: '', ...over })

export const newDraft = (): NetworkDraft => ({ name: '', subnets: [newSubnet({ cidr: '10.0.0.0/24' })], outbound: true, domain: '', upstream: true, nameservers: '', serviceCIDRs: '', routes: [], mtu: '' })

/** The form of a network as it is. */
export function draftOf(name: string, spec: NetworkSpec): NetworkDraft {
  return {
    name,
    subnets: ipv4First(subnetsOf(spec)).map(({ name: subnet, cidr, gateway, allocationRanges = [] }) => newSubnet({ name: subnet, cidr, gateway, ranges: allocationRanges.map(newRange) })),
    outbound: spec.outbound === 'nat',
    domain: spec.dns.domain,
    upstream: spec.dns.upstream,
    nameservers: spec.dns.nameservers.join(' '),
    serviceCIDRs: spec.serviceCIDRs?.join(' ') ?? '',
    routes: spec.routes.map(newRoute),
    mtu: String(spec.mtu),
  }
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean)

/** What is sent. Two subnets of one name, which a map cannot hold, are found before by {@link draftProblems}. */
export function specOf(draft: NetworkDraft): NetworkSpecInput {
  const serviceCIDRs = words(draft.serviceCIDRs)
  return {
    subnets: Object.fromEntries(draft.subnets.map(({ name, cidr, gateway, ranges }) => [name.trim(), { cidr: cidr.trim(), ...(gateway.trim() && { gateway: gateway.trim() }), ...(ranges.length > 0 && { allocationRanges: ranges.map(({ start, end }) => ({ start: start.trim(), end: end.trim() })) }) }])),
    outbound: draft.outbound ? 'nat' : 'none',
    dns: { ...(draft.domain.trim() && { domain: draft.domain.trim() }), upstream: draft.upstream, nameservers: draft.upstream ? words(draft.nameservers) : [] },
    ...(serviceCIDRs.length > 0 && { serviceCIDRs }),
    routes: draft.routes.map(({ destination, via }) => ({ destination: destination.trim(), via: via.trim() })),
    ...(draft.mtu.trim() && { mtu: Number(draft.mtu) }),
  }
}

/** The form's field of a path, as the server or the spec writes it: `spec.subnets.a.allocationRanges[0].start` is `subnets.0.ranges.0.start`. */
export function fieldOf(path: string, draft: NetworkDraft): string {
  const [first, ...rest] = path.replace(/^spec\.?/, '').split(/[.[\]]+/).filter(Boolean)
  if (first === 'subnets') {
    const at = draft.subnets.findIndex(({ name }) => name.trim() === rest[0])
    return at < 0 ? 'subnets' : ['subnets', at, ...rest.slice(1).map((part) => (part === 'allocationRanges' ? 'ranges' : part))].join('.')
  }
  if (first === 'dns') return rest[0] ?? 'domain'
  if (first === 'nameservers' || first === 'serviceCIDRs') return first
  return first === undefined ? 'subnets' : [first, ...rest].join('.')
}

export type FieldProblem = { path: string; message: string }

/** What is wrong with a draft, by the same rules as the server's. */
export function draftProblems(draft: NetworkDraft): FieldProblem[] {
  const own = dnsLabel.safeParse(draft.name).error?.issues[0]?.message
  const names = draft.subnets.flatMap(({ name }, i): FieldProblem[] => {
    const problem = dnsLabel.safeParse(name.trim()).error?.issues[0]?.message
    if (problem) return [{ path: `subnets.${i}.name`, message: problem }]
    return draft.subnets.slice(0, i).some((other) => other.name.trim() === name.trim()) ? [{ path: `subnets.${i}.name`, message: 'is the name of another subnet' }] : []
  })
  // A name that is wrong makes a map of other keys: what that says of them would mislead, and another stands in for it.
  const nameless = new Set(names.map(({ path }) => path))
  const named = { ...draft, subnets: draft.subnets.map((row, i) => (nameless.has(`subnets.${i}.name`) ? { ...row, name: standInName(draft.subnets, `subnet-${i + 1}`) } : row)) }
  return firstOfEach([...(own ? [{ path: 'name', message: own }] : []), ...names, ...specProblems(named)])
}

const standInName = (subnets: readonly SubnetRow[], name: string): string => (subnets.some((row) => row.name.trim() === name) ? standInName(subnets, `${name}x`) : name)

/** The rules between fields are read once each field is right: where some are not, the parts that are right are read by themselves too. */
function specProblems(draft: NetworkDraft): FieldProblem[] {
  const whole = read(draft, draft)
  if (whole.length === 0) return []
  const bare = { ...draft, routes: [], serviceCIDRs: '' }
  const rows = draft.subnets.flatMap((row, i) => read({ ...bare, subnets: [rightPart(row)] }, draft).map(({ path, message }) => ({ path: rangeAsWritten(path, i, row), message })))
  const wrong = new Set([...whole, ...rows].map(({ path }) => path))
  const right = draft.subnets.filter((_, i) => !wrong.has(`subnets.${i}.cidr`)).map((row) => ({ ...row, gateway: wrong.has(`subnets.${draft.subnets.indexOf(row)}.gateway`) ? '' : row.gateway, ranges: [] }))
  // Whose address a route goes through is known where all subnets and gateways are.
  const isKnown = !draft.subnets.some((_, i) => wrong.has(`subnets.${i}.cidr`) || wrong.has(`subnets.${i}.gateway`))
  const routes = draft.routes.map((row) => (isIp(row.via.trim()) ? row : { ...row, via: '0.0.0.0' }))
  const between = read({ ...draft, domain: '', mtu: '', nameservers: '', subnets: right.length > 0 ? right : [newSubnet({ name: 'stand-in', cidr: '2001:db8::/64' })], routes }, draft)
  return [...whole, ...rows, ...between.filter(({ path }) => isKnown || !/^routes\.\d+\.via$/.test(path))]
}

const read = (part: NetworkDraft, draft: NetworkDraft): FieldProblem[] => networkSpec.safeParse(specOf(part)).error?.issues.map(({ path, message }) => ({ path: fieldOf(path.map(String).join('.'), draft), message })) ?? []

const isRange = ({ start, end }: RangeRow) => isIp(start.trim()) && isIp(end.trim())
const rightPart = (row: SubnetRow): SubnetRow => ({ ...row, gateway: isIp(row.gateway.trim()) ? row.gateway : '', ranges: row.ranges.filter(isRange) })
/** A range's path among all ranges of its subnet, from its path among those that are addresses. */
const rangeAsWritten = (path: string, subnet: number, { ranges }: SubnetRow): string => {
  const [head, at] = [`subnets.${subnet}.ranges.`, path.split('.')[3]]
  const range = ranges.filter(isRange)[Number(at)]
  return path.startsWith(head) && range ? path.replace(`${head}${at}`, `${head}${ranges.indexOf(range)}`) : path
}

const firstOfEach = (problems: readonly FieldProblem[]): FieldProblem[] => problems.filter(({ path }, i) => problems.findIndex((other) => other.path === path) === i)

/** For the form: a problem at each field that has one. */
export const draftSchema = z.custom<NetworkDraft>().superRefine((draft, context) => {
  for (const { path, message } of draftProblems(draft)) context.addIssue({ code: 'custom', path: path.split('.'), message })
})
