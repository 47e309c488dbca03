import { z } from 'zod'
import { podStates } from '@/domain/pod/status'
import type { PodView } from '@/domain/pod/view'
import { invalidInput, notFound } from '@/domain/shared/errors'
import { parseLabelSelector } from '@/domain/shared/label-selector'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { currentCursor, formatCursor } from '@/server/store/change-feed'
import { pagePods, podSorts, type PodPageEnd, type PodSort } from '@/server/store/pod-pages'
import { findPod, loadPods } from '@/server/store/pods'
import type { ServerContext } from '../context'
import type { podReference } from './delete-pod'
import { madePodView, toPodView } from './pod-view'

export const listPodsInput = z.object({
  namespace: dnsLabel.optional(),
  /** Words that all stand in a pod's namespace, name or images, whatever their case. */
  search: z.string().max(100).optional(),
  phase: z.array(z.enum(podStates)).max(podStates.length).optional(),
  labelSelector: z.string().max(1000).optional(),
  /** The name of the host on which they run. */
  host: z.string().max(253).optional(),
  sort: z.enum(podSorts).default('created'),
  descending: z.boolean().default(true),
  limit: z.number().int().min(1).max(500).default(50),
  cursor: z.string().max(600).optional(),
})
export const listPodsOutput = z.object({ items: z.array(madePodView), nextCursor: z.string().nullable(), total: z.number().int(), resourceVersion: z.string() })

/** The sort stands in a cursor, since its value means nothing to another; `value` is of that sort's type. */
const pageCursor = z.discriminatedUnion('sort', [
  z.object({ sort: z.enum(['name', 'namespace', 'state', 'host']), value: z.string().max(253), uid: z.uuid() }),
  z.object({ sort: z.literal('restarts'), value: z.string().regex(/^\d{1,9}$/), uid: z.uuid() }),
  z.object({ sort: z.literal('created'), value: z.iso.datetime(), uid: z.uuid() }),
])
const encodeCursor = (sort: PodSort, next: PodPageEnd | null) => (next ? Buffer.from(JSON.stringify({ sort, ...next })).toString('base64url') : null)

function decodeCursor(text: string, sort: PodSort): PodPageEnd {
  const wrong = () => invalidInput([{ path: 'cursor', line: null, message: 'is not a cursor of this list: begin again without one' }])
  const found = (() => {
    try {
      return pageCursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
    } catch {
      throw wrong()
    }
  })()
  if (found.sort !== sort) throw wrong()
  return found
}

/** One page of the tenant's pods; `resourceVersion` is where a watch of them begins. */
export async function listPods(ctx: ServerContext, scope: Scope, input: z.output<typeof listPodsInput>): Promise<z.output<typeof listPodsOutput>> {
  const selector = parseLabelSelector(input.labelSelector ?? '')
  if (!selector) throw invalidInput([{ path: 'labelSelector', line: null, message: 'is not a label selector, such as app=web,tier!=db' }])
  const cursor = await currentCursor(ctx.db)
  const { namespace, search, host, sort, descending, limit } = input
  const words = search?.trim().split(/\s+/).filter(Boolean)
  const page = await pagePods(ctx.db, scope, { namespace, words, host, states: input.phase, selector, sort, descending, limit, after: input.cursor ? decodeCursor(input.cursor, sort) : undefined })
  return { items: page.records.map(toPodView), nextCursor: encodeCursor(sort, page.next), total: page.total, resourceVersion: formatCursor(cursor) }
}

export async function getPod(ctx: ServerContext, scope: Scope, reference: z.output<typeof podReference>): Promise<PodView> {
  const row = await findPod(ctx.db, scope, reference.namespace, reference.name)
  const [record] = row ? await loadPods(ctx.db, scope, [row.uid]) : []
  if (!record) throw notFound('Pod', reference.name)
  return toPodView(record)
}
