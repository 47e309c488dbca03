import type { BalancerModel } from '@/domain/load-balancer/model'
import type { PartCounters } from '../ports'
import { figuresTable, latencyBounds } from './figures-table'
import { rowsOf, tableOf } from './runtime'
import { backendOf } from './servers'

export const countersQuestion = `show stat; show table ${figuresTable}`

/** What HAProxy says of a rule or backend in its table of figures. */
type Figures = { active: number; requests: number; errors4xx: number; errors5xx: number; receivedBytes: number; sentBytes: number; latency: number[] }

/**
 * What passed through a balancer since its HAProxy counts: the whole, each rule, each backend. `failed`: what no pod took or answered. Latency is the time from the whole head
 * of a request to the beginning of a pod's answer; answers of HAProxy's own have none.
 */
export function partCounters(answer: string, { listeners, backends: known }: Pick<BalancerModel, 'listeners' | 'backends'>): PartCounters[] {
  const at = answer.indexOf('# table:')
  const figures = figuresOf(at < 0 ? '' : answer.slice(at))
  const rows = tableOf(at < 0 ? answer : answer.slice(0, at), ',')
  // Of a HAProxy that was broken into, what is no part of ours counts nothing.
  const named = new Set(known.map(({ name }) => name))
  const ruleParts = new Set(listeners.flatMap(({ rules }) => rules.map(({ id }) => `rule/${id}`)))
  const backends = rows.flatMap((row) => {
    const name = row.get('svname') === 'BACKEND' ? backendOf(row.get('pxname') ?? '') : null
    if (name === null || !named.delete(name)) return []
    const parts = [`backend/${name}`, ...listeners.flatMap(({ rules }) => rules).filter(({ backend }) => backend === name).map(({ id }) => `rule/${id}`)]
    return [backendPart(name, row, sumLatency([...new Set(parts)].map((part) => figures.get(part)?.latency)))]
  })
  const rules = [...figures].filter(([key]) => ruleParts.has(key)).map(([part, { latency, active, ...counts }]) => ({ part, connections: 0, failed: 0, ...counts, latency, activeConnections: active }))
  return [wholePart(rows.filter((row) => row.get('svname') === 'FRONTEND' && row.get('pxname')?.startsWith('port-')), backends), ...rules, ...backends]
}

type Row = { get: (name: string) => string | undefined }
const whole = (text: string | undefined): number => Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.floor(Number(text ?? 0) || 0)))
const number = (row: Row, name: string): number => whole(row.get(name))
const isHttp = (row: Row) => row.get('mode') === 'http'

function backendPart(name: string, row: Row, latency: readonly number[]): PartCounters {
  return {
    ...{ part: `backend/${name}`, connections: number(row, 'connect'), requests: isHttp(row) ? number(row, 'req_tot') : 0, errors4xx: number(row, 'hrsp_4xx'), errors5xx: number(row, 'hrsp_5xx') },
    ...{ failed: number(row, 'econ') + number(row, 'eresp'), receivedBytes: number(row, 'bin'), sentBytes: number(row, 'bout'), activeConnections: number(row, 'scur') },
    latency: isHttp(row) ? latency : null,
  }
}

const latencyNone: readonly number[] = Array.from({ length: latencyBounds.length + 1 }, () => 0)
const sumLatency = (all: readonly (readonly number[] | null | undefined)[]): number[] => latencyNone.map((_, i) => all.reduce((sum, latency) => sum + (latency?.[i] ?? 0), 0))
function wholePart(rows: readonly Row[], backends: readonly PartCounters[]): PartCounters {
  const sum = (...names: string[]) => rows.reduce((total, row) => total + names.reduce((part, name) => part + number(row, name), 0), 0)
  return {
    ...{ part: '', connections: sum('conn_tot'), requests: sum('req_tot'), errors4xx: sum('hrsp_4xx'), errors5xx: sum('hrsp_5xx'), failed: backends.reduce((total, { failed }) => total + failed, 0) },
    ...{ receivedBytes: sum('bin'), sentBytes: sum('bout'), activeConnections: sum('scur') },
    latency: rows.some(isHttp) ? sumLatency(backends.map(({ latency }) => latency)) : null,
  }
}

/** Rows of a stick table: `0x…: key=… name=value …`. Keys are ours: letters, digits, `/`, `-` and `_`. */
function figuresOf(answer: string): Map<string, Figures> {
  return new Map(rowsOf(answer).flatMap((line) => {
    const values = new Map([...line.matchAll(/ ([a-z0-9_]+)(?:\(\d+\))?=(\S+)/g)].map(([, name = '', value = '']) => [name, value]))
    const key = values.get('key')
    const value = (name: string) => whole(values.get(name))
    if (key === undefined) return []
    return [[key, { active: value('conn_cur'), requests: value('http_req_cnt'), errors4xx: value('http_err_cnt'), errors5xx: value('http_fail_cnt'), receivedBytes: value('bytes_in_cnt'), sentBytes: value('bytes_out_cnt'), latency: latencyNone.map((_, i) => value(`gpc${i}`)) }]]
  }))
}

/** What is to be added to what is counted from now on, so that it begins at nothing. */
export const lessOf = (parts: readonly PartCounters[]): PartCounters[] => parts.map((one) => ({
  ...{ part: one.part, connections: -one.connections, requests: -one.requests, errors4xx: -one.errors4xx, errors5xx: -one.errors5xx, failed: -one.failed, receivedBytes: -one.receivedBytes, sentBytes: -one.sentBytes },
  ...{ latency: one.latency?.map((count) => -count) ?? null, activeConnections: 0 },
}))

/** What was counted before a reload and since: HAProxy's new process begins at nothing. */
export function sumOf(before: readonly PartCounters[], now: readonly PartCounters[]): PartCounters[] {
  const parts = new Map(before.map((part) => [part.part, { ...part, activeConnections: 0 }]))
  for (const part of now) {
    const known = parts.get(part.part)
    parts.set(part.part, known ? added(known, part) : part)
  }
  return [...parts.values()]
}

const added = (a: PartCounters, b: PartCounters): PartCounters => ({
  ...{ part: b.part, connections: a.connections + b.connections, requests: a.requests + b.requests, errors4xx: a.errors4xx + b.errors4xx, errors5xx: a.errors5xx + b.errors5xx },
  ...{ failed: a.failed + b.failed, receivedBytes: a.receivedBytes + b.receivedBytes, sentBytes: a.sentBytes + b.sentBytes, activeConnections: b.activeConnections },
  latency: a.latency && b.latency ? b.latency.map((count, i) => count + (a.latency?.[i] ?? 0)) : b.latency,
})
