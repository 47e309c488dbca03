import { mayFollow, type AttachmentPhase } from '@/domain/volume/attachment'
import type { Action } from './plan'
import type { WorldAttachment, WorldFence, WorldStore, WorldVolume } from './world'

/** A volume's row as it is now that nobody else changes it. */
export type LockedVolume = Pick<WorldVolume, 'epoch' | 'hostId' | 'leaving' | 'deleted' | 'purgeAt' | 'due' | 'purging' | 'revertTo' | 'homeHostId' | 'accessMode'> & { store: WorldStore }
/** The rows of one volume, held until what is decided is written. `declared`: its keeper is a host of which an operator has said that nothing runs there. */
export type Locked = { volume: LockedVolume; attachments: readonly Pick<WorldAttachment, 'uid' | 'podUid' | 'phase' | 'readOnly'>[]; declared: boolean }

/** A change of one row. What is left out stays. */
export type Write =
  | { kind: 'createAttachment'; podUid: string; readOnly: boolean }
  | { kind: 'setAttachment'; uid: string; phase: AttachmentPhase; hostId?: string; epoch?: number }
  | { kind: 'removeAttachment'; uid: string }
  | { kind: 'setVolume'; hostId?: string; epoch?: number; leaving?: boolean; purging?: true; fence?: WorldFence | null; homeHostId?: string }
  | { kind: 'removeVolume' }

/**
 * What of a plan is still right to be written, now that the rows are held: an action whose ground has changed since it was planned is left out, and planned anew. `from`: the volume as the plan saw it.
 * Pure: the model test and the controller decide by this alone.
 */
export function decide(actions: readonly Action[], from: LockedVolume, now: Locked): Write[] {
  return actions.flatMap((action) => decideOne(action, from, now))
}

function decideOne(action: Action, from: LockedVolume, now: Locked): Write[] {
  const { volume, attachments } = now
  switch (action.kind) {
    case 'createAttachment':
      return volume.deleted || attachments.some(({ podUid }) => podUid === action.podUid) ? [] : [{ kind: 'createAttachment', podUid: action.podUid, readOnly: action.readOnly }]
    case 'detach':
    case 'lose':
    case 'dropAttachment':
      return ofAttachment(action, now)
    case 'bind':
      return isAsPlanned(from, volume) ? bind(action, now) : []
    case 'keep':
      return isAsPlanned(from, volume) && mayGo(action.right, now) ? [give(action.right, volume)] : []
    case 'leave':
      return isAsPlanned(from, volume) ? [{ kind: 'setVolume', leaving: true }] : []
    case 'beginPurge':
      return isAsPlanned(from, volume) && volume.due && attachments.every(({ phase }) => phase === 'Waiting') ? [{ kind: 'setVolume', purging: true }] : []
    case 'remove':
      return isAsPlanned(from, volume) && volume.purging && attachments.length === 0 ? [{ kind: 'removeVolume' }] : []
  }
}

/** What the right to open rests on. */
const isAsPlanned = (from: LockedVolume, now: LockedVolume): boolean =>
  now.epoch === from.epoch && now.hostId === from.hostId && now.leaving === from.leaving && now.deleted === from.deleted && now.purgeAt === from.purgeAt && now.purging === from.purging && now.revertTo === from.revertTo

type OfAttachment = Extract<Action, { was: AttachmentPhase }>
function ofAttachment({ kind, uid, was }: OfAttachment, { attachments }: Locked): Write[] {
  const to = kind === 'detach' ? 'Detaching' : kind === 'lose' ? 'Lost' : 'Gone'
  if (!mayFollow(was, to)) throw new Error(`an attachment cannot come from ${was} to ${to}`)
  if (!attachments.some((one) => one.uid === uid && one.phase === was)) return []
  return [to === 'Gone' ? { kind: 'removeAttachment', uid } : { kind: 'setAttachment', uid, phase: to }]
}

type Bind = Extract<Action, { kind: 'bind' }>
/** Nobody else has it, or all who have it read, as this one does. */
function bind({ uid, hostId, epoch, right }: Bind, now: Locked): Write[] {
  const one = now.attachments.find((each) => each.uid === uid && each.phase === 'Waiting')
  const reads = right === null && one?.readOnly === true && now.volume.accessMode === 'ReadOnlyMany'
  const isFree = now.attachments.every(({ phase, readOnly }) => phase === 'Waiting' || (reads && readOnly))
  if (!one || !isFree || (right === null && !reads) || (right !== null && !mayGo(right, now))) return []
  return [{ kind: 'setAttachment', uid, phase: 'Attaching', hostId, epoch }, ...(right ? [give(right, now.volume)] : [])]
}

type Right = NonNullable<Bind['right']>
/** From another host only under a fence that shuts that one out; or, of a folder that all hosts see, where an operator has given that one up. A disk's volume stays there. */
function mayGo({ hostId, epoch, fence }: Right, { volume, declared }: Locked): boolean {
  if (epoch <= volume.epoch) return false
  const isLocal = volume.store.kind === 'file' && !volume.store.shared
  if (isLocal && volume.homeHostId !== null && volume.homeHostId !== hostId) return false
  if (volume.hostId === null || volume.hostId === hostId) return true
  return volume.store.kind === 'rbd' ? fence?.hostId === volume.hostId && fence.epoch === volume.epoch : !isLocal && declared
}
const give = ({ hostId, epoch, fence, home }: Right, volume: LockedVolume): Write => ({ kind: 'setVolume', hostId, epoch, leaving: false, fence, ...(volume.homeHostId === null && home !== null ? { homeHostId: home } : {}) })
