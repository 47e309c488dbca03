import { z } from 'zod'
import { podReferences } from '@/domain/pod/references'
import { annotations, labels, type Labels } from '@/domain/shared/names'
import { podSpec, type PodSpec } from '@/domain/pod/spec'
import type { Scope } from '@/server/auth/scope'
import { allocateAddresses } from './addresses'
import { removePod } from './assignments'
import type { Database, Transaction } from './database'
import { placeProblems } from './pod-places'
import { recordEvent } from './reports'

type Named = { namespace: string; name: string }
export type NewSuccessor = { labels: Labels; annotations: Labels; spec: PodSpec }

/** Writes what shall follow on a pod that is being deleted; a later one takes the place of an earlier. */
export async function putSuccessor(tx: Transaction, scope: Scope, pod: Named & { uid: string }, next: NewSuccessor): Promise<void> {
  const about = { tenantId: scope.tenantId, namespace: pod.namespace, name: pod.name }
  await tx.podSuccessor.deleteMany({ where: { OR: [about, { podUid: pod.uid }] } })
  await tx.podSuccessor.create({ data: { ...about, ...next, podUid: pod.uid, actorId: scope.actor.userId, actor: scope.actor.email } })
}

export const findSuccessor = (db: Database, scope: Scope, { namespace, name }: Named) => db.podSuccessor.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } } })

/** Returns whether there was one. */
export const discardSuccessor = async (db: Database, scope: Scope, { namespace, name }: Named): Promise<boolean> => (await db.podSuccessor.deleteMany({ where: { tenantId: scope.tenantId, namespace, name } })).count > 0

/** Of many pods, which must be held. */
export const discardSuccessors = (db: Database, scope: Scope, pods: readonly Named[]) => db.podSuccessor.deleteMany({ where: { tenantId: scope.tenantId, OR: pods.map(({ namespace, name }) => ({ namespace, name })) } })

/**
 * Removes a pod that has gone and makes its successor, if it has one, in the same transaction: between the two nobody can
 * take the name, and neither is ever there without the other. One that cannot be made stays with the reason.
 */
export async function replacePod(tx: Transaction, podUid: string): Promise<void> {
  // The pod's row first, as everybody who changes its successor does.
  await tx.$queryRaw`select 1 from "Pod" where "uid" = ${podUid}::uuid for update`
  const next = await tx.podSuccessor.findUnique({ where: { podUid } })
  await removePod(tx, podUid)
  if (!next) return
  const { tenantId, namespace, name, actorId, actor } = next
  const spec = podSpec.parse(next.spec)
  const network = await networkFor(tx, tenantId, namespace, spec)
  if ('problem' in network) {
    await tx.podSuccessor.update({ where: { uid: next.uid }, data: { problem: network.problem } })
    await recordEvent(tx, { tenantId, objectUid: podUid, objectKind: 'Pod', objectNamespace: namespace, objectName: name, type: 'Warning', reason: 'NotRecreated', message: network.problem, source: 'controller' })
    return
  }
  const row = await tx.pod.create({ data: { tenantId, namespace, name, labels: labels.parse(next.labels), annotations: annotations.parse(next.annotations), spec, networkId: network.uid } })
  // The address that its predecessor has just given back, if it asks for it; where another is quicker, the pod waits and says so.
  if (spec.network?.addresses.length) await allocateAddresses(tx, network.uid, { uid: row.uid, spec })
  await tx.podReference.createMany({ data: podReferences(spec).map((reference) => ({ ...reference, podUid: row.uid, tenantId, namespace })) })
  await tx.auditEntry.create({ data: { tenantId, actorId, actor, action: 'pod.create', kind: 'Pod', namespace, name } })
  await tx.podSuccessor.delete({ where: { uid: next.uid } })
}

const namespaceSpec = z.object({ network: z.string().default('default') })

/** The network that pods of the namespace get now, or why they get none. The namespace is held, so that it cannot go meanwhile. */
async function networkFor(tx: Transaction, tenantId: string, namespace: string, spec: PodSpec): Promise<{ uid: string } | { problem: string }> {
  const rows = await tx.$queryRaw<{ spec: unknown; deletedAt: Date | null }[]>`select "spec", "deletedAt" from "Namespace" where "tenantId" = ${tenantId} and "name" = ${namespace} for share`
  const found = rows[0]
  if (!found || found.deletedAt) return { problem: `Namespace "${namespace}" is gone or being deleted, so the pod was not created anew. Its manifest is kept: create it in another namespace.` }
  const { network } = namespaceSpec.parse(found.spec)
  const row = await tx.network.findFirst({ where: { tenantId, name: network, deletedAt: null }, select: { uid: true, tenantId: true, name: true, spec: true } })
  const wrong = row && (await placeProblems(tx, row, spec.network))
  if (wrong?.[0]) return { problem: `${wrong.map(({ path, message }) => `${path}: ${message}`).join('; ')}. So the pod was not created anew. Its manifest is kept: change it, or make what it asks for, then create it.` }
  return row ?? { problem: `Namespace "${namespace}" uses the network "${network}", which does not exist, so the pod was not created anew. Its manifest is kept: create the network, then the pod.` }
}
