import { z } from 'zod'
import { figureRange, figureRanges } from '@/domain/figures/levels'
import { serviceBinValues } from '@/domain/figures/series'
import type { ServiceFiguresView } from '@/domain/figures/view'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { findServiceSeries, readFigures, serviceExists } from '@/server/store/figures'
import type { ServerContext } from '../context'
import { binsOf, timedOf, totalOf } from './bins'
import { toBin } from './pod-figures'

export const serviceFiguresInput = z.object({ namespace: dnsLabel.default('default'), name: dnsLabel, range: z.enum(figureRanges).default('1h') })

/** What passed through a service over a range, of all hosts together, also after it is gone. One that never was is not found. */
export async function serviceFigures(ctx: ServerContext, scope: Scope, { namespace, name, range }: z.output<typeof serviceFiguresInput>, now: Date | null = null): Promise<ServiceFiguresView> {
  const shape = figureRange[range]
  const series = await findServiceSeries(ctx.db, scope, namespace, name)
  if (series.length === 0 && !(await serviceExists(ctx.db, scope, namespace, name))) throw notFound('Service', name)
  const rows = await readFigures(ctx.db, series.map((one) => one.id), { ...shape, aligned: true }, now)
  const { times, bins } = binsOf(rows)
  const values = bins.map((bin) => serviceBinValues(bin.map(toBin)))
  return {
    ...timedOf(range, times, now),
    connectionsPerSecond: values.map((value) => value.connectionsPerSecond), receivedBytesPerSecond: values.map((value) => value.receivedBytesPerSecond), sentBytesPerSecond: values.map((value) => value.sentBytesPerSecond),
    totals: { connections: totalOf(rows, 'connections'), receivedBytes: totalOf(rows, 'receivedBytes'), sentBytes: totalOf(rows, 'sentBytes') },
  }
}
