import { z } from 'zod'
import { hostCapacity } from '@/domain/host/view'
import { topHost, topPod, topSorts, type TopPod } from '@/domain/figures/view'
import { invalidInput } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { listHosts } from '@/server/store/hosts'
import { topFleetPods, topHosts, topPods, type TopPage, type TopRow } from '@/server/store/figures-top'
import type { ServerContext } from '../context'

export const topInput = z.object({ sort: z.enum(topSorts).default('cpu'), descending: z.boolean().default(true), limit: z.number().int().min(1).max(500).default(50), cursor: z.string().max(20).optional() })
export const topPodsOutput = z.object({ items: z.array(topPod), nextCursor: z.string().nullable(), total: z.number().int() })
export const topHostsOutput = z.object({ items: z.array(topHost), nextCursor: z.string().nullable(), total: z.number().int() })

/** What is used changes from one page to the next, so a page is a place in the order and not a value. */
function pageOf({ sort, descending, limit, cursor }: z.output<typeof topInput>): TopPage {
  if (cursor !== undefined && !/^\d{1,7}$/.test(cursor)) throw invalidInput([{ path: 'cursor', line: null, message: 'is not a cursor of this list: begin again without one' }])
  return { sort, descending, limit, offset: Number(cursor ?? 0) }
}

const next = ({ offset, limit }: TopPage, total: number) => (offset + limit < total ? String(offset + limit) : null)
const whole = (value: number | null) => (value === null ? null : Math.round(value))
const amounts = (row: TopRow) => ({ cpu: row.cpuMilli === null ? null : Math.round(row.cpuMilli) / 1000, memoryBytes: whole(row.memoryBytes), diskBytesPerSecond: whole(row.diskBytesPerSecond), diskUsedBytes: whole(row.diskUsedBytes), networkBytesPerSecond: whole(row.networkBytesPerSecond) })
const toPod = (row: TopRow): TopPod => ({ uid: row.uid, tenant: row.tenant, namespace: row.namespace, name: row.name, host: row.host, ...amounts(row) })

export async function topPodViews(ctx: ServerContext, scope: Scope, input: z.output<typeof topInput>): Promise<z.output<typeof topPodsOutput>> {
  const page = pageOf(input)
  const { rows, total } = await topPods(ctx.db, scope, page)
  return { items: rows.map(toPod), nextCursor: next(page, total), total }
}

export async function topFleetPodViews(ctx: ServerContext, input: z.output<typeof topInput>): Promise<z.output<typeof topPodsOutput>> {
  const page = pageOf(input)
  const { rows, total } = await topFleetPods(ctx.db, page)
  return { items: rows.map(toPod), nextCursor: next(page, total), total }
}

export async function topHostViews(ctx: ServerContext, input: z.output<typeof topInput>): Promise<z.output<typeof topHostsOutput>> {
  const page = pageOf(input)
  const [{ rows, total }, hosts] = await Promise.all([topHosts(ctx.db, page), listHosts(ctx.db)])
  const capacities = new Map(hosts.map((host) => [host.id, z.object({ capacity: hostCapacity }).safeParse(host.hello).data?.capacity]))
  const items = rows.map((row) => ({ uid: row.uid, name: row.name, cpus: capacities.get(row.uid)?.cpus ?? 0, memoryTotalBytes: (capacities.get(row.uid)?.memoryMiB ?? 0) * 2 ** 20, ...amounts(row) }))
  return { items, nextCursor: next(page, total), total }
}
