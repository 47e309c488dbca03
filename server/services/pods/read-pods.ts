import { z } from 'zod'
import { podStates } from '@/domain/pod/status'
import { podView, type PodView } from '@/domain/pod/view'
import { invalidInput, notFound } from '@/domain/shared/errors'
import { parseLabelSelector } from '@/domain/shared/label-selector'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { currentCursor, formatCursor } from '@/server/store/change-feed'
import { findPod, loadPods, pagePods } from '@/server/store/pods'
import type { ServerContext } from '../context'
import type { podReference } from './delete-pod'
import { toPodView } from './pod-view'

export const listPodsInput = z.object({
  namespace: dnsLabel.optional(),
  search: z.string().max(100).optional(),
  phase: z.array(z.enum(podStates)).max(podStates.length).optional(),
  labelSelector: z.string().max(1000).optional(),
  sort: z.enum(['name', 'namespace', 'state', 'created']).default('created'),
  descending: z.boolean().default(true),
  limit: z.number().int().min(1).max(500).default(50),
  cursor: z.string().max(600).optional(),
})
export const listPodsOutput = z.object({ items: z.array(podView), nextCursor: z.string().nullable(), total: z.number().int(), resourceVersion: z.string() })

const pageCursor = z.object({ value: z.string(), uid: z.uuid() })
const encodeCursor = (next: { value: string; uid: string } | null) => (next ? Buffer.from(JSON.stringify(next)).toString('base64url') : null)

function decodeCursor(text: string): z.output<typeof pageCursor> {
  try {
    return pageCursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch {
    throw invalidInput([{ path: 'cursor', line: null, message: 'is not a cursor of this list: begin again without one' }])
  }
}

/** One page of the tenant's pods; `resourceVersion` is where a watch of them begins. */
export async function listPods(ctx: ServerContext, scope: Scope, input: z.output<typeof listPodsInput>): Promise<z.output<typeof listPodsOutput>> {
  const selector = parseLabelSelector(input.labelSelector ?? '')
  if (!selector) throw invalidInput([{ path: 'labelSelector', line: null, message: 'is not a label selector, such as app=web,tier!=db' }])
  const cursor = await currentCursor(ctx.db)
  const { namespace, search, sort, descending, limit } = input
  const page = await pagePods(ctx.db, scope, { namespace, search: search?.trim() || undefined, states: input.phase, selector, sort, descending, limit, after: input.cursor ? decodeCursor(input.cursor) : undefined })
  return { items: page.records.map(toPodView), nextCursor: encodeCursor(page.next), total: page.total, resourceVersion: formatCursor(cursor) }
}

export async function getPod(ctx: ServerContext, scope: Scope, reference: z.output<typeof podReference>): Promise<PodView> {
  const row = await findPod(ctx.db, scope, reference.namespace, reference.name)
  const [record] = row ? await loadPods(ctx.db, scope, [row.uid]) : []
  if (!record) throw notFound('Pod', reference.name)
  return toPodView(record)
}
