import type { Prisma } from '@/generated/prisma/client'
import type { PodState } from '@/domain/pod/status'
import type { PodSpec } from '@/domain/pod/spec'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

const parts = { report: true, addresses: { orderBy: { address: 'asc' } }, host: { select: { id: true, name: true, phase: true, lastHeartbeat: true, hello: true } } } as const
export type PodRow = Prisma.PodGetPayload<{ include: typeof parts }>
export type PodRecord = { pod: PodRow; state: PodState; conditions: { type: string; status: string; reason: string; message: string; observedGeneration: number; lastTransitionTime: Date }[] }

export type NewPod = { namespace: string; name: string; labels: Labels; annotations: Labels; spec: PodSpec; networkId: string }

export const insertPod = (db: Database, scope: Scope, pod: NewPod) => db.pod.create({ data: { ...pod, tenantId: scope.tenantId }, include: parts })

export const findPod = (db: Database, scope: Scope, namespace: string, name: string) => db.pod.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } }, include: parts })

export const updatePodMetadata = (db: Database, scope: Scope, uid: string, metadata: { labels: Labels; annotations: Labels }) => db.pod.update({ where: { uid, tenantId: scope.tenantId }, data: { ...metadata } })

/** Sets the deletion time once; a second call may only shorten the grace. Returns the row, or null when there is none. */
export async function markPodDeleted(db: Database, scope: Scope, uid: string, graceSeconds: number): Promise<void> {
  await db.$executeRaw`
    update "Pod" set "deletedAt" = coalesce("deletedAt", now()), "graceSeconds" = least(coalesce("graceSeconds", ${graceSeconds}), ${graceSeconds}), "generation" = "generation" + 1
    where "uid" = ${uid}::uuid and "tenantId" = ${scope.tenantId} and ("deletedAt" is null or "graceSeconds" > ${graceSeconds})`
}

/** It goes without its host's word, as long as that host is silent. */
export const markPodForced = (tx: Database, uid: string) => tx.pod.update({ where: { uid }, data: { forced: true }, select: { uid: true } })

/** The pods with these uids, in their order; what is gone or another tenant's is left out. */
export async function loadPods(db: Database, scope: Scope, uids: string[]): Promise<PodRecord[]> {
  if (uids.length === 0) return []
  const readPods = () => db.pod.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts })
  const readConditions = () => db.objectCondition.findMany({ where: { objectUid: { in: uids } }, orderBy: { lastTransitionTime: 'asc' } })
  // Inside a transaction they share one connection: one after the other there.
  const [pods, conditions] = '$transaction' in db ? await Promise.all([readPods(), readConditions()]) : [await readPods(), await readConditions()]
  const byUid = new Map(pods.map((pod) => [pod.uid, pod]))
  return uids.flatMap((uid) => {
    const pod = byUid.get(uid)
    if (!pod) return []
    const own = conditions.filter((c) => c.objectUid === uid)
    return [{ pod, state: stateOf(pod, own), conditions: own }]
  })
}

/**
 * The state of a row that was read, by the same rules as the view "PodState" has for lists: read from the
 * view afterwards it could be newer than the report beside it. A test holds the two together.
 */
export function stateOf(pod: Pick<PodRow, 'deletedAt' | 'hostId'> & { report: { phase: string } | null; host: { phase: string } | null }, conditions: { type: string; status: string }[]): PodState {
  const phase = pod.report?.phase
  if (pod.deletedAt) return 'Stopping'
  if (phase === 'Succeeded' || phase === 'Failed') return phase
  if (pod.hostId && pod.host?.phase === 'Unknown') return 'Unknown'
  if (phase === 'Running' || phase === 'Stopping' || phase === 'Starting') return phase
  if (pod.hostId) return 'Scheduled'
  return conditions.some((c) => c.type === 'PodScheduled' && c.status === 'False') ? 'Unschedulable' : 'Pending'
}

/** Whether pods (also such as are being deleted) stand in the namespace. */
export const countPodsInNamespace = (db: Database, scope: Scope, namespace: string): Promise<number> => db.pod.count({ where: { tenantId: scope.tenantId, namespace } })
