import { z } from 'zod'
import { partsOfStart, podStart, startPercentiles, type PodStartView, type StartPercentiles } from '@/domain/pod/start-view'
import { notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { findPod } from '@/server/store/pods'
import { fleetPercentiles, listStarts, tenantPercentiles, type PercentileRow, type StartRow } from '@/server/store/pod-starts'
import type { ServerContext } from '../context'
import { podReference } from '../pods/delete-pod'

export const listStartsInput = podReference.extend({ limit: z.number().int().min(1).max(100).default(20) })
export const listStartsOutput = z.object({ items: z.array(podStart) })
export const percentilesInput = z.object({ days: z.number().int().min(1).max(30).default(30), limit: z.number().int().min(1).max(500).default(100) })
export const percentilesOutput = z.object({ items: z.array(startPercentiles) })

const kept = podStart.pick({ spans: true, steps: true })

function toView(row: StartRow): PodStartView {
  const { spans, steps } = kept.parse({ spans: row.spans, steps: row.steps })
  const { first, image, host, mode, accelerator, wholeMs } = row
  return { id: String(row.id), first, image, host, mode, accelerator, wholeMs, beganAt: row.beganAt.toISOString(), startedAt: row.startedAt.toISOString(), parts: partsOfStart.parse(row.parts), spans, steps, clockShiftMs: row.shiftMs }
}

/** The starts of a pod, newest first; none while it has not started. */
export async function listPodStarts(ctx: ServerContext, scope: Scope, input: z.output<typeof listStartsInput>): Promise<z.output<typeof listStartsOutput>> {
  const rows = await listStarts(ctx.db, scope, input.namespace, input.name, input.limit)
  if (rows.length === 0 && !(await findPod(ctx.db, scope, input.namespace, input.name))) throw notFound('Pod', input.name)
  return { items: rows.map(toView) }
}

const medians = startPercentiles.shape.parts
const tenth = (ms: number) => Math.round(ms * 10) / 10
const toPercentiles = (row: PercentileRow): StartPercentiles => ({
  image: row.image, host: row.host, mode: row.mode, count: Number(row.count), p50: tenth(row.p50), p90: tenth(row.p90), p95: tenth(row.p95),
  parts: medians.parse(row.parts),
})

/** How long pods of the tenant took to start, by image and mode. */
export const tenantStartPercentiles = async (ctx: ServerContext, scope: Scope, { days, limit }: z.output<typeof percentilesInput>): Promise<z.output<typeof percentilesOutput>> => ({ items: (await tenantPercentiles(ctx.db, scope, days, limit)).map(toPercentiles) })

/** How long pods of all tenants took to start, by image, host and mode. */
export const fleetStartPercentiles = async (ctx: ServerContext, { days, limit }: z.output<typeof percentilesInput>): Promise<z.output<typeof percentilesOutput>> => ({ items: (await fleetPercentiles(ctx.db, days, limit)).map(toPercentiles) })
