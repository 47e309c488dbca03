/** A snapshot, and what decides what becomes of it. */
export type SnapshotFacts = {
  phase: string
  /** Of one that failed: something of it may be in its store. */
  remains: boolean
  hidden: boolean
  deleted: boolean
  /** A volume is being made of it, or goes back to it. */
  needed: boolean
  /** Its volume; null: that is gone. `kept`: a host may take the snapshot now; `made`: something of it is stored, or was once. */
  volume: { kept: boolean; made: boolean } | null
  /** Of a group that is to be of one instant: its volumes are kept by several hosts by now. */
  apart: boolean
  /** Its store is on a disk of a host, and that host: null where hosts share the store. */
  home: { id: string; declared: boolean } | null
  /** Who was asked to remove it, where its volume is gone. `ready`: that is heard of, and reaches the store. */
  remover: { id: string; ready: boolean } | null
  /** Hosts that are ready and reach its store, the one with the least to do first. */
  hosts: readonly string[]
}

export type WaitedHost = { name: string; silent: boolean }
/** A volume of which nothing is stored yet, by its name. */
export type Unmade = { name: string; deleted: boolean; failed: boolean }
/** Who can do something for it, where no keeper of its volume does: `keeper` has that, or would; `home` has the disk on which it lies; null: there is none. `read`: pods read the volume. `unmade`: nothing of the volume is stored yet. */
export type WaitFacts = Pick<SnapshotFacts, 'phase'> & { hasVolume: boolean; unmade: Unmade | null; read: boolean; keeper: WaitedHost | null; home: WaitedHost | null; store: string; hosts: readonly string[] }

function notMade({ name, deleted, failed }: Unmade, maker: WaitedHost | null): string {
  if (deleted) return `The volume "${name}" was deleted before it was made: the snapshot is taken where that is restored and made, and fails once that is removed for good.`
  if (maker?.silent) return `The volume "${name}" is not made yet, and host "${maker.name}", which was to make it, has not been heard of: the snapshot is taken once that is back and has made it, or another host has. Ask an operator to look at that host; where it does not come back, delete the volume and make it anew, and take the snapshot of that.`
  if (failed) return `The volume "${name}" could not be made, as its conditions say: the snapshot is taken once it is.`
  return `The volume "${name}" is not made yet, which is done where its first pod comes, or at once where its class or what it is made of has it so: the snapshot is taken once it is.`
}

/**
 * Why nothing is done for a snapshot that is to be taken or removed, and what helps; null: nothing is in the way that is known here. Pure.
 */
export function waitOf({ phase, hasVolume, unmade, read, keeper, home, store, hosts }: WaitFacts): { reason: string; message: string } | null {
  if (phase !== 'Asked' && phase !== 'Taking' && phase !== 'Deleting') return null
  if (unmade) return { reason: 'VolumeNotMade', message: notMade(unmade, keeper) }
  const todo = phase === 'Deleting' ? 'removed' : 'taken'
  if (home?.silent) return { reason: 'HostSilent', message: `Host "${home.name}", on whose disk it lies, has not been heard of: it is ${todo} once that is back${phase === 'Deleting' ? ', or forgotten where an operator declares that host lost' : ''}.` }
  if (hasVolume && keeper?.silent) return { reason: 'HostSilent', message: `Host "${keeper.name}", which has its volume, has not been heard of: it is ${todo} once that is back, or another host has the volume.` }
  // Pods that began to read before their volume had a keeper for that: whoever kept it now could shut them out.
  if (hasVolume && read && keeper === null) return { reason: 'VolumeRead', message: `Pods read its volume, and no host keeps that: it is ${todo} once none of them has it.` }
  return (hasVolume && keeper !== null) || home !== null || hosts.length > 0 ? null : { reason: 'StoreUnreachable', message: `No host that is heard of reaches the store "${store}" now: it is ${todo} by the first that does.` }
}

/**
 * `fail`: it was not taken, as far as is known, and cannot be any more. `drop`: nothing of it is stored, so its row goes. `remove`: it is to be removed from its store; `by`: whom its volume's keeper does not stand for.
 * `clear`: so is what may be stored of one that failed, whose row stays.
 */
export type SnapshotPlan = { kind: 'nothing' } | { kind: 'take' } | { kind: 'fail' } | { kind: 'delete' } | { kind: 'drop' } | { kind: 'remove'; by: string | null } | { kind: 'clear'; by: string }

const nothing: SnapshotPlan = { kind: 'nothing' }

/** What has to be done for a snapshot. Pure; done again, it changes nothing. */
export function planSnapshot(facts: SnapshotFacts): SnapshotPlan {
  const { phase, hidden, deleted, needed, volume } = facts
  if (phase === 'Deleting') return planRemoval(facts)
  if (!deleted) {
    if (hidden && !needed) return { kind: 'delete' }
    if (phase === 'Failed' && facts.remains) return planClearing(facts)
    if (phase !== 'Asked' && phase !== 'Taking') return nothing
    if (!volume || facts.apart) return { kind: 'fail' }
    return phase === 'Asked' && volume.kept ? { kind: 'take' } : nothing
  }
  if (needed) return nothing
  // Of a volume that was never made nobody was asked for one.
  const isNowhere = (phase === 'Failed' && !facts.remains) || (phase === 'Asked' && volume?.made === false)
  return isNowhere ? { kind: 'drop' } : planRemoval(facts)
}

/** Its volume's keeper is told by itself; with a disk that an operator has given up it stays. */
function planClearing(facts: SnapshotFacts): SnapshotPlan {
  const by = facts.volume || facts.home?.declared || facts.remover?.ready ? null : anotherRemover(facts)
  return by === null ? nothing : { kind: 'clear', by }
}

function planRemoval(facts: SnapshotFacts): SnapshotPlan {
  const { phase, volume, home, remover } = facts
  // With the disk that it lies on, an operator has given it up.
  if (home?.declared) return { kind: 'drop' }
  if (volume) return phase === 'Deleting' ? nothing : { kind: 'remove', by: null }
  if (phase === 'Deleting' && remover?.ready) return nothing
  const by = anotherRemover(facts)
  return by === null && phase === 'Deleting' ? nothing : { kind: 'remove', by }
}

/** Who can be asked, where its volume is gone; null: nobody, or nobody else than was. */
function anotherRemover({ home, remover, hosts }: SnapshotFacts): string | null {
  const by = home ? hosts.find((id) => id === home.id) : hosts[0]
  return by === undefined || by === remover?.id ? null : by
}
