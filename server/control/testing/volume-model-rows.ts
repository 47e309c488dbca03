import { decide, type Write } from '../controllers/volume/decide'
import type { VolumePlan } from '../controllers/volume/plan'
import type { World, WorldAttachment, WorldHost, WorldPod, WorldStore, WorldVolume } from '../controllers/volume/world'
import type { ModelMachine } from './volume-model-machine'

/** What a controller must never do: to take a volume from a silent host that nobody can shut out; to write what it planned without another look at the rows. */
export type CarelessRows = 'byTime' | 'blind'
export type ModelKind = 'file' | 'shared' | 'rbd'
const stores: Record<ModelKind, WorldStore> = { file: { kind: 'file', shared: false }, shared: { kind: 'file', shared: true }, rbd: { kind: 'rbd' } }

/** The rows of one volume, its attachments and those pods that ask for it, as the API, the controller and the gateways change them. */
export class ModelVolumeRows {
  volume: WorldVolume | null
  attachments: WorldAttachment[] = []
  pods: WorldPod[] = []
  size = 1
  storedSize = 1
  snapshots = new Map<string, 'Asked' | 'Ready'>()
  /** People were told that it went back to this one. */
  wentBack: string | null = null
  /** It went while the host on whose disk it lies was declared lost, which removes it once it is readmitted. */
  isRemembered = false
  private made = 0

  constructor(readonly kind: ModelKind, readOnlyMany: boolean, private readonly machines: readonly ModelMachine[], private readonly careless: CarelessRows | null) {
    this.volume = { uid: 'v', name: 'data', store: stores[kind], accessMode: readOnlyMany ? 'ReadOnlyMany' : 'ReadWriteOnce', epoch: 0, hostId: null, leaving: false, fence: null, fencedBelow: 0, homeHostId: null, deleted: false, purgeAt: null, due: false, purging: false, stored: 'Absent', problem: '', trouble: null, growing: false, source: 'Ready', sourceSays: '', newBytes: 0, revertTo: null, work: false, idle: false }
  }

  world(): World | null {
    const hosts = this.machines.map(({ id, lost, declared }): WorldHost => ({ id, name: id, ready: !lost && !declared, lost, declared, reaches: true, away: false, kept: 0, freeBytes: null }))
    if (!this.volume) return null
    const work = (this.kind === 'rbd' && this.volume.stored !== 'Ready') || this.volume.revertTo !== null || this.size > this.storedSize || [...this.snapshots.values()].includes('Asked')
    return structuredClone({ volume: { ...this.volume, work }, attachments: this.attachments, pods: this.pods, hosts })
  }

  /** As the transaction that holds the volume's row: what the controller itself decides, by the rows as they are now. */
  apply({ actions }: VolumePlan, from: WorldVolume): void {
    if (!this.volume) return
    const keeper = this.machines.find(({ id }) => id === this.volume?.hostId)
    const declared = keeper !== undefined && (keeper.declared || (this.careless === 'byTime' && keeper.lost))
    const now = this.careless === 'blind' ? { ...this.volume, ...from } : this.volume
    for (const write of decide(actions, from, { volume: now, attachments: this.attachments, declared })) this.write(write)
  }
  private write(write: Write): void {
    switch (write.kind) {
      case 'createAttachment':
        return this.ask(write.podUid, write.readOnly)
      case 'removeAttachment':
        return void (this.attachments = this.attachments.filter(({ uid }) => uid !== write.uid))
      case 'setAttachment': {
        const { kind: _, uid, ...set } = write
        return void Object.assign(this.attachments.find((one) => one.uid === uid) ?? {}, set)
      }
      case 'setVolume': {
        const { kind: _, ...set } = write
        return void Object.assign(this.volume ?? {}, set, set.epoch === undefined ? {} : { idle: false })
      }
      case 'removeVolume':
        this.isRemembered = this.machines.some(({ id, declared }) => id === this.volume?.homeHostId && declared)
        this.volume = null
    }
  }

  private ask(podUid: string, readOnly: boolean): void {
    if (!this.attachments.some((one) => one.podUid === podUid)) this.attachments.push({ uid: `a${(this.made += 1)}`, podUid, hostId: null, epoch: null, readOnly, phase: 'Waiting', wanted: true, problem: '' })
  }

  // What people do, as the API lets them.
  /** There is none of this name any more, or one on this host. */
  togglePod = (n: number, hostId: string): void => (this.pods.some(({ name }) => name === `p${n}`) ? this.endPod(n) : this.createPod(n, hostId))
  /** Deleted, and created anew there: as another pod. */
  movePod(n: number, hostId: string): void {
    this.endPod(n)
    this.createPod(n, hostId)
  }
  private endPod = (n: number): void => void (this.pods = this.pods.filter(({ name }) => name !== `p${n}`))
  private createPod(n: number, hostId: string): void {
    this.pods.push({ uid: `p${n}.${(this.made += 1)}`, namespace: 'shop', name: `p${n}`, hostId, holds: true, names: n < 3, readOnly: n >= 3 && this.volume?.accessMode === 'ReadOnlyMany' })
  }
  attach(n: number): void {
    const found = this.pods.find(({ name }) => name === `p${n}`)
    if (found && this.volume && !this.volume.deleted) this.ask(found.uid, found.readOnly)
  }
  detach(n: number): void {
    for (const one of this.attachments) if (one.podUid.startsWith(`p${n}.`)) one.wanted = false
  }
  /** Of another deletion the time to restore it begins anew. */
  remove = (): void => void (this.volume && !this.volume.deleted && Object.assign(this.volume, { deleted: true, purgeAt: (this.made += 1) }))
  graceOver = (): void => void (this.volume?.deleted && (this.volume.due = true))
  restore = (): void => void (this.volume && !this.volume.purging && Object.assign(this.volume, { deleted: false, purgeAt: null, due: false }))
  grow = (): void => void (this.size += 1)
  askSnapshot = (): void => void (this.volume?.stored === 'Ready' && !this.volume.deleted && this.snapshots.size < 4 && this.snapshots.set(`s${this.snapshots.size}`, 'Asked'))
  revert(n: number): void {
    const ready = [...this.snapshots].filter(([, phase]) => phase === 'Ready').map(([name]) => name)
    if (this.volume && !this.volume.deleted && this.volume.stored === 'Ready' && this.attachments.length === 0) this.volume.revertTo = ready[n % Math.max(1, ready.length)] ?? null
  }
  rest = (): void => void (this.volume && (this.volume.idle = true))
}
