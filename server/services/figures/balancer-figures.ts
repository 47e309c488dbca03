import { z } from 'zod'
import { latencyAt } from '@/domain/figures/balancer'
import { figureRange, figureRanges } from '@/domain/figures/levels'
import type { BalancerFiguresView } from '@/domain/figures/view'
import { balancerSource } from '@/domain/load-balancer/view'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel, dnsSubdomain } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { balancerExists, findBalancerSeries, readFigures, type FigureRow } from '@/server/store/figures'
import type { ServerContext } from '../context'
import { binsOf, rateOf, timedOf, totalOf } from './bins'

/** `part`: empty for the whole, `rule/ID` or `backend/NAME`. */
export const balancerFiguresInput = z.object({ source: balancerSource, namespace: dnsLabel.default('default'), name: dnsSubdomain, range: z.enum(figureRanges).default('1h'), part: z.string().max(80).default('') })

type Counted = 'connections' | 'requests' | 'errors4xx' | 'errors5xx' | 'failed' | 'receivedBytes' | 'sentBytes'

/** What passed through a balancer over a range, of all hosts on which it ran, also after it is gone. One that never was is not found. */
export async function balancerFigures(ctx: ServerContext, scope: Scope, { source, namespace, name, range, part }: z.output<typeof balancerFiguresInput>, now: Date | null = null): Promise<BalancerFiguresView> {
  const shape = figureRange[range]
  const series = await findBalancerSeries(ctx.db, scope, { source, namespace, name, part })
  if (series.length === 0 && !(await balancerExists(ctx.db, scope, source, namespace, name))) throw notFound('Load balancer', name)
  const rows = await readFigures(ctx.db, series.map((one) => one.id), { ...shape, aligned: true }, now)
  const { times, bins } = binsOf(rows)
  const rates = (of: Counted, digits: number) => bins.map((bin) => rateOf(bin, of, digits))
  const total = (of: Counted) => totalOf(rows, of)
  const latency = (at: number) => bins.map((bin) => latencyAt(addedCounts(bin), at))
  return {
    ...timedOf(range, times, now),
    connectionsPerSecond: rates('connections', 1000), requestsPerSecond: rates('requests', 1000), errors4xxPerSecond: rates('errors4xx', 1000), errors5xxPerSecond: rates('errors5xx', 1000), failedPerSecond: rates('failed', 1000),
    receivedBytesPerSecond: rates('receivedBytes', 1), sentBytesPerSecond: rates('sentBytes', 1), activeConnections: bins.map(activeOf),
    latencyMilliseconds: { p50: latency(0.5), p95: latency(0.95), p99: latency(0.99) },
    totals: { connections: total('connections'), requests: total('requests'), errors4xx: total('errors4xx'), errors5xx: total('errors5xx'), failed: total('failed'), receivedBytes: total('receivedBytes'), sentBytes: total('sentBytes') },
  }
}

function activeOf(bin: readonly FigureRow[]): number | null {
  const means = bin.flatMap((row) => (row.activeSum === null || row.samples === 0 ? [] : [Number(row.activeSum) / row.samples]))
  return means.length === 0 ? null : Math.round(means.reduce((sum, value) => sum + value, 0) * 10) / 10
}

function addedCounts(bin: readonly FigureRow[]): number[] | null {
  const all = bin.flatMap(({ latency }) => (latency && latency.length > 0 ? [latency] : []))
  return all.length === 0 ? null : (all[0] ?? []).map((_, i) => all.reduce((sum, counts) => sum + Number(counts[i] ?? 0n), 0))
}
