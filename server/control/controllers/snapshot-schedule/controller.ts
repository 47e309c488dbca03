import { randomUUID } from 'node:crypto'
import { expiredOf, nextRuns, spreadKey } from '@/domain/snapshot-schedule/due'
import type { SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { readStoredSchedule, unreadableWords } from '@/domain/snapshot-schedule/stored'
import { crowdWords } from '@/domain/snapshot-schedule/together'
import { comingRefusal, consistencyRefusal, groupNames, leftOut, notFrozen, snapshotQuotaRefusal, snapshotRefusal } from '@/domain/volume-snapshot/admission'
import { maxScheduledVolumes } from '@/domain/volume/limits'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordOwnAudit } from '@/server/store/records'
import { recordEvent } from '@/server/store/reports'
import { holdSchedule, listDueSchedules, setScheduleRun, volumesWaitingForSchedule } from '@/server/store/schedule-runs'
import { crowdsOf } from '@/server/store/schedule-crowds'
import { findTakenBySchedule, takenBySchedule, volumesOfSchedule } from '@/server/store/snapshot-schedules'
import { holdVolumes, readSubjects, type Subject } from '@/server/store/snapshot-subjects'
import { findNeederOf, insertSnapshots, markVolumeSnapshotDeleted, takenSnapshotNames } from '@/server/store/volume-snapshots'
import { readVolumeUse, type VolumeQuotas } from '@/server/store/volumes'
import type { Controller, ControlContext } from '../../runtime/controller'

export type ScheduleOptions = { quotas: VolumeQuotas }

/**
 * Keys are schedules that are due, and `snapshot:<uid>`: one that was just taken, after which an older one may go. What was missed is run once; what could not be taken is told, and is not tried again
 * before the next time.
 */
export const createScheduleController = (options: ScheduleOptions): Controller => ({
  name: 'snapshot-schedules',
  workers: 1,
  resyncSeconds: 15,
  keysOf: ({ kind, action, uid }) => (kind === 'VolumeSnapshot' && action === 'modified' ? [`${snapshotKey}${uid}`] : []),
  allKeys: ({ db }) => listDueSchedules(db),
  reconcile: ({ db }, key) => (key.startsWith(snapshotKey) ? dropAfter(db, key.slice(snapshotKey.length)) : runSchedule(db, key, options)),
})
const snapshotKey = 'snapshot:'

/**
 * Deletes what no rule keeps of a volume of which a schedule has just taken a snapshot: what goes is gone by the next run, also where the volume has as many as its store keeps. Where nobody comes to it
 * the next run does it.
 */
async function dropAfter(db: ControlContext['db'], snapshotUid: string): Promise<void> {
  const taken = await findTakenBySchedule(db, snapshotUid)
  if (!taken) return
  await inTransaction(db, async (tx) => {
    const held = await holdSchedule(tx, taken.scheduleUid)
    if (!held) return
    const { row, now } = held
    const { spec } = readStoredSchedule(row.spec)
    if (!spec) return
    const schedule = { uid: row.uid, tenantId: row.tenantId, name: row.name, spec, now }
    if (taken.reason === notFrozen && row.lastAt !== null && taken.createdAt >= row.lastAt) await addProblem(tx, row, `the snapshot "${taken.name}" is not FilesystemConsistent, as it says`)
    if (!schedule.spec.suspended) await tell(tx, schedule, { taken: [], dropped: await dropExpired(tx, schedule, taken.volumeUid), problems: [], crowds: [] })
  }, { repeatable: true })
}

/** To what its last run came to, once. */
async function addProblem(tx: Transaction, { uid, lastMessage, nextAt }: { uid: string; lastMessage: string; nextAt: Date | null }, problem: string): Promise<void> {
  const more = said([problem])
  if (!lastMessage.includes(more)) await setScheduleRun(tx, uid, { nextAt, lastMessage: `${lastMessage} ${more}`.trim().slice(0, longestMessage) })
}
const longestMessage = 2000

type Schedule = { uid: string; tenantId: string; name: string; spec: SnapshotScheduleSpec; now: Date }
/** What a run did: names of snapshots that it asked for and deleted, and why others could not be taken. `crowds`: of which volumes it and others keep more than a store does. */
type Run = { taken: string[]; dropped: string[]; problems: string[]; crowds: string[] }

/** Runs a schedule once, if it is due. */
export async function runSchedule(db: ControlContext['db'], uid: string, { quotas }: ScheduleOptions): Promise<void> {
  await inTransaction(db, async (tx) => {
    const held = await holdSchedule(tx, uid)
    if (!held) return
    const { row, now } = held
    const { spec, problem } = readStoredSchedule(row.spec)
    if (!spec) return tellUnreadable(tx, row, problem)
    const nextAt = nextRuns(spec, spreadKey(row.tenantId, row.name), now, 1)[0] ?? null
    if (spec.suspended || row.nextAt === null) return void (await setScheduleRun(tx, uid, { nextAt }))
    if (row.nextAt > now) return
    const schedule = { uid, tenantId: row.tenantId, name: row.name, spec, now }
    const dropped = await dropExpired(tx, schedule)
    const { taken, problems } = await takeAll(tx, schedule, quotas)
    const crowds = await crowdsWith(tx, schedule)
    await setScheduleRun(tx, uid, { lastAt: now, nextAt, lastMessage: said([...problems, ...crowds]) })
    await tell(tx, schedule, { taken, dropped, problems, crowds })
  }, { repeatable: true })
}

/** Once, by its last message and an event. It stays due: the version that can read it runs it at once, for what was missed meanwhile. */
async function tellUnreadable(tx: Transaction, { uid, tenantId, name, lastMessage, nextAt }: { uid: string; tenantId: string; name: string; lastMessage: string; nextAt: Date | null }, problem: string): Promise<void> {
  const message = unreadableWords(name, problem)
  if (lastMessage === message) return
  await setScheduleRun(tx, uid, { nextAt, lastMessage: message })
  await recordEvent(tx, { tenantId, objectUid: uid, objectKind: 'SnapshotSchedule', objectNamespace: null, objectName: name, type: 'Warning', reason: 'Unreadable', message, source: 'snapshots' })
}

/** Three of them, for one line. */
const said = (problems: readonly string[]): string => problems.slice(0, 3).map((problem) => `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`).join(' ') + (problems.length > 3 ? ` And ${problems.length - 3} more.` : '')

async function tell(tx: Transaction, { uid, tenantId, name }: Schedule, { taken, dropped, problems, crowds }: Run): Promise<void> {
  if (taken.length + dropped.length > 0) await recordOwnAudit(tx, { tenantId, action: 'snapshotSchedule.run', kind: 'SnapshotSchedule', name, detail: [...(taken.length > 0 ? [`takes ${taken.length}`] : []), ...(dropped.length > 0 ? [`deletes ${dropped.slice(0, 5).join(', ')}${dropped.length > 5 ? ` and ${dropped.length - 5} more` : ''}`] : [])].join(', ') })
  const warn = (reason: string, message: string) => recordEvent(tx, { tenantId, objectUid: uid, objectKind: 'SnapshotSchedule', objectNamespace: null, objectName: name, type: 'Warning', reason, message, source: 'snapshots' })
  if (problems.length > 0) await warn('SnapshotsNotTaken', said(problems))
  if (crowds.length > 0) await warn('TooManyKept', said(crowds))
}

/** Deletes what no rule keeps any more, of each volume for itself; what a volume needs just now stays until the next time. Nothing but its own is ever deleted. */
async function dropExpired(tx: Transaction, { uid, spec }: Schedule, ofVolume?: string): Promise<string[]> {
  const taken = await takenBySchedule(tx, uid, ofVolume)
  const gone = expiredOf(taken, spec)
  const dropped: string[] = []
  for (const one of taken) {
    if (!gone.has(one.uid) || (await findNeederOf(tx, one.uid))) continue
    await markVolumeSnapshotDeleted(tx, one.uid)
    dropped.push(one.name)
  }
  return dropped
}

/** Asks for one of each volume; of a pod's all at one instant, or none: but one that its host does not attach until somebody does something ends no backups of the others. */
async function takeAll(tx: Transaction, schedule: Schedule, quotas: VolumeQuotas): Promise<Pick<Run, 'taken' | 'problems'>> {
  const { spec, tenantId } = schedule
  const { uids, missing, left, coming } = await volumesOfSchedule(tx, { tenantId }, spec.volumes)
  await holdVolumes(tx, uids)
  const subjects = await readSubjects(tx, uids)
  const waiting = await volumesWaitingForSchedule(tx, schedule.uid)
  const refusals = subjects.map((subject) => (waiting.has(subject.uid) ? `the last snapshot of the volume "${subject.name}" is not taken yet` : snapshotRefusal(subject)))
  const problems = [...missing.map((name) => (spec.volumes.pod ? `there is no pod "${name}" in namespace "${spec.volumes.pod.namespace}"` : `there is no volume "${name}"`)), ...(left ? [`its labels mean more than ${maxScheduledVolumes} volumes, of which it takes the first by name: part them among several schedules`] : []), ...coming.filter(({ refused }) => refused !== null).map(leftOut), ...refusals.flatMap((refusal) => refusal ?? [])]
  const takable = subjects.filter((_, i) => refusals[i] === null)
  const away = comingRefusal(coming.filter(({ refused }) => refused === null))
  if (away !== null) return { taken: [], problems: [away, ...problems] }
  if (takable.length === 0 || (spec.volumes.pod && takable.length < subjects.length)) return { taken: [], problems: problems.length > 0 ? problems : ['no volume is meant by it now'] }
  const { used, limits } = await readVolumeUse(tx, { tenantId }, quotas)
  const tooMany = snapshotQuotaRefusal(used, limits, takable.length)
  if (tooMany !== null) return { taken: [], problems: [...problems, tooMany.replace(/\.$/, '')] }
  return { taken: await ask(tx, schedule, takable), problems }
}

/** Of volumes that came to be meant by several schedules after those were made: told before the store has no room for one more. */
async function crowdsWith(tx: Transaction, { name, tenantId, spec }: Schedule): Promise<string[]> {
  const { uids } = await volumesOfSchedule(tx, { tenantId }, spec.volumes)
  return (await crowdsOf(tx, { tenantId }, uids)).filter(({ schedules }) => schedules.some((one) => one.name === name)).map(crowdWords)
}

async function ask(tx: Transaction, { uid, tenantId, name, spec, now }: Schedule, subjects: readonly Subject[]): Promise<string[]> {
  const groupUid = spec.volumes.pod ? randomUUID() : null
  const stamp = now.toISOString().replace(/\.\d+|[-:]/g, '').toLowerCase()
  const names = groupNames(`${name}-${stamp}`, subjects.map((subject) => subject.name))
  const taken = await takenSnapshotNames(tx, { tenantId }, names)
  const free = subjects.map((subject, i) => ({ subject, name: names[i] ?? '' })).filter((one) => !taken.has(one.name))
  // A block device has no file system that its guest could write out.
  const consistency = (subject: Subject) => (consistencyRefusal([subject], spec.consistency) === null ? spec.consistency : 'CrashConsistent')
  await insertSnapshots(tx, free.map(({ subject, name }) => ({ tenantId, name, labels: {}, annotations: {}, spec: { source: { volumeName: subject.name }, consistency: consistency(subject) }, volumeUid: subject.uid, storeId: subject.storeId, homeHostId: subject.homeHostId, sizeBytes: subject.sizeBytes, groupUid, scheduleUid: uid })))
  return free.map((one) => one.name)
}
