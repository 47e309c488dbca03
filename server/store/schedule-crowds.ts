import { labels } from '@/domain/shared/names'
import { crowdOf, type Crowd, type NamedSchedule } from '@/domain/snapshot-schedule/together'
import { readStoredSchedule } from '@/domain/snapshot-schedule/stored'
import { maxSnapshotsOf } from '@/domain/volume/limits'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

/**
 * Of which of these volumes, by name, the tenant's schedules keep more than their stores do. `changed`: a schedule as it would be, in place of the one of its name. One that cannot be read (its time
 * zone is none that this process knows, say) fails in its own runs alone, and is not counted here.
 */
export async function crowdsOf(db: Database, scope: Pick<Scope, 'tenantId'>, uids: readonly string[], changed?: NamedSchedule): Promise<Crowd[]> {
  if (uids.length === 0) return []
  const rows = await db.snapshotSchedule.findMany({ where: { tenantId: scope.tenantId }, select: { name: true, spec: true }, orderBy: { name: 'asc' } })
  const others = rows.filter(({ name }) => name !== changed?.name).flatMap(({ name, ...row }): NamedSchedule[] => {
    const { spec } = readStoredSchedule(row.spec)
    return spec ? [{ name, spec }] : []
  })
  const schedules = changed ? [changed, ...others] : others
  return (await readMeantVolumes(db, scope, uids)).flatMap((volume) => crowdOf(volume, schedules) ?? [])
}

/** Where a pod is getting a volume, or is on a host that is silent, its schedules mean it, too. */
async function readMeantVolumes(db: Database, scope: Pick<Scope, 'tenantId'>, uids: readonly string[]) {
  const rows = await db.volume.findMany({ where: { tenantId: scope.tenantId, uid: { in: [...uids] } }, select: { name: true, labels: true, store: { select: { spec: true } }, attachments: { where: { phase: { in: ['Attaching', 'Attached', 'Lost'] } }, select: { podUid: true } } }, orderBy: { name: 'asc' } })
  const pods = await db.pod.findMany({ where: { tenantId: scope.tenantId, uid: { in: rows.flatMap(({ attachments }) => attachments.map(({ podUid }) => podUid)) } }, select: { uid: true, namespace: true, name: true } })
  const podOf = new Map(pods.map((pod) => [pod.uid, pod]))
  return rows.map((row) => ({ name: row.name, labels: labels.parse(row.labels), most: maxSnapshotsOf(volumeStoreSpec.parse(row.store.spec).kind), pods: row.attachments.flatMap(({ podUid }) => podOf.get(podUid) ?? []) }))
}
