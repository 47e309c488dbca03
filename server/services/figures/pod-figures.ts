import { z } from 'zod'
import { figureRange, figureRanges } from '@/domain/figures/levels'
import { binValues, remainder, type FigureBin } from '@/domain/figures/series'
import { figureMetrics, type FigureSeriesView, type PodFiguresView } from '@/domain/figures/view'
import { notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { findPodSeries, readFigures, type FigureRow } from '@/server/store/figures'
import { findPod } from '@/server/store/pods'
import { podReference } from '../pods/delete-pod'
import type { ServerContext } from '../context'

export const podFiguresInput = podReference.extend({ range: z.enum(figureRanges).default('1h') })

const number = (value: bigint | null) => (value === null ? null : Number(value))

export const toBin = (row: FigureRow): FigureBin => ({
  coveredMs: Number(row.coveredMs), cpuMicroseconds: number(row.cpuMicroseconds), cpuPeakMilli: row.cpuPeakMilli, memorySum: number(row.memorySum), memorySamples: row.memorySamples, memoryMax: number(row.memoryMax),
  readBytes: number(row.readBytes), writtenBytes: number(row.writtenBytes), receivedBytes: number(row.receivedBytes), sentBytes: number(row.sentBytes), diskUsedMax: number(row.diskUsedMax), connections: number(row.connections),
})

/** What a pod has used over a range, also after it is gone. A pod that was never measured has no times; one that never was is not found. */
export async function podFigures(ctx: ServerContext, scope: Scope, input: z.output<typeof podFiguresInput>, now: Date | null = null): Promise<PodFiguresView> {
  const { namespace, name, range } = input
  const shape = figureRange[range]
  const series = await findPodSeries(ctx.db, scope, namespace, name)
  if (series.length === 0 && !(await findPod(ctx.db, scope, namespace, name))) throw notFound('Pod', name)
  const rows = await readFigures(ctx.db, series.map((s) => s.id), shape, now)
  const end = now?.getTime() ?? Date.now()
  const times = [...new Set(rows.map((row) => row.at.getTime()))].sort((a, b) => a - b)
  const bins = new Map(rows.map((row) => [`${row.seriesId} ${row.at.getTime()}`, toBin(row)]))
  const columns = (id: number | undefined): FigureSeriesView => {
    const values = times.map((at) => binValues(bins.get(`${id} ${at}`)))
    return Object.fromEntries(figureMetrics.map((metric) => [metric, values.map((value) => value[metric])])) as Record<(typeof figureMetrics)[number], (number | null)[]>
  }
  const vm = columns(series.find((s) => s.container === '')?.id)
  const containers = series.filter((s) => s.container !== '').map((s) => ({ name: s.container, ...columns(s.id) })).filter((c) => c.memoryBytes.some((value) => value !== null))
  const overhead = (metric: 'cpu' | 'memoryBytes') => vm[metric].map((whole, i) => remainder(whole, containers.map((c) => c[metric][i] ?? null)))
  return {
    range, stepSeconds: shape.step, from: new Date(end - shape.seconds * 1000).toISOString(), to: new Date(end).toISOString(),
    times: times.map((at) => new Date(at).toISOString()), vm, overhead: { cpu: overhead('cpu'), memoryBytes: overhead('memoryBytes') }, containers,
  }
}
