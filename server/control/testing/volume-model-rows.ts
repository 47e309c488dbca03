import { mayFollow } from '@/domain/volume/attachment'
import type { Action, VolumePlan } from '../controllers/volume/plan'
import type { World, WorldAttachment, WorldHost, WorldPod, WorldStore, WorldVolume } from '../controllers/volume/world'
import type { ModelMachine } from './volume-model-machine'

/** What a controller must never do: to take a volume from a silent host that nobody can shut out. */
export type CarelessRows = 'byTime'
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
  private made = 0

  constructor(readonly kind: ModelKind, readOnlyMany: boolean, private readonly machines: readonly ModelMachine[], private readonly careless: CarelessRows | null) {
    this.volume = { uid: 'v', name: 'data', store: stores[kind], accessMode: readOnlyMany ? 'ReadOnlyMany' : 'ReadWriteOnce', epoch: 0, hostId: null, leaving: false, fence: null, fencedBelow: 0, homeHostId: null, deleted: false, due: false, purging: false, stored: 'Absent', problem: '', revertTo: null, work: false, idle: false }
  }

  world(): World | null {
    const hosts = this.machines.map(({ id, lost, declared }): WorldHost => ({ id, name: id, ready: !lost && !declared, lost, declared, reaches: true, kept: 0 }))
    if (!this.volume) return null
    const work = (this.kind === 'rbd' && this.volume.stored !== 'Ready') || this.volume.revertTo !== null || this.size > this.storedSize || [...this.snapshots.values()].includes('Asked')
    return structuredClone({ volume: { ...this.volume, work }, attachments: this.attachments, pods: this.pods, hosts })
  }

  /** As the transaction that locks the volume's row: each only where what it rests on is as it was. */
  apply({ actions }: VolumePlan, from: WorldVolume): void {
    for (const action of actions) this.write(action, from)
  }
  private write(action: Action, from: WorldVolume): void {
    const row = this.volume
    if (!row) return
    if (action.kind === 'createAttachment') return void (row.deleted || this.ask(action.podUid, action.readOnly))
    if ('was' in action) return this.writeAttachment(action)
    const same = row.epoch === from.epoch && row.hostId === from.hostId && row.leaving === from.leaving && row.deleted === from.deleted && row.purging === from.purging && row.revertTo === from.revertTo
    if (!same) return
    if (action.kind === 'remove') return void (this.attachments.length === 0 && (this.volume = null))
    if (action.kind === 'beginPurge') return void (row.due && this.attachments.every(({ phase }) => phase === 'Waiting') && (row.purging = true))
    if (action.kind === 'leave') return void (row.leaving = true)
    if (action.kind === 'bind') {
      const attachment = this.attachments.find(({ uid, phase }) => uid === action.uid && phase === 'Waiting')
      if (!attachment) return
      Object.assign(attachment, { hostId: action.hostId, epoch: action.epoch, phase: 'Attaching' })
    }
    if (!action.right) return
    // A host that was declared lost may have been readmitted since: that is read again.
    const before = this.machines.find(({ id }) => id === row.hostId)
    if (this.kind === 'shared' && this.careless !== 'byTime' && before && before.id !== action.right.hostId && !before.declared) return
    const { hostId, epoch, home, fence } = action.right
    Object.assign(row, { hostId, epoch, leaving: false, fence, homeHostId: row.homeHostId ?? home, idle: false })
  }
  private writeAttachment({ kind, uid, was }: Extract<Action, { was: unknown }>): void {
    const to = kind === 'detach' ? 'Detaching' : kind === 'lose' ? 'Lost' : 'Gone'
    if (!mayFollow(was, to)) throw new Error(`an attachment comes from ${was} to ${to}`)
    const isIt = (one: WorldAttachment) => one.uid === uid && one.phase === was
    if (to === 'Gone') this.attachments = this.attachments.filter((one) => !isIt(one))
    else for (const one of this.attachments.filter(isIt)) one.phase = to
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
  remove = (): void => void (this.volume && (this.volume.deleted = true))
  graceOver = (): void => void (this.volume?.deleted && (this.volume.due = true))
  restore = (): void => void (this.volume && !this.volume.purging && Object.assign(this.volume, { deleted: false, due: false }))
  grow = (): void => void (this.size += 1)
  askSnapshot = (): void => void (this.volume?.stored === 'Ready' && !this.volume.deleted && this.snapshots.size < 4 && this.snapshots.set(`s${this.snapshots.size}`, 'Asked'))
  revert(n: number): void {
    const ready = [...this.snapshots].filter(([, phase]) => phase === 'Ready').map(([name]) => name)
    if (this.volume && !this.volume.deleted && this.volume.stored === 'Ready' && this.attachments.length === 0) this.volume.revertTo = ready[n % Math.max(1, ready.length)] ?? null
  }
  rest = (): void => void (this.volume && (this.volume.idle = true))
}
