import type { HostVolumeSnapshot, VolumeReport } from '@/contracts/host/v1/volumes'
import type { SnapshotEntry } from '@/host/ledger/volumes'
import type { Problem } from './problem'
import type { FoundSnapshot, SnapshotFacts } from './store'

/** How often a snapshot is tried: for some two minutes; for a day where a volume is to be made of it, which nobody can ask for again without deleting it. */
const [tries, patientTries] = [9, 2_884]

type Phase = Extract<VolumeReport['phase'], 'Creating' | 'Ready' | 'Failed' | 'Purged'>
export type Known = {
  object: HostVolumeSnapshot
  phase: Phase
  problem: Problem | null
  facts: SnapshotFacts | null
  /** As it lay in its store when it was looked for. */
  found: FoundSnapshot | null
  /** What failed of it at one go, whatever that was. */
  failures: number
  /** How often it was tried to take it. */
  tried: number
  notBefore: number
  busy: boolean
  /** Why it is not tried any more: it failed once nothing of it is in its store. */
  givenUp: Problem | null
  /** Its store has said that nothing of it is there, and nothing was begun since. */
  isAbsent: boolean
}

export const begin = (object: HostVolumeSnapshot): Known => ({ object, phase: object.state === 'ready' ? 'Ready' : 'Creating', problem: null, facts: null, found: null, failures: 0, tried: 0, notBefore: 0, busy: false, givenUp: null, isAbsent: false })

export const isTriedEnough = ({ object, tried }: Known): boolean => tried >= (object.patient ? patientTries : tries)

/** Those that are to be taken, with all of their instant that are. `others`: how many of those are taken, and no part of what is to be done. Groups of which one is not named yet, or is to be removed, wait. */
export function groupsToTake(known: Iterable<Known>): { members: Known[]; others: number }[] {
  const groups = new Map<string, { members: Known[]; others: number }>()
  for (const one of known) {
    const { uid, group, state } = one.object
    const of = groups.get(group ?? uid) ?? { members: [], others: 0 }
    if (state === 'asked' && one.phase === 'Creating') of.members.push(one)
    else if (state !== 'remove' && one.phase === 'Ready') of.others += 1
    groups.set(group ?? uid, of)
  }
  return [...groups.values()].filter(({ members, others }) => members.length > 0 && members.length + others === members[0]?.object.groupSize)
}

/** `noted`: what was written down as it was taken. Of one of which nobody has, nobody saw that a guest stood still, and its store says when that was. */
export function reportOf({ object: { uid }, phase, problem, facts, found }: Known, noted: SnapshotEntry | null): VolumeReport {
  return {
    ...{ kind: 'snapshot', uid, epoch: 0, phase, reason: problem?.reason.slice(0, 128) ?? '', message: problem?.message.slice(0, 4096) ?? '' },
    ...(phase === 'Ready' && facts && { sizeBytes: facts.sizeBytes, storedBytes: facts.storedBytes }),
    ...(phase === 'Ready' && { consistency: noted?.consistency ?? 'CrashConsistent' }),
    ...(phase === 'Ready' && found?.takenAt && { takenAt: found.takenAt }),
    ...(phase === 'Ready' && noted && { stallMs: noted.stallMs, takenAt: noted.takenAt, formatted: noted.formatted }),
  }
}
