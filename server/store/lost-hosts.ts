import { podReport } from '@/contracts/host/v1'
import type { ContainerStatus } from '@/domain/pod/status'
import type { Database, Transaction } from './database'
import { recordEvents } from './reports'

/** A boot that no host has: whatever a host says of a pod takes the place of what is said under it. */
const noBoot = '00000000-0000-0000-0000-000000000000'
/** Reports in one statement: each may have some tens of KiB. */
const batch = 500

/** The host's row, held until the transaction ends. */
export async function holdHost(tx: Transaction, name: string) {
  await tx.$queryRaw`select 1 from "Host" where "name" = ${name} for update`
  return tx.host.findUnique({ where: { name }, select: { id: true, name: true, phase: true, lostAt: true, lastHeartbeat: true } })
}

/** From now on it is not let in, and what it says on a connection that it may have counts for nothing. */
export const markHostLost = (tx: Transaction, id: string) => tx.$executeRaw`update "Host" set "lostAt" = now(), "phase" = 'Unknown', "hello" = "hello" - 'connection', "generation" = "generation" + 1 where "id" = ${id}::uuid`

export const markHostReadmitted = (tx: Transaction, id: string) => tx.host.update({ where: { id }, data: { lostAt: null, generation: { increment: 1 } }, select: { id: true } })

const ended = (status: ContainerStatus, finishedAt: string): ContainerStatus => (status.state === 'Terminated' ? status : { ...status, state: 'Terminated', ready: false, reason: 'HostLost', exitCode: null, finishedAt })

/**
 * The pods of a host on which nothing runs any more: those that had not ended have failed with it. It is asked to run none of them again: should it come back, it removes what is left of them; those that are
 * being deleted are gone at once. Each that had not ended has an event that says so. Returns how many these were.
 */
export async function failPodsOf(tx: Transaction, host: { id: string; name: string }): Promise<number> {
  await tx.$queryRaw`select 1 from "Pod" where "hostId" = ${host.id}::uuid order by "uid" for update`
  const pods = await tx.pod.findMany({ where: { hostId: host.id }, select: { uid: true, tenantId: true, namespace: true, name: true, generation: true, report: { select: { phase: true, document: true } } } })
  await tx.podAssignment.deleteMany({ where: { hostId: host.id } })
  const running = pods.filter(({ report }) => !report || !['Succeeded', 'Failed', 'Gone'].includes(report.phase))
  const now = new Date().toISOString()
  const message = `Host ${host.name} was declared lost, and the pod with it. Delete it, and create it anew.`
  const documents = running.map(({ uid, generation, report }) => {
    const before = podReport.safeParse(report?.document).data
    return {
      ...(before ?? { uid, observedGeneration: generation, conditions: [], startMode: null, startSteps: [], startedAt: null }), phase: 'Failed' as const, reason: 'HostLost', message,
      conditions: (before?.conditions ?? []).map((one) => (one.type === 'Ready' ? { ...one, status: 'False' as const, reason: 'HostLost' } : one)), containers: (before?.containers ?? []).map((status) => ended(status, now)),
    }
  })
  for (let i = 0; i < documents.length; i += batch) await storeFailures(tx, host.id, documents.slice(i, i + batch))
  await recordEvents(tx, running.map(({ uid, tenantId, namespace, name }) => ({ tenantId, objectUid: uid, objectKind: 'Pod', objectNamespace: namespace, objectName: name, type: 'Warning', reason: 'HostLost', message, source: 'controller' })))
  return running.length
}

/** Reports that take the place of what the host said, in one statement. */
const storeFailures = (tx: Transaction, hostId: string, documents: readonly { uid: string }[]) => tx.$executeRaw`
  insert into "PodReport" ("podUid", "hostId", "bootId", "sequence", "phase", "document")
  select (g."document" ->> 'uid')::uuid, ${hostId}::uuid, ${noBoot}::uuid, 1, 'Failed', g."document" from jsonb_array_elements(${JSON.stringify(documents)}::jsonb) as g("document")
  on conflict ("podUid") do update set "bootId" = excluded."bootId", "sequence" = excluded."sequence", "phase" = excluded."phase", "document" = excluded."document", "updatedAt" = now()`

/** How many volumes it keeps, or has on its disk. */
export const countVolumesOf = (tx: Transaction, id: string): Promise<number> => tx.volume.count({ where: { OR: [{ hostId: id }, { homeHostId: id }] } })

/** How many volumes lie on its disk, and how many others it keeps, of stores that other hosts reach. */
export async function countVolumesByPlace(db: Database, id: string): Promise<{ onDisk: number; kept: number }> {
  const [onDisk, kept] = await Promise.all([db.volume.count({ where: { homeHostId: id } }), db.volume.count({ where: { hostId: id, homeHostId: null } })])
  return { onDisk, kept }
}
