import { z } from 'zod'
import { figureRange, figureRanges } from '@/domain/figures/levels'
import type { TrafficView } from '@/domain/figures/view'
import type { Scope } from '@/server/auth/scope'
import { sumTraffic } from '@/server/store/figures-traffic'
import type { ServerContext } from '../context'

export const trafficInput = z.object({ range: z.enum(figureRanges).default('24h') })
const mostRows = 500

/** What each pod and service of the tenant received and sent over a range, the most first: to be charged for, or wondered at. */
export async function trafficOf(ctx: ServerContext, scope: Scope, { range }: z.output<typeof trafficInput>, now: Date | null = null): Promise<TrafficView> {
  const rows = await sumTraffic(ctx.db, scope, figureRange[range], mostRows, now)
  const items = rows.map(({ kind, uid, namespace, name, receivedBytes, sentBytes, connections }) => ({ kind, uid, namespace, name, receivedBytes: Number(receivedBytes), sentBytes: Number(sentBytes), connections: connections === null ? null : Number(connections) }))
  return { range, items, total: Number(rows[0]?.total ?? 0) }
}
