import { randomUUID } from 'node:crypto'
import { nextRun } from '@/domain/snapshot-schedule/due'
import { maxSnapshotGroup } from '@/domain/volume/limits'
import type { DatabaseClient, Transaction } from '@/server/store/database'
import { recordEvent } from '@/server/store/reports'
import { findScheduleOf, holdSchedule, listDueSchedules, listPendingOf, recordRun } from '@/server/store/schedule-runs'
import { takenBySchedule, volumesOfSchedule } from '@/server/store/snapshot-schedules'
import { holdVolumes, readSubjects } from '@/server/store/snapshot-subjects'
import { insertSnapshots, markVolumeSnapshotDeleted, takenSnapshotNames } from '@/server/store/volume-snapshots'
import { readVolumeUse, type VolumeQuotas } from '@/server/store/volumes'
import type { Controller } from '../../../runtime/controller'
import { inBriefTransaction } from '../../external/brief-transaction'
import { dropped, planRun } from './plan'

/** Keys are `schedule:<uid>`, of one whose time has come; `taken:<snapshot>` has what its schedule keeps no more deleted. */
export function createScheduleController({ quotas }: { quotas: VolumeQuotas }): Controller {
  return {
    name: 'snapshot-schedules',
    workers: 2,
    resyncSeconds: 15,
    keysOf: ({ kind, action, uid }) => (kind === 'VolumeSnapshot' && action === 'modified' ? [`taken:${uid}`] : kind === 'SnapshotSchedule' && action !== 'deleted' ? [`schedule:${uid}`] : []),
    allKeys: async ({ db }) => (await listDueSchedules(db)).map((uid) => `schedule:${uid}`),
    reconcile: async ({ db }, key) => {
      const at = key.indexOf(':')
      const [kind, id] = [key.slice(0, at), key.slice(at + 1)]
      const uid = kind === 'taken' ? await findScheduleOf(db, id) : id
      if (uid !== null) await runSchedule(db, uid, quotas)
    },
  }
}

type Schedule = NonNullable<Awaited<ReturnType<typeof holdSchedule>>>

/** Takes what is due, and lets go of what is kept no more. */
export function runSchedule(db: DatabaseClient, uid: string, quotas: VolumeQuotas): Promise<void> {
  return inBriefTransaction(db, async (tx) => {
    const schedule = await holdSchedule(tx, uid)
    if (!schedule) return
    if (schedule.isDue && !schedule.spec.suspended) await takeDue(tx, schedule, quotas)
    for (const snapshot of dropped(await takenBySchedule(tx, uid), schedule.spec.keep)) await markVolumeSnapshotDeleted(tx, snapshot)
  }, { repeatable: true })
}

async function takeDue(tx: Transaction, schedule: Schedule, quotas: VolumeQuotas): Promise<void> {
  const { uid, name, spec, now, tenantId } = schedule
  const { uids, missing } = await volumesOfSchedule(tx, schedule, spec.volumes, maxSnapshotGroup)
  await holdVolumes(tx, uids)
  const pending = await listPendingOf(tx, uid, uids)
  const subjects = await readSubjects(tx, uids)
  const { used, limits } = await readVolumeUse(tx, schedule, quotas)
  const run = planRun({ name, spec, at: now, missing, volumes: subjects.map((one) => ({ ...one, pending: pending.has(one.uid) })), quota: { used: used.snapshots, limit: limits.snapshots } })
  const taken = await takenSnapshotNames(tx, schedule, run.take.map((one) => one.name))
  const groupUid = run.isGroup ? randomUUID() : null
  const rows = run.take.flatMap(({ uid: volumeUid, name: called }) => {
    const subject = subjects.find((one) => one.uid === volumeUid)
    if (!subject) return []
    const { storeId, homeHostId, sizeBytes } = subject
    return [{ tenantId, name: taken.has(called) ? `${called.slice(0, 244)}-${randomUUID().slice(0, 8)}` : called, labels: {}, annotations: {}, spec: { source: { volumeName: subject.name }, consistency: spec.consistency }, volumeUid, storeId, homeHostId, sizeBytes, groupUid, scheduleUid: uid }]
  })
  if (rows.length > 0) await insertSnapshots(tx, rows)
  await recordRun(tx, uid, { lastAt: now, nextAt: nextRun(spec, now), lastMessage: run.message })
  if (run.message !== '') await recordEvent(tx, { tenantId, objectUid: uid, objectKind: 'SnapshotSchedule', objectNamespace: null, objectName: name, type: 'Warning', reason: 'SnapshotMissed', message: run.message, source: 'volume' })
}
