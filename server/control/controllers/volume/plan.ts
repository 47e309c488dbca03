import { mayFollow, type AttachmentPhase } from '@/domain/volume/attachment'
import { maxAttachmentsPerVolume } from '@/domain/volume/limits'
import { judge, type Verdict } from './verdicts'
import { View, type Candidate } from './view'
import type { World, WorldAttachment, WorldFence, WorldHost } from './world'

/** The keeper's right to open, given to a host under a new fencing number. `home`: the host on whose disk the volume lies from now on; null: nothing is said of that. */
type Right = { hostId: string; epoch: number; fence: WorldFence | null; home: string | null }
/**
 * Changes of rows. What is said of an attachment is written only where its phase is still `was`; what is said of the volume only where its keeper, its fencing number and whether it leaves, is deleted,
 * purged or brought back are as they were read, in one transaction that has locked its row.
 */
export type Action =
  | { kind: 'createAttachment'; podUid: string; readOnly: boolean }
  | { kind: 'dropAttachment' | 'detach' | 'lose'; uid: string; was: AttachmentPhase }
  /** Waiting → Attaching. With `right` it writes, and its host keeps the volume; without, it reads under the present fencing number. */
  | { kind: 'bind'; uid: string; hostId: string; epoch: number; right: Right | null }
  /** A host keeps it though nobody has it: for work, or to shut out the one before. */
  | { kind: 'keep'; right: Right }
  | { kind: 'leave' }
  | { kind: 'beginPurge' }
  | { kind: 'remove' }
export type VolumePlan = { actions: Action[]; verdicts: Verdict[] }

/**
 * What has to change so that those pods have a volume that may, and never two that write. The right to open it is its row's `hostId` under `epoch`: it goes to another host only once the one before has
 * said that it let go, or under a fence, or where an operator said that the one before runs nothing any more. Time alone takes it from nobody. Pure; done again, it changes nothing.
 */
export function planVolume(world: World): VolumePlan {
  const view = new View(world)
  return { actions: [...wishes(view), ...world.attachments.flatMap((one) => planAttachment(view, one)), ...planRight(view)], verdicts: judge(view) }
}

/** A pod that has a host asks for each volume that its spec names; so many as a host can be told of have one. */
function wishes({ world, volume, unasked }: View): Action[] {
  if (volume.deleted) return []
  return unasked.slice(0, Math.max(0, maxAttachmentsPerVolume - world.attachments.length)).map(({ uid, readOnly }) => ({ kind: 'createAttachment', podUid: uid, readOnly }))
}

/** That it is lost comes before it goes, for from `Attaching` on its host may have the image open. */
function planAttachment(view: View, one: WorldAttachment): Action[] {
  const { uid, phase: was, hostId } = one
  const over = view.isOver(one)
  if (was === 'Waiting' || hostId === null) return over || view.volume.purging ? [{ kind: 'dropAttachment', uid, was }] : []
  if (view.isDeclared(hostId) || isShutOut(view, one) || (one.readOnly && view.isSilent(hostId))) return [mayFollow(was, 'Gone') ? { kind: 'dropAttachment', uid, was } : { kind: 'lose', uid, was }]
  if (view.isSilent(hostId)) return was === 'Lost' ? [] : [{ kind: 'lose', uid, was }]
  // A host that is back says of a right that failed neither that it has it nor that it has it no more: told without it, it says so.
  return over && was !== 'Detaching' ? [{ kind: 'detach', uid, was }] : []
}

/** A keeper has shut out whoever had it so far: it can write no more, whatever its host does. */
const isShutOut = ({ canFence, volume }: View, { readOnly, epoch }: WorldAttachment): boolean => canFence && !readOnly && epoch !== null && epoch < volume.fencedBelow

/** At most one change of the right to open it. */
function planRight(view: View): Action[] {
  const { volume, active, next, isOpenable } = view
  if (volume.purging) return planPurge(view)
  if (volume.due && active.length === 0) return [{ kind: 'beginPurge' }]
  const isGivable = next !== undefined && isOpenable && !volume.deleted
  const isKeptFirst = isGivable && isFirstReader(view, next)
  if (isGivable && !isKeptFirst) return give(view, next)
  if (active.length > 0) return []
  if (isKeptFirst) return view.isKeptInVain ? leave(view) : keepForWork(view, [next.host])
  if (volume.work) return view.isKeptInVain ? leave(view) : keepForWork(view)
  return !view.isLocal && volume.idle && volume.hostId !== null && !volume.leaving && !view.isSilent(volume.hostId) ? [{ kind: 'leave' }] : []
}

/**
 * It only reads, what somebody has to make first: its own host does, whose disk it may be. That keeps it also where it is made and nobody does: snapshots of it are taken and removed while pods read it, and in Ceph
 * whoever begins to keep it shuts out all who have it open. A keeper that is silent does nothing of that: where another host may keep it, that does from the first reader on.
 */
const isFirstReader = (view: View, { attachment }: Candidate): boolean => isReader(view.volume.accessMode, attachment) && (view.volume.stored !== 'Ready' || (view.active.length === 0 && (view.volume.hostId === null || isTakeable(view, view.volume.hostId))))
const isReader = (accessMode: string, { readOnly }: WorldAttachment): boolean => readOnly && accessMode === 'ReadOnlyMany'

function give(view: View, { attachment, host }: Candidate): Action[] {
  const { volume } = view
  const inWay = view.inWayOf(attachment)
  if (!inWay.every(view.isStranded)) return []
  if (isReader(volume.accessMode, attachment)) return inWay.length > 0 || view.isFencePending ? [] : (beforeReaders(view) ?? [{ kind: 'bind', uid: attachment.uid, hostId: host.id, epoch: volume.epoch, right: null }])
  if (volume.hostId !== null && volume.hostId !== host.id) return inWay.length > 0 || view.isSilent(volume.hostId) ? takeOver(view, host) : leave(view)
  const right = rightOf(view, host)
  return inWay.length > 0 ? [] : [{ kind: 'bind', uid: attachment.uid, hostId: host.id, epoch: right.epoch, right }]
}

/** Who was to be shut out before, and is not, still has to be. */
const rightOf = (view: View, { id }: WorldHost): Right => ({ hostId: id, epoch: view.volume.epoch + 1, fence: view.isFencePending ? view.volume.fence : null, home: view.isLocal ? id : null })
/**
 * A keeper that was told to let go does so first, and the next one keeps it. Of one that is silent nobody knows when: it stays the keeper, for nobody else would become it while pods read. Under the next number, so that
 * what it may have said of the one before counts no more. Null: nothing comes before them.
 */
function beforeReaders(view: View): Action[] | null {
  const { volume: { hostId, leaving }, active } = view
  if (!leaving || hostId === null || active.length > 0) return null
  const keeper = view.host(hostId)
  return keeper && view.isSilent(hostId) ? [{ kind: 'keep', right: rightOf(view, keeper) }] : []
}
const leave = ({ volume }: View): Action[] => (volume.leaving ? [] : [{ kind: 'leave' }])

/** From a keeper that is silent: where the next one can shut it out; or where all hosts see the store, and an operator said that it runs nothing any more. */
function takeOver(view: View, host: WorldHost): Action[] {
  const { hostId, epoch } = view.volume
  if (hostId === null || !isTakeable(view, hostId)) return []
  return [{ kind: 'keep', right: view.canFence ? { ...rightOf(view, host), fence: { hostId, epoch } } : rightOf(view, host) }]
}
const isTakeable = ({ canFence, isLocal, isSilent, isDeclared }: View, keeper: string): boolean => isSilent(keeper) && (canFence || (!isLocal && isDeclared(keeper)))

/** Where most room is if it will lie on that host's disk for ever; else the one with the fewest volumes; then by name, so that the same world gives the same plan. */
function keepForWork(view: View, hosts = view.world.hosts): Action[] {
  const { volume } = view
  if (volume.hostId !== null && !view.isSilent(volume.hostId)) return []
  const hasNoHome = view.isLocal && volume.homeHostId === null
  const less = (a: WorldHost, b: WorldHost) => (hasNoHome ? (b.freeBytes ?? 0) - (a.freeBytes ?? 0) : 0) || a.kept - b.kept || (a.name < b.name ? -1 : 1)
  const [host] = hosts.filter((one) => view.canKeep(one) && view.hasRoom(one)).sort(less)
  if (!host) return []
  return volume.hostId === null ? [{ kind: 'keep', right: rightOf(view, host) }] : takeOver(view, host)
}

function planPurge(view: View): Action[] {
  const { volume, world } = view
  if (world.attachments.length > 0) return []
  const isNowhere = volume.epoch === 0 || volume.stored === 'Purged'
  const isWithItsHost = view.isLocal && volume.homeHostId !== null && view.isDeclared(volume.homeHostId)
  if (isNowhere || isWithItsHost) return [{ kind: 'remove' }]
  return view.isKeptInVain ? leave(view) : keepForWork(view)
}
