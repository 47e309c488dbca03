import type { Prisma } from '@/generated/prisma/client'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

/** Events of a tenant, newest first; of one object where it is named. */
export const listEvents = (db: Database, scope: Scope, filter: { kind?: string; namespace?: string; name?: string; limit: number }) =>
  db.event.findMany({
    where: { tenantId: scope.tenantId, objectKind: filter.kind, objectNamespace: filter.namespace, objectName: filter.name },
    orderBy: [{ lastTimestamp: 'desc' }, { uid: 'asc' }],
    take: filter.limit,
  })

export type AuditRecord = { action: string; kind: string; namespace?: string | null; name: string; address?: string; detail?: string }

/** Writes who did what, in the transaction that does it. */
export const recordAudit = (db: Database, scope: Scope, record: AuditRecord) =>
  db.auditEntry.create({ data: { ...scope.origin, ...record, tenantId: scope.tenantId, actorId: scope.actor.userId, actor: scope.actor.email } })

/** The same for several objects that one request acts on, an entry each. */
export const recordAudits = (db: Database, scope: Scope, records: readonly AuditRecord[]) =>
  db.auditEntry.createMany({ data: records.map((record) => ({ ...scope.origin, ...record, tenantId: scope.tenantId, actorId: scope.actor.userId, actor: scope.actor.email })) })

/** Who acts where nobody asked just then: no person's address is so. */
export const ownActor = 'system'

/** The same of what the platform does by itself, so that it is known afterwards. */
export const recordOwnAudit = (db: Database, record: AuditRecord & { tenantId: string }) => db.auditEntry.create({ data: { ...record, actorId: '', actor: ownActor } })

export const listAudit = (db: Database, scope: Scope, limit: number, before?: bigint) =>
  db.auditEntry.findMany({ where: { tenantId: scope.tenantId, ...(before ? { id: { lt: before } } : {}) }, orderBy: { id: 'desc' }, take: limit })

/** Whose a request is: an actor's in a tenant, or an operator's on the platform itself. */
export type Requester = Scope | { tenantId: ''; actor: Pick<Scope['actor'], 'userId'> }

/** What a request with this id answered before, if it was the same request. */
export const findCompletedRequest = (db: Database, { tenantId, actor }: Requester, requestId: string) =>
  db.completedRequest.findUnique({ where: { tenantId_actorId_requestId: { tenantId, actorId: actor.userId, requestId } } })

export const saveCompletedRequest = (db: Database, { tenantId, actor }: Requester, row: { requestId: string; procedure: string; inputHash: string; output: Prisma.InputJsonValue }) =>
  db.completedRequest.create({ data: { ...row, tenantId, actorId: actor.userId } })
