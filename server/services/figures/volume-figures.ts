import { z } from 'zod'
import { figureRange, figureRanges } from '@/domain/figures/levels'
import type { VolumeFiguresView } from '@/domain/figures/view'
import { notFound } from '@/domain/shared/errors'
import { dnsSubdomain } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { findVolumeSeries, readFigures, volumeExists, type FigureRow } from '@/server/store/figures'
import type { ServerContext } from '../context'
import { binsOf, rateOf, timedOf, totalOf } from './bins'

export const volumeFiguresInput = z.object({ name: dnsSubdomain, range: z.enum(figureRanges).default('1h') })

/** What a volume did over a range, of all hosts on which it was open, also after it is gone. One that never was is not found. */
export async function volumeFigures(ctx: ServerContext, scope: Scope, { name, range }: z.output<typeof volumeFiguresInput>, now: Date | null = null): Promise<VolumeFiguresView> {
  const series = await findVolumeSeries(ctx.db, scope, name)
  if (series.length === 0 && !(await volumeExists(ctx.db, scope, name))) throw notFound('Volume', name)
  const rows = await readFigures(ctx.db, series.map((one) => one.id), { ...figureRange[range], aligned: true }, now)
  const { times, bins } = binsOf(rows)
  return {
    ...timedOf(range, times, now),
    readBytesPerSecond: bins.map((bin) => rateOf(bin, 'readBytes', 1)), writtenBytesPerSecond: bins.map((bin) => rateOf(bin, 'writtenBytes', 1)),
    readsPerSecond: bins.map((bin) => rateOf(bin, 'readOperations', 100)), writesPerSecond: bins.map((bin) => rateOf(bin, 'writeOperations', 100)),
    readMilliseconds: bins.map((bin) => meanOf(bin, 'readMicroseconds', 'readOperations')), writeMilliseconds: bins.map((bin) => meanOf(bin, 'writeMicroseconds', 'writeOperations')),
    storedBytes: bins.map(storedOf),
    totals: { readBytes: totalOf(rows, 'readBytes'), writtenBytes: totalOf(rows, 'writtenBytes'), reads: totalOf(rows, 'readOperations'), writes: totalOf(rows, 'writeOperations') },
  }
}

/** Of one operation, in milliseconds to a hundredth; null where there was none. */
function meanOf(bin: readonly FigureRow[], time: 'readMicroseconds' | 'writeMicroseconds', count: 'readOperations' | 'writeOperations'): number | null {
  const operations = totalOf(bin, count)
  return operations === 0 ? null : Math.round(totalOf(bin, time) / operations / 10) / 100
}

/** Its hosts say the same of it, one perhaps a little later than the other. */
function storedOf(bin: readonly FigureRow[]): number | null {
  const said = bin.flatMap(({ diskUsedMax }) => (diskUsedMax === null ? [] : [Number(diskUsedMax)]))
  return said.length === 0 ? null : Math.max(...said)
}
