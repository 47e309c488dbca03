import { attachmentPhase } from '@/domain/volume/attachment'
import { storedPhase } from '@/domain/volume/state'
import { podsNaming } from '@/server/store/volume-references'
import { listPodHolds, listVolumeHosts, readClock, readVolumeFacts, type VolumeFacts, type VolumeHostFacts } from '@/server/store/volume-world'
import type { Database } from '@/server/store/database'
import type { World, WorldAttachment, WorldHost, WorldPod, WorldStore, WorldVolume } from './world'

/** What is judged by this process's own steady clock, which no jump of the database's moves. */
export type Judges = {
  /** Which of the hosts are silent for so long that another may be asked to shut them out. */
  lost(hosts: readonly VolumeHostFacts[]): ReadonlySet<string>
  /** Which of the hosts have not reached the store for so long that another may be asked to keep what they do there. */
  away(storeId: string, hosts: readonly VolumeHostFacts[]): ReadonlySet<string>
  /** Whether the time that a deletion was given is over, of the database's clock as it was read. */
  isOver(purgeAt: Date | null, now: Date): boolean
  /** Whether a volume that has nothing to do has had nothing to do for as long as it keeps its keeper. */
  isIdle(uid: string, busy: boolean): boolean
}
/** `generation`: of the volume, for what is told of it. `names`: what pods call it in their specs, by their uids. */
export type Read = { world: World; generation: number; names: ReadonlyMap<string, string> }

/** All that decides of a volume; null where it is gone. */
export async function readWorld(db: Database, uid: string, judges: Judges): Promise<Read | null> {
  const facts = await readVolumeFacts(db, uid)
  if (!facts) return null
  const { pods, names } = await readPods(db, facts)
  const work = hasWork(facts)
  const ids = [facts.hostId, facts.homeHostId, facts.fence?.hostId ?? null, ...facts.attachments.map(({ hostId }) => hostId), ...pods.map(({ hostId }) => hostId)].filter((id) => id !== null)
  const hosts = await listVolumeHosts(db, facts.storeId, [...new Set(ids)], work || facts.purging)
  const [lost, away] = [judges.lost(hosts), judges.away(facts.storeId, hosts)]
  const volume = toVolume(facts, { work, due: judges.isOver(facts.purgeAt, await readClock(db)), idle: judges.isIdle(uid, work || facts.purging || facts.hostId === null || facts.attachments.length > 0) })
  return { world: { volume, attachments: facts.attachments.map(toAttachment), pods, hosts: hosts.map((host) => toHost(host, { lost, away })) }, generation: facts.generation, names }
}

function toHost({ id, name, phase, declared, reaches, kept, freeBytes }: VolumeHostFacts, { lost, away }: Record<'lost' | 'away', ReadonlySet<string>>): WorldHost {
  return { id, name, ready: phase === 'Ready' && !declared, lost: declared || lost.has(id), declared, reaches, away: away.has(id), kept, freeBytes }
}

export const storeOf = (store: VolumeFacts['store']): WorldStore => (store.kind === 'rbd' ? { kind: 'rbd' } : { kind: 'file', shared: store.shared })

function toVolume(facts: VolumeFacts, judged: { work: boolean; due: boolean; idle: boolean }): WorldVolume {
  const { uid, name, hostId, leaving, purging, homeHostId, revertTo, fence, spec, sourceSays } = facts
  const stored = storedPhase.catch('Absent').parse(facts.storedPhase)
  return {
    uid, name, hostId, leaving, purging, homeHostId, revertTo, fence, stored, ...judged,
    store: storeOf(facts.store), accessMode: spec.accessMode, epoch: Number(facts.epoch), fencedBelow: Number(facts.fencedBelow), deleted: facts.deletedAt !== null, purgeAt: facts.purgeAt?.getTime() ?? null,
    problem: stored === 'Failed' ? facts.problem || 'It could not be made.' : '', source: sourceOf(facts), sourceSays, trouble: hostId !== null && (purging || stored !== 'Failed') ? facts.trouble : null, growing: isGrowing(facts), newBytes: stored === 'Absent' && homeHostId === null ? Number(facts.sizeBytes) : 0,
  }
}

/**
 * Whether a keeper is needed though no pod asks. A volume with nothing on it is made where its first pod comes, unless its class says at once; one that is made of something is made at once, so that what it is
 * made of need not be kept for it.
 */
function hasWork(facts: VolumeFacts): boolean {
  const stored = storedPhase.catch('Absent').parse(facts.storedPhase)
  if (stored === 'Purged') return false
  // In its grace nothing is done with it, but its snapshots are, for they outlive it.
  if (facts.deletedAt !== null) return stored === 'Ready' && facts.hasSnapshotWork
  // What was made once may be there again: its keeper looks from time to time.
  if (stored === 'Failed') return facts.storedSizeBytes !== null
  if (stored !== 'Ready') return sourceOf(facts) === 'Ready' && (stored === 'Creating' || facts.class.volumeBindingMode === 'Immediate' || facts.sourceSnapshotUid !== null || facts.sourceUploadId !== null)
  return facts.revertTo !== null || facts.hasSnapshotWork || isGrowing(facts) || (facts.isClone && facts.class.flattenClones)
}

const isGrowing = ({ storedSizeBytes, sizeBytes }: VolumeFacts): boolean => storedSizeBytes !== null && storedSizeBytes < sizeBytes

function sourceOf({ sourceSnapshotUid, sourcePhase }: VolumeFacts): WorldVolume['source'] {
  if (sourceSnapshotUid === null || sourcePhase === 'Ready' || sourcePhase === 'Deleting') return 'Ready'
  return sourcePhase === 'Failed' || sourcePhase === null ? 'Failed' : 'Pending'
}

function toAttachment({ uid, podUid, hostId, epoch, readOnly, phase, wanted, reason, message }: VolumeFacts['attachments'][number]): WorldAttachment {
  return { uid, podUid, hostId, epoch: epoch === null ? null : Number(epoch), readOnly, phase: attachmentPhase.parse(phase), wanted, problem: phase === 'Attaching' && reason !== '' ? message || reason : '' }
}

/** The pods that name it or have it. One that is deleted has it until its containers have ended, and is given nothing any more. */
async function readPods(db: Database, facts: VolumeFacts): Promise<{ pods: WorldPod[]; names: Map<string, string> }> {
  const naming = new Map((await podsNaming(db, facts)).map((pod) => [pod.uid, pod.volumes.find(({ problem }) => problem === null)]))
  const active = new Set(facts.attachments.filter(({ phase }) => phase !== 'Waiting').map(({ podUid }) => podUid))
  const holds = await listPodHolds(db, [...new Set([...naming.keys(), ...facts.attachments.map(({ podUid }) => podUid)])])
  const order = [...naming.keys()]
  const pods = holds.map(({ uid, namespace, name, hostId, ended, deleting }): WorldPod => {
    const use = naming.get(uid)
    return { uid, namespace, name, hostId, holds: !ended && (!deleting || active.has(uid)), names: use !== undefined && !deleting, readOnly: use?.readOnly ?? false }
  })
  return { pods: pods.sort((a, b) => order.indexOf(a.uid) - order.indexOf(b.uid)), names: new Map([...naming].flatMap(([uid, use]) => (use ? [[uid, use.name] as const] : []))) }
}
