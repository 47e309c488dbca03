import { mostKept } from '@/domain/snapshot-schedule/due'
import { crowdSize, crowdWords } from '@/domain/snapshot-schedule/together'
import type { SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { maxSnapshotsOf } from '@/domain/volume/limits'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import { crowdsOf } from '@/server/store/schedule-crowds'
import { readSubjects } from '@/server/store/snapshot-subjects'
import { volumesOfSchedule } from '@/server/store/snapshot-schedules'
import { refusedAt } from '../networks/object-lists'

/**
 * Refuses to keep more than a store does of one volume, where one of those that are meant now lies in such a store: this schedule alone, or with the others that take the volume. One that is full
 * would take none any more. Volumes that it does not know yet may come later: its runs say so then. `before`: what it was; what was too much already may become less.
 */
export async function checkKeep(tx: Transaction, scope: Scope, name: string, spec: SnapshotScheduleSpec, before: SnapshotScheduleSpec | null): Promise<void> {
  const most = mostKept(spec.keep)
  const { uids } = await volumesOfSchedule(tx, scope, spec.volumes)
  const tooSmall = (await readSubjects(tx, uids)).find(({ store }) => most >= maxSnapshotsOf(store))
  if (tooSmall) throw refusedAt('spec.keep', `keeps up to ${most} of a volume, and the store of the volume "${tooSmall.name}" keeps ${maxSnapshotsOf(tooSmall.store)} of one: keep ${maxSnapshotsOf(tooSmall.store) - 1} at most, for one is taken before another one goes`)
  const crowds = await crowdsOf(tx, scope, uids, { name, spec })
  const earlier = crowds.length > 0 && before ? await crowdsOf(tx, scope, uids, { name, spec: before }) : []
  const sizes = new Map(earlier.map((crowd) => [crowd.volume, crowdSize(crowd)]))
  const worse = crowds.find((crowd) => crowd.schedules.some((one) => one.name === name) && crowdSize(crowd) > (sizes.get(crowd.volume) ?? 0))
  if (worse) throw refusedAt('spec.keep', crowdWords(worse))
}
