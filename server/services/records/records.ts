import { z } from 'zod'
import { auditView, eventView } from '@/domain/event/view'
import type { Scope } from '@/server/auth/scope'
import { listAudit, listEvents } from '@/server/store/records'
import type { ServerContext } from '../context'

export const listEventsInput = z.object({ kind: z.string().max(63).optional(), namespace: z.string().max(63).optional(), name: z.string().max(253).optional(), limit: z.number().int().min(1).max(500).default(100) })
export const listEventsOutput = z.object({ items: z.array(eventView) })
export const listAuditInput = z.object({ limit: z.number().int().min(1).max(500).default(100), cursor: z.string().regex(/^\d{1,18}$/).optional() })
export const listAuditOutput = z.object({ items: z.array(auditView), nextCursor: z.string().nullable() })

export async function listEventViews(ctx: ServerContext, scope: Scope, input: z.output<typeof listEventsInput>): Promise<z.output<typeof listEventsOutput>> {
  const rows = await listEvents(ctx.db, scope, input)
  return {
    items: rows.map((row) => ({
      uid: row.uid, type: row.type === 'Warning' ? 'Warning' : 'Normal', reason: row.reason, message: row.message, count: row.count, source: row.source,
      firstTimestamp: row.firstTimestamp.toISOString(), lastTimestamp: row.lastTimestamp.toISOString(),
      object: { kind: row.objectKind, namespace: row.objectNamespace, name: row.objectName, uid: row.objectUid },
    })),
  }
}

export async function listAuditViews(ctx: ServerContext, scope: Scope, input: z.output<typeof listAuditInput>): Promise<z.output<typeof listAuditOutput>> {
  const rows = await listAudit(ctx.db, scope, input.limit + 1, input.cursor ? BigInt(input.cursor) : undefined)
  const page = rows.slice(0, input.limit)
  const items = page.map((row) => ({ id: String(row.id), time: row.time.toISOString(), actor: row.actor, action: row.action, kind: row.kind, namespace: row.namespace, name: row.name, outcome: row.outcome, detail: row.detail, requestId: row.requestId }))
  return { items, nextCursor: rows.length > page.length ? (items[items.length - 1]?.id ?? null) : null }
}
