import { z } from 'zod'
import { figureRange, figureRanges } from '@/domain/figures/levels'
import { serviceBinValues } from '@/domain/figures/series'
import type { ServiceFiguresView } from '@/domain/figures/view'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { findServiceSeries, readFigures, serviceExists, type FigureRow } from '@/server/store/figures'
import type { ServerContext } from '../context'
import { toBin } from './pod-figures'

export const serviceFiguresInput = z.object({ namespace: dnsLabel.default('default'), name: dnsLabel, range: z.enum(figureRanges).default('1h') })

/** What passed through a service over a range, of all hosts together, also after it is gone. One that never was is not found. */
export async function serviceFigures(ctx: ServerContext, scope: Scope, { namespace, name, range }: z.output<typeof serviceFiguresInput>, now: Date | null = null): Promise<ServiceFiguresView> {
  const shape = figureRange[range]
  const series = await findServiceSeries(ctx.db, scope, namespace, name)
  if (series.length === 0 && !(await serviceExists(ctx.db, scope, namespace, name))) throw notFound('Service', name)
  const rows = await readFigures(ctx.db, series.map((one) => one.id), { ...shape, aligned: true }, now)
  const byTime = new Map<number, FigureRow[]>()
  for (const row of rows) byTime.set(row.at.getTime(), [...(byTime.get(row.at.getTime()) ?? []), row])
  const times = [...byTime.keys()].sort((a, b) => a - b)
  const values = times.map((at) => serviceBinValues((byTime.get(at) ?? []).map(toBin)))
  const total = (count: (row: FigureRow) => bigint | null) => Number(rows.reduce((sum, row) => sum + (count(row) ?? 0n), 0n))
  const end = now?.getTime() ?? Date.now()
  return {
    range, stepSeconds: shape.step, from: new Date(end - shape.seconds * 1000).toISOString(), to: new Date(end).toISOString(), times: times.map((at) => new Date(at).toISOString()),
    connectionsPerSecond: values.map((value) => value.connectionsPerSecond), receivedBytesPerSecond: values.map((value) => value.receivedBytesPerSecond), sentBytesPerSecond: values.map((value) => value.sentBytesPerSecond),
    totals: { connections: total((row) => row.connections), receivedBytes: total((row) => row.receivedBytes), sentBytes: total((row) => row.sentBytes) },
  }
}
