import { maxAttachmentsPerVolume } from '@/domain/volume/limits'
import type { View } from './view'
import type { WorldAttachment, WorldHost, WorldPod, WorldVolume } from './world'

/** A condition: of the pod with this uid (`VolumesAvailable`), or of the volume where that is null. */
export type Verdict = { podUid: string | null; status: 'True' | 'False' | 'Unknown'; reason: string; message: string }
type Said = Omit<Verdict, 'podUid'>

const no = (reason: string, message: string): Said => ({ status: 'False', reason, message })
const quoted = (host: WorldHost | undefined): string => `host "${host?.name ?? 'that is not registered any more'}"`
const podOf = (pod: WorldPod | undefined): string => (pod ? `pod "${pod.name}" in namespace "${pod.namespace}"` : 'a pod that was given up with its host')

/** What people are told of a volume, and of each pod that wants it: what is so, or what is waited for, and what helps. */
export function judge(view: View): Verdict[] {
  const ofPods = view.world.attachments.filter((one) => !view.isOver(one)).map((one) => ({ podUid: one.podUid, ...ofAttachment(view, one) }))
  const tooMany = view.world.attachments.length < maxAttachmentsPerVolume ? [] : view.unasked.map(({ uid }) => ({ podUid: uid, ...no('TooManyPods', `Volume "${view.volume.name}" is attached to ${maxAttachmentsPerVolume} pods, which is the most: delete one of them, or clone the volume.`) }))
  return [{ podUid: null, ...ofVolume(view) }, ...ofPods, ...tooMany]
}

function ofVolume(view: View): Said {
  const { volume } = view
  if (volume.purging) return purging(view)
  if (volume.deleted) return no('Deleted', view.active.length > 0 ? 'It is deleted, and is removed once no pod has it any more; until its time is over it can be restored.' : 'It is deleted: until its time is over it can be restored.')
  if (volume.stored === 'Failed') return no('Failed', volume.problem)
  const lost = lostKeeper(view)
  if (lost) return lost
  const unreachable = unreachableOf(view)
  if (unreachable) return unreachable
  if (volume.revertTo !== null) return no('Reverting', `It goes back to a snapshot: no pod gets it before that is done.${troubleOf(view)}`)
  if (volume.stored !== 'Ready' && volume.source !== 'Ready') return ofSource(volume)
  if (volume.stored !== 'Ready' && volume.hostId === null && volume.work) return waitsForHost(view)
  if (volume.stored !== 'Ready') return no('Creating', volume.hostId === null ? 'It is made by the host of its first pod: name it in a pod, or attach it to one that runs.' : `It is being made on ${quoted(view.host(volume.hostId))}.${troubleOf(view)}`)
  if (view.isFencePending && volume.trouble) return no('Fencing', `${quoted(view.host(volume.fence?.hostId ?? null))}, which had it before and has not been heard of, is shut out first.${troubleOf(view)}`.replace(/^h/, 'H'))
  if (volume.growing && volume.trouble) return no(volume.trouble.reason, `It is there, and has not grown.${troubleOf(view)}`)
  if (volume.growing && volume.accessMode === 'ReadOnlyMany' && view.active.length > 0) return no('Growing', 'It is there, and has not grown, for pods read it: it grows once none does.')
  return { status: 'True', reason: 'Ready', message: view.active.length > 0 ? 'It is there, and attached.' : 'It is there, and attached to nothing.' }
}

/** What stands in the way of what its keeper does, in its words. */
const troubleOf = ({ volume: { trouble, hostId }, host }: View): string => (trouble === null ? '' : ` ${quoted(host(hostId))} says: ${trouble.message.replace(/\.?$/, '.')} It is tried again by itself.`.replace(/^ h/, ' H'))

/** Its keeper is heard of, and does not reach the store: nothing is done with it. */
function unreachableOf(view: View): Said | null {
  const { hostId, work, purging } = view.volume
  if (hostId === null || view.isSilent(hostId) || view.reaches(hostId) || !(work || purging || view.active.length > 0)) return null
  return no('StoreUnreachable', `${quoted(view.host(hostId))}, which keeps it, does not reach its store${view.isKeptInVain && view.active.length === 0 ? ': another host takes it over' : ': it goes on by itself once that host does; an operator sees why at the store'}.`.replace(/^h/, 'H'))
}

/** Its bytes count until they are gone. */
function purging(view: View): Said {
  const base = 'It is being removed for good.'
  const waits = lostKeeper(view) ?? unreachableOf(view)
  if (waits) return no('Purging', `${base} ${waits.message}`)
  if (view.volume.hostId === null && view.world.attachments.length === 0 && !view.world.hosts.some(view.canKeep)) return no('Purging', `${base} ${waitsForHost(view).message}`)
  return no('Purging', `${base}${troubleOf(view)}`)
}

function ofSource({ source, sourceSays }: Pick<WorldVolume, 'source' | 'sourceSays'>): Said {
  const why = sourceSays === '' ? '' : ` ${sourceSays.replace(/\.?$/, '.')}`
  if (source === 'Failed') return no('SourceFailed', `The snapshot that it is made of could not be taken.${why} Delete this volume, and make another one.`)
  return no('SourcePending', `The snapshot that it is made of is being taken.${why}`)
}

/** It is to be made, and nobody makes it. */
function waitsForHost(view: View): Said {
  const reaching = view.world.hosts.filter(view.canKeep)
  if (reaching.length === 0) return no('NoHost', 'No host that is ready reaches its store: it is tried again by itself.')
  return reaching.some(view.hasRoom) ? no('Creating', 'It is about to be made.') : no('NoSpace', 'Its store has no room for it: make room there, or delete this volume and make a smaller one, or one of another class. It is tried again by itself.')
}

/** Its keeper is silent: whether that has to be waited for, and how long. */
function lostKeeper(view: View): Said | null {
  const { hostId, homeHostId } = view.volume
  const silent = [homeHostId, hostId].find((id) => id !== null && view.isSilent(id))
  if (silent === undefined || silent === null) return null
  const where = quoted(view.host(silent))
  if (view.isLocal) return { status: 'Unknown', reason: 'HostLost', message: `Its data is on the disk of ${where}, which ${view.isDeclared(silent) ? 'an operator has declared lost: it is there again when that host is readmitted with its disk' : 'has not been heard of: it is there again with that host'}. A snapshot of it lies on the same disk.` }
  if (view.canFence || view.isDeclared(silent)) return { status: 'Unknown', reason: 'HostLost', message: `${where} has not been heard of: another host takes it over as soon as a pod there asks for it.`.replace(/^h/, 'H') }
  return { status: 'Unknown', reason: 'HostLost', message: `${where} has not been heard of, and may still write to it. It is there again with that host; where that machine is off and stays off, an operator declares it lost.`.replace(/^h/, 'H') }
}

function ofAttachment(view: View, one: WorldAttachment): Said {
  const { volume } = view
  const host = view.host(one.hostId)
  const name = `Volume "${volume.name}"`
  if (one.problem !== '') return no('VolumeFailed', `${name}: ${one.problem}`)
  if (one.phase === 'Attached') return { status: 'True', reason: 'Attached', message: `${name} is attached.` }
  if (one.phase === 'Lost') return { status: 'Unknown', reason: 'HostLost', message: `${name} is attached on ${quoted(host)}, which has not been heard of.` }
  if (one.phase !== 'Waiting') return no(one.phase, `${name} is being ${one.phase === 'Detaching' ? 'detached from' : 'attached on'} ${quoted(host)}.`)
  return waiting(view, one, name)
}

function waiting(view: View, one: WorldAttachment, name: string): Said {
  const { volume } = view
  if (volume.deleted) return no('VolumeDeleted', `${name} is deleted. Restore it while it can be, or name another one.`)
  if (volume.stored === 'Failed') return no('VolumeFailed', `${name}: ${volume.problem}`)
  if (volume.revertTo !== null) return no('Reverting', `${name} goes back to a snapshot, and is attached after that.`)
  if (volume.stored !== 'Ready' && volume.source !== 'Ready') return no(ofSource(volume).reason, `${name}: ${ofSource(volume).message}`)
  const host = view.host(view.pod(one.podUid)?.hostId ?? null)
  if (!host) return no('Pending', `${name} is attached once the pod has a host.`)
  if (view.isLocal && volume.homeHostId !== null && volume.homeHostId !== host.id) return no('ElsewhereOnDisk', `${name} lies on the disk of ${quoted(view.host(volume.homeHostId))}, and the pod is on ${quoted(host)}. Create the pod anew, so that it comes to that host, or clone the volume into a store that all hosts see.`)
  if (!host.reaches) return no('StoreUnreachable', `${name} is in a store that ${quoted(host)} does not reach: it is tried again by itself.`)
  const holder = view.inWayOf(one)[0] ?? view.world.attachments.find((other) => other.phase === 'Waiting' && other !== one && view.next?.attachment === other)
  if (holder && !view.isStranded(holder)) return inUse(view, holder, name)
  if (view.isFencePending || (holder && view.isStranded(holder))) return no('Fencing', `${name} is taken over from ${quoted(view.host(volume.fence?.hostId ?? volume.hostId))}, which has not been heard of and is shut out first.${troubleOf(view)}`)
  if (volume.hostId !== null && volume.hostId !== host.id) return lostKeeper(view) ?? no('Moving', `${name} is about to leave ${quoted(view.host(volume.hostId))}, which has to say first that nothing there has it open.`)
  return no('Pending', volume.stored === 'Ready' ? `${name} is about to be attached.` : `${name} is being made.`)
}

function inUse(view: View, holder: WorldAttachment, name: string): Said {
  const pod = podOf(view.pod(holder.podUid))
  if (holder.phase === 'Waiting') return no('VolumeInUse', `${name} is given to ${pod} first, which asked for it before.`)
  if (holder.phase === 'Lost') return no('VolumeInUse', `${name} was attached to ${pod} on ${quoted(view.host(holder.hostId))}, which has not been heard of and may still write to it. It is free with that host, or where that machine is off and an operator declares it lost.`)
  if (holder.phase === 'Detaching') return no('VolumeInUse', `${name} is being detached from ${pod}.`)
  return no('VolumeInUse', `${name} is attached to ${pod}${holder.readOnly ? ', which reads it' : ''}: delete that pod, or clone the volume.`)
}
