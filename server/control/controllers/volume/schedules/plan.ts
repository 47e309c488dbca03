import { expired } from '@/domain/snapshot-schedule/due'
import type { Retention, SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { consistencyRefusal, groupNames, snapshotQuotaRefusal, snapshotRefusal, type SnapshotSubject } from '@/domain/volume-snapshot/admission'

/** A volume of a schedule. `pending`: the snapshot of the run before is not taken yet. */
export type ScheduledVolume = SnapshotSubject & { uid: string; pending: boolean }
export type RunFacts = { name: string; spec: SnapshotScheduleSpec; at: Date; volumes: readonly ScheduledVolume[]; missing: readonly string[]; quota: { used: number; limit: number } }
/** What one run takes, by volume, and what is told of what it does not; empty: all was taken. `isGroup`: all of one instant. */
export type Run = { take: { uid: string; name: string }[]; isGroup: boolean; message: string }

/** A run that cannot take something is over with that: it is not made up for. Those of a pod are taken together or not at all. Pure. */
export function planRun({ name, spec, at, volumes, missing, quota }: RunFacts): Run {
  const isGroup = spec.volumes.pod !== undefined
  const reasons = [...missing.map((one) => (isGroup ? `there is no pod "${one}"` : `there is no volume "${one}"`)), ...volumes.flatMap((volume) => refusalOf(volume, spec) ?? [])]
  const apart = isGroup && volumes.length > 0 ? consistencyRefusal(volumes, spec.consistency) : null
  if (apart !== null) reasons.push(`the schedule ${apart}`)
  const able = volumes.filter((volume) => refusalOf(volume, spec) === null)
  const chosen = isGroup && reasons.length > 0 ? [] : able
  if (volumes.length === 0 && reasons.length === 0) reasons.push(isGroup ? 'the pod has no volume now' : 'no volume is meant by it now')
  const refused = chosen.length === 0 ? null : snapshotQuotaRefusal(quota.used, quota.limit, chosen.length)
  const names = groupNames(`${name}-${stampOf(at)}`, chosen.map((volume) => volume.name))
  return { take: refused === null ? chosen.map(({ uid }, i) => ({ uid, name: names[i] ?? '' })) : [], isGroup, message: messageOf(reasons, refused) }
}

function refusalOf(volume: ScheduledVolume, spec: SnapshotScheduleSpec): string | null {
  if (volume.pending) return `the snapshot of the volume "${volume.name}" of the run before is not taken yet`
  const refusal = snapshotRefusal(volume)
  if (refusal !== null || spec.volumes.pod !== undefined) return refusal
  const inconsistent = consistencyRefusal([volume], spec.consistency)
  return inconsistent === null ? null : `the schedule ${inconsistent}`
}

const shown = 3
function messageOf(reasons: readonly string[], refused: string | null): string {
  const more = reasons.length > shown ? [`and ${reasons.length - shown} more`] : []
  const said = reasons.length === 0 ? '' : `Not taken: ${[...reasons.slice(0, shown), ...more].join('; ')}.`
  return [said, refused ?? ''].filter((one) => one !== '').join(' ')
}

/** `20261126-1015`, of UTC. */
const stampOf = (at: Date): string => at.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 13)

/** Which of a schedule's snapshots no rule keeps any more, each volume by itself. Those of volumes that are gone are all that is left of them: they stay until somebody deletes them. */
export function dropped(taken: readonly { uid: string; volumeUid: string | null; takenAt: Date }[], keep: Retention): string[] {
  const volumes = new Set(taken.flatMap(({ volumeUid }) => volumeUid ?? []))
  return [...volumes].flatMap((uid) => expired(taken.filter(({ volumeUid }) => volumeUid === uid), keep))
}
