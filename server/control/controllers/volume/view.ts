import type { World, WorldAttachment, WorldHost, WorldPod, WorldVolume } from './world'

/** A pod's wish that can be met where it is: its host is heard of, reaches the store, and has the volume on its disk where that lies on one. */
export type Candidate = { attachment: WorldAttachment; pod: WorldPod; host: WorldHost }

/** What a plan and its verdicts ask of a world. */
export class View {
  readonly volume: WorldVolume
  private readonly hosts: ReadonlyMap<string, WorldHost>
  private readonly pods: ReadonlyMap<string, WorldPod>

  constructor(readonly world: World) {
    this.volume = world.volume
    this.hosts = new Map(world.hosts.map((host) => [host.id, host]))
    this.pods = new Map(world.pods.map((pod) => [pod.uid, pod]))
  }

  host = (id: string | null): WorldHost | undefined => (id === null ? undefined : this.hosts.get(id))
  pod = (uid: string): WorldPod | undefined => this.pods.get(uid)

  /** Pods that name it in their spec and have a host, and have not asked for it. */
  get unasked(): WorldPod[] {
    const asked = new Set(this.world.attachments.map(({ podUid }) => podUid))
    return this.world.pods.filter(({ uid, hostId, holds, names }) => names && holds && hostId !== null && !asked.has(uid))
  }
  /** Nobody wants it any more: it was asked to go, or its pod is not there or has ended. */
  isOver = ({ wanted, podUid }: WorldAttachment): boolean => !wanted || !(this.pods.get(podUid)?.holds ?? false)
  /** Nothing is heard of it, or shall be. A host without a row is none that could answer. */
  isSilent = (id: string): boolean => {
    const host = this.hosts.get(id)
    return host === undefined || host.lost || host.declared
  }
  isDeclared = (id: string): boolean => this.hosts.get(id)?.declared ?? true

  /** A disk of one host: no other host will ever open it. */
  get isLocal(): boolean {
    return this.volume.store.kind === 'file' && !this.volume.store.shared
  }
  /** Whoever opens it next can shut out the one before, whatever that one does. */
  get canFence(): boolean {
    return this.volume.store.kind === 'rbd'
  }
  /** Somebody is to be shut out, and that is not done. */
  get isFencePending(): boolean {
    return this.volume.fence !== null && this.volume.fencedBelow <= this.volume.fence.epoch
  }

  /** Its keeper is heard of and has not reached the store for its time, and another host could keep it. To let go it needs no store; what it does of long work would begin anew elsewhere. */
  get isKeptInVain(): boolean {
    const { hostId } = this.volume
    return hostId !== null && !this.isSilent(hostId) && this.isAway(hostId) && this.world.hosts.some((host) => host.id !== hostId && this.canKeep(host))
  }
  private isAway = (id: string): boolean => this.host(id)?.away ?? true
  reaches = (id: string): boolean => this.host(id)?.reaches ?? false

  /** It is there, or can be made as soon as somebody keeps it. */
  get isOpenable(): boolean {
    const { revertTo, stored, source } = this.volume
    return revertTo === null && stored !== 'Failed' && (stored === 'Ready' || source === 'Ready')
  }

  /** All that a host may have open, or had and has not said that it let go. */
  get active(): WorldAttachment[] {
    return this.world.attachments.filter(({ phase }) => phase !== 'Waiting')
  }
  /** What keeps this one out: with a pod that reads, only who writes. */
  inWayOf({ readOnly }: WorldAttachment): WorldAttachment[] {
    const shares = readOnly && this.volume.accessMode === 'ReadOnlyMany'
    return this.active.filter((one) => !shares || !one.readOnly)
  }
  /** Its host is silent, and whoever opens the volume next can shut it out. */
  isStranded = ({ phase, hostId }: WorldAttachment): boolean => this.canFence && phase === 'Lost' && hostId !== null && this.isSilent(hostId)

  /** Who is next, in the order of asking; one whose host cannot have it holds up nobody. */
  get next(): Candidate | undefined {
    return this.candidates[0]
  }
  private get candidates(): Candidate[] {
    return this.world.attachments.flatMap((attachment) => {
      const pod = this.pods.get(attachment.podUid)
      const host = this.host(pod?.hostId ?? null)
      return attachment.phase === 'Waiting' && !this.isOver(attachment) && pod && host && this.canKeep(host) ? [{ attachment, pod, host }] : []
    })
  }
  /** The store has room there for what is not made yet; of a pod's own host the scheduler has seen to that. */
  hasRoom = ({ freeBytes }: WorldHost): boolean => this.volume.newBytes === 0 || (freeBytes !== null && freeBytes >= this.volume.newBytes)
  canKeep = (host: WorldHost): boolean => host.ready && !host.lost && !host.declared && host.reaches && (!this.isLocal || this.volume.homeHostId === null || this.volume.homeHostId === host.id)
}
