import type { AttachmentPhase } from '@/domain/volume/attachment'
import type { StoredPhase } from '@/domain/volume/state'

/** `shared`: each host of the store sees the same folder. */
export type WorldStore = { kind: 'file'; shared: boolean } | { kind: 'rbd' }
/** Who has to be shut out before the volume is opened: the host that kept it before, under this fencing number. */
export type WorldFence = { hostId: string; epoch: number }

/** A volume, as its row is and its keeper reported. */
export type WorldVolume = {
  uid: string
  name: string
  store: WorldStore
  accessMode: 'ReadWriteOnce' | 'ReadOnlyMany'
  /** The fencing number. */
  epoch: number
  /** Its keeper: the host that may open it for writing, or did last and has not said that it stopped. */
  hostId: string | null
  /** Its keeper shall let go. */
  leaving: boolean
  fence: WorldFence | null
  /** Everybody with a lower fencing number is shut out, as a keeper has said; 0: nobody. */
  fencedBelow: number
  /** The host on whose disk it lies, for ever; null: in a store that all see, or on none yet. */
  homeHostId: string | null
  deleted: boolean
  /** Until when it can be restored, in milliseconds of the database's clock: another one is of another deletion. Null: it is not deleted. */
  purgeAt: number | null
  /** Deleted, and the time in which it can be restored is over. */
  due: boolean
  /** It is being removed for good: there is no way back. */
  purging: boolean
  stored: StoredPhase
  /** Why it is `Failed`; empty else. */
  problem: string
  /** Why its keeper, as it says under the present number, could not do what it shall, and tries it again; null: it has said nothing of that. */
  trouble: { reason: string; message: string } | null
  /** Its image has fewer bytes than it shall have. */
  growing: boolean
  /** Whether what it is made of is there: a snapshot may still have to be taken, or could not be. */
  source: 'Ready' | 'Pending' | 'Failed'
  /** Why that is, as far as it is known; empty else. */
  sourceSays: string
  /** What its store needs for it where it is not made yet; 0 once it is, or its room was promised on its home's disk. */
  newBytes: number
  /** The snapshot that it goes back to. */
  revertTo: string | null
  /** It has to be made, grown or brought back, or a snapshot of it is asked for: a keeper is needed though no pod has it. */
  work: boolean
  /** Nobody has had it for as long as a keeper is kept without anything to do. */
  idle: boolean
}

/** A pod's right to the volume. `hostId` and `epoch` are null while it waits. `problem`: why its host could not do what it shall; empty else. */
export type WorldAttachment = { uid: string; podUid: string; hostId: string | null; epoch: number | null; readOnly: boolean; phase: AttachmentPhase; wanted: boolean; problem: string }
/** A pod that names the volume in its spec, or has an attachment. `holds`: its containers run, or will. `names`: in its spec; `readOnly`: as that says. */
export type WorldPod = { uid: string; namespace: string; name: string; hostId: string | null; holds: boolean; names: boolean; readOnly: boolean }
/** `lost`: silent for so long that another may be asked to shut it out. `declared`: an operator said that no virtual machine of it runs any more. `reaches`: the volume's store. `away`: it has not for so long that another is asked to keep what it does. `kept`: how many volumes it keeps. `freeBytes`: of that store, on its own disk or for all hosts; null: not known. */
export type WorldHost = { id: string; name: string; ready: boolean; lost: boolean; declared: boolean; reaches: boolean; away: boolean; kept: number; freeBytes: number | null }

/** All that decides of one volume, at one time. Attachments and pods are in the order of their age. */
export type World = { volume: WorldVolume; attachments: readonly WorldAttachment[]; pods: readonly WorldPod[]; hosts: readonly WorldHost[] }
