import { podSpec, type PodSpec } from '@/domain/pod/spec'
import { helloInput, type HelloInput } from '@/contracts/host/v1'
import type { Database } from './database'

/** What the scheduler needs to know of a pod that has no host. */
export type PendingPod = { uid: string; tenantId: string; namespace: string; name: string; generation: number; spec: PodSpec }
/** What it needs to know of a host, and of the pods bound to it. */
export type SchedulableHost = { id: string; name: string; phase: string; unschedulable: boolean; hello: HelloInput | null; pods: PodSpec[] }

/** Pods without a host that are not being deleted, the oldest first. */
export async function listPendingPods(db: Database, limit: number): Promise<PendingPod[]> {
  const rows = await db.pod.findMany({ where: { hostId: null, deletedAt: null }, orderBy: [{ createdAt: 'asc' }, { uid: 'asc' }], take: limit })
  return rows.map(({ uid, tenantId, namespace, name, generation, spec }) => ({ uid, tenantId, namespace, name, generation, spec: podSpec.parse(spec) }))
}

/** All hosts with the specs of what is bound to them and still takes room. */
export async function listSchedulableHosts(db: Database): Promise<SchedulableHost[]> {
  const hosts = await db.host.findMany({ include: { pods: { select: { spec: true, report: { select: { phase: true } } } } }, orderBy: { name: 'asc' } })
  return hosts.map(({ id, name, phase, unschedulable, hello, pods }) => ({
    id, name, phase, unschedulable,
    hello: helloInput.safeParse(hello).data ?? null,
    pods: pods.filter((p) => p.report?.phase !== 'Succeeded' && p.report?.phase !== 'Failed').map((p) => podSpec.parse(p.spec)),
  }))
}

/** Binds a pod unless it has a host or is being deleted by now. Only the scheduler calls this. */
export async function bindPod(db: Database, podUid: string, hostId: string): Promise<boolean> {
  const { count } = await db.pod.updateMany({ where: { uid: podUid, hostId: null, deletedAt: null }, data: { hostId, boundAt: new Date() } })
  return count === 1
}
