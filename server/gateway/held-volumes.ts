import { volumeObjectKey, type AttachmentReport, type HostVolume, type HostVolumeSnapshot, type VolumeReport } from '@/contracts/host/v1/volumes'

/** What a host said that it has: `rights` are of pods to a volume ({@link rightKey}) with what it said of each last; null: nobody can read which. */
export type NamedVolume = { key: string; epoch: number; rights: ReadonlyMap<string, SaidOfRight> | null }
export type SaidOfRight = AttachmentReport['phase'] | null
type Right = { told: boolean; said: SaidOfRight }
/** `unread`: it may have rights that nobody can read. `epoch`: the highest that the host has said. */
type Held = { rights: Map<string, Right>; unread: boolean; epoch: number; leaving: boolean }
type Holdable = HostVolume | HostVolumeSnapshot

export const rightKey = ({ podUid, epoch }: { podUid: string; epoch: number }): string => `${podUid}/${epoch}`
const rightsOf = (object: Holdable): string[] => (object.kind === 'volume' ? object.attachments.map(rightKey) : [])

/**
 * What a host may have open of volumes and snapshots, as far as one connection can know: what the host named at its beginning, and what it was told since. A volume is held until the host answered its removal,
 * and after a removal nothing of the key is told before that answer, so that an answer can mean nothing else. A pod's right to a volume is held until the host, told without it, said that it is detached, or let go of all of the volume. It
 * knows of no time and no store: a volume, or a right, may be given to somebody else only if it is held here by nobody.
 */
export class HeldVolumes {
  private readonly held = new Map<string, Held>()
  private begun = false

  /** Whether the host has said what it has: before that nothing is told, and nothing is free. */
  get isReady(): boolean {
    return this.begun
  }

  /** What the host may have open by its first report of the connection: all of it. */
  begin(named: readonly NamedVolume[]): void {
    if (this.begun) return
    this.begun = true
    for (const { key, epoch, rights } of named) this.held.set(key, { rights: new Map([...rights ?? []].map(([right, said]) => [right, { told: false, said }])), unread: rights === null, epoch, leaving: false })
  }

  holds(key: string): boolean {
    return !this.begun || this.held.has(key)
  }

  /** Whether the host may have the volume open for that pod. */
  holdsRight(key: string, right: string): boolean {
    if (!this.begun) return true
    const one = this.held.get(key)
    return one !== undefined && (one.unread || one.rights.has(right))
  }

  /** What the host said of a right that it was told; null: nothing, or it has none. */
  saidOf(key: string, right: string): SaidOfRight {
    const of = this.held.get(key)?.rights.get(right)
    return of?.told ? of.said : null
  }

  /** The highest fencing number of a volume that the host has named; 0: none. */
  epochOf(key: string): number {
    return this.held.get(key)?.epoch ?? 0
  }

  isLeaving(key: string): boolean {
    return this.held.get(key)?.leaving ?? false
  }

  /** Takes what the host says. Whether it let go of something, or came to have what it had not. What it says of a right that it is told says nothing about its end: it may be older than that. */
  hear(report: VolumeReport): boolean {
    const key = volumeObjectKey(report)
    const one = this.held.get(key)
    if (!one) return false
    if (report.phase === 'Gone') return one.leaving && this.held.delete(key)
    one.epoch = Math.max(one.epoch, report.epoch)
    let changed = false
    for (const { phase, ...of } of report.attachments ?? []) {
      const right = one.rights.get(rightKey(of))
      if (!right) continue
      if (phase === 'Detached' && !right.told) changed = one.rights.delete(rightKey(of)) || changed
      else if (phase !== right.said) [right.said, changed] = [phase, true]
    }
    return changed
  }

  /** What is being let go of now. Ask before the rows are read that `choose` is given: what is answered meanwhile counts the next time. */
  leaving(): ReadonlySet<string> {
    return new Set([...this.held].flatMap(([key, { leaving }]) => (leaving ? [key] : [])))
  }

  /**
   * Which of the objects may be told now: those of which no removal is to be answered. They are held with the rights that they name; all others that are held are let go of.
   * @param only the keys that the objects are all of: others stay as they are
   */
  choose(objects: readonly Holdable[], leaving: ReadonlySet<string>, only: (key: string) => boolean = () => true): ReadonlySet<string> {
    const chosen = new Set<string>()
    for (const object of objects) {
      const key = volumeObjectKey(object)
      if (leaving.has(key) || this.isLeaving(key)) continue
      chosen.add(key)
      const { rights, ...before } = this.held.get(key) ?? { rights: new Map<string, Right>(), unread: false, epoch: 0, leaving: false }
      for (const right of rights.values()) right.told = false
      for (const right of rightsOf(object)) rights.set(right, { said: rights.get(right)?.said ?? null, told: true })
      this.held.set(key, { ...before, rights })
    }
    for (const [key, one] of this.held) {
      if (!only(key) || chosen.has(key)) continue
      one.leaving = true
      for (const right of one.rights.values()) right.told = false
    }
    return chosen
  }
}
