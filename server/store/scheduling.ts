import { podSpec, type PodSpec } from '@/domain/pod/spec'
import { helloInput, type HelloInput } from '@/contracts/host/v1'
import type { Database } from './database'

/** What the scheduler needs to know of a pod that has no host. */
export type PendingPod = { uid: string; tenantId: string; namespace: string; name: string; generation: number; spec: PodSpec }
/** What it needs to know of a host, and of the pods bound to it. */
export type SchedulableHost = { id: string; name: string; phase: string; unschedulable: boolean; hello: HelloInput | null; pods: PodSpec[] }

/**
 * Pods without a host that are not being deleted: every tenant's oldest, then every tenant's second, and so on, so that
 * a tenant with many pods that fit nowhere holds up nobody else's.
 */
export async function listPendingPods(db: Database, limit: number): Promise<PendingPod[]> {
  const ranked = await db.$queryRaw<{ uid: string }[]>`
    select "uid" from (
      select "uid", "createdAt", row_number() over (partition by "tenantId" order by "createdAt", "uid") as rank
      from "Pod" where "hostId" is null and "deletedAt" is null
    ) r order by r.rank, r."createdAt", r."uid" limit ${limit}`
  const found = new Map((await db.pod.findMany({ where: { uid: { in: ranked.map((r) => r.uid) }, hostId: null, deletedAt: null } })).map((row) => [row.uid, row]))
  const rows = ranked.flatMap(({ uid }) => found.get(uid) ?? [])
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
