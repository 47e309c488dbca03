import { volumeObjectKey, type HostVolume, type StoreReport, type StoreSecretsMessage, type VolumeMessage, type VolumeObject, type VolumeReport } from '@/contracts/host/v1/volumes'
import type { VolumeEntry, VolumeLedger } from '@/host/ledger/volumes'
import type { Clock } from '@/host/pods/clock'
import type { Logger } from '@/platform/logger'
import type { MakeOfArchive } from './archive'
import type { ImageFile } from './attach'
import { Changes } from './changes'
import { VolumeCounters } from './counters'
import { FullWatch } from './full'
import { halted, type Hold } from './hold'
import { serialOf } from './open-image'
import { PodVolumes } from './pod-volumes'
import { Snapshots } from './snapshots'
import { Stores } from './stores'
import { usageChanges, type DiskUsage } from './usage'
import { Volume, type VolumeParts } from './volume'
import { PodVms, type PodVm } from './vms'

export type VolumesSettings = {
  ledger: Pick<VolumeLedger, 'volume' | 'volumes' | 'snapshot' | 'stores' | 'save' | 'remove'>
  /** Pods of an earlier run of the agent, whose VMs may have volumes open. */
  before: readonly string[]
  folders: { stores: string; work: string; marks: string }
  makeOfArchive: MakeOfArchive
  imageFile: ImageFile
  /** Makes the way by which VMs reach stores on the network lead to these subnets. */
  reach: (networks: readonly string[]) => Promise<void>
  clock: Clock
  log: Pick<Logger, 'warn' | 'error'>
  /** Something that concerns a pod, for its tenant. */
  tell: (podUid: string, type: 'Normal' | 'Warning', reason: string, message: string) => void
}

/** As many as one message removes: what is older was reported long ago. */
const mostGone = 20_000

/** Who is told which report has changed. */
export type VolumeListener = { volumeChanged(key: string): void; storeChanged(uid: string): void }

/** The volumes of this host: what the server says against what is, and what pods' VMs have of them. */
export class Volumes {
  private readonly volumes = new Map<string, Volume>()
  /** The answer to each removal, until it is named again or a connection begins, whose complete report says the same by not naming it. */
  private readonly gone = new Map<string, VolumeReport>()
  private readonly stores: Stores
  private readonly vms: PodVms
  private readonly snapshots: Snapshots
  private readonly watches = new Map<string, FullWatch>()
  private readonly changes = new Changes()
  /** As pods' workers see them. */
  readonly pods: PodVolumes
  /** What they do for running pods. */
  readonly counters: VolumeCounters
  private readonly parts: VolumeParts
  private listener: VolumeListener | null = null
  /** The parts of a complete message that came so far. */
  private gathered: VolumeObject[] | null = null

  constructor(private readonly settings: VolumesSettings) {
    const { ledger, before, folders, clock, log, makeOfArchive, imageFile, reach, tell } = settings
    this.vms = new PodVms(before, (podUid, vm) => this.vmChanged(podUid, vm))
    this.pods = new PodVolumes({ vms: this.vms, volumes: this.volumes, changes: this.changes, log, tell })
    this.counters = new VolumeCounters(this.vms, () => this.volumes.values())
    this.stores = new Stores({ folder: folders.stores, work: folders.work, marks: folders.marks, hasVolumes: (uid) => this.hasVolumes(uid), clock, log, opened: () => this.storeOpened(), changed: (uid) => this.listener?.storeChanged(uid), room: (uid, hasRoom) => this.storeRoom(uid, hasRoom), reach })
    this.parts = { ledger, vms: this.vms, store: (...place) => this.stores.get(...place), kindOf: (uid) => this.stores.kindOf(uid), makeOfArchive, imageFile, clock, log, tell, changed: (uid) => this.changed(`volume/${uid}`) }
    this.snapshots = new Snapshots({ ledger, clock, log, vms: this.vms, volume: (uid) => this.volumes.get(uid) ?? null, store: (...place) => this.stores.get(...place), changed: (uid) => this.changed(`snapshot/${uid}`) })
    // That a store had no volumes is of then: others may have made some since.
    for (const { object: { holdsVolumes, ...object } } of ledger.stores()) this.stores.take({ ...object, ...(holdsVolumes && { holdsVolumes }) })
    this.stores.reach()
    for (const entry of ledger.volumes()) if (entry.object || entry.holds.length > 0) this.begin(entry, true)
  }

  listen(listener: VolumeListener): void {
    this.listener = listener
  }

  /** Another connection begins: half of what the one before said is none. */
  beginConnection(): void {
    this.gathered = null
    this.gone.clear()
  }

  take({ complete, set, remove, more = false }: VolumeMessage): void {
    if (complete) this.gathered = []
    if (!this.gathered) {
      this.set(set)
      for (const key of remove) this.remove(key)
      return
    }
    this.gathered.push(...set)
    if (more) return
    const all = this.gathered
    this.gathered = null
    this.set(all)
    const named = new Set(all.map(volumeObjectKey))
    const here = [...this.volumes.keys()].map((uid) => `volume/${uid}`).concat(this.snapshots.uids().map((uid) => `snapshot/${uid}`), this.stores.uids().map((uid) => `store/${uid}`))
    for (const key of here) if (!named.has(key)) this.remove(key)
  }

  takeSecrets(message: StoreSecretsMessage): void {
    this.stores.takeSecrets(message)
  }

  /** Of all that this host may open, and of what is to be answered. */
  reports(): Map<string, VolumeReport> {
    return new Map([...this.gone, ...this.snapshots.reports(), ...[...this.volumes].map(([uid, volume]) => [`volume/${uid}`, volume.report()] as const)])
  }

  report(key: string): VolumeReport | null {
    const [kind, uid = ''] = key.split('/')
    return (kind === 'volume' ? this.volumes.get(uid)?.report() : this.snapshots.report(uid)) ?? this.gone.get(key) ?? null
  }

  storeReports(): StoreReport[] {
    return this.stores.reports()
  }

  storeReport(uid: string): StoreReport | null {
    return this.stores.report(uid)
  }

  /** Ends the workers and leaves what is open: another run of the agent takes it up, or its VM has ended. */
  async close(): Promise<void> {
    for (const watch of this.watches.values()) watch.end()
    // Together: a snapshot that goes may wait for what its volume is about, and that is aborted.
    await Promise.all([this.snapshots.close(), ...[...this.volumes.values()].map((volume) => volume.close())])
    await this.stores.close()
  }

  private set(objects: readonly VolumeObject[]): void {
    for (const object of objects) if (object.kind === 'store') this.takeStore(object)
    for (const object of objects) if (object.kind === 'volume') this.takeVolume(object)
    for (const object of objects) {
      if (object.kind !== 'snapshot') continue
      this.gone.delete(volumeObjectKey(object))
      this.snapshots.take(object)
    }
    this.snapshots.looksAgain()
  }

  /** Whether volumes were made in a store, which are not about to go. */
  private hasVolumes(storeUid: string): boolean {
    return [...this.volumes.values()].some(({ state: { wanted, entry } }) => wanted?.storeUid === storeUid && !wanted.purge && (entry.made || wanted.made === true))
  }

  private takeStore(object: Extract<VolumeObject, { kind: 'store' }>): void {
    this.stores.take(object)
    this.settings.ledger.save({ version: 1, kind: 'store', uid: object.uid, object }).catch((error: unknown) => this.settings.log.error({ err: error, store: object.uid }, 'a store of volumes could not be written down: an agent that starts without the server does not know it'))
  }

  private takeVolume(object: HostVolume): void {
    const { uid } = object
    this.gone.delete(`volume/${uid}`)
    const known = this.volumes.get(uid)
    if (known && !known.state.isGone) return known.take(object)
    const before = this.settings.ledger.volume(uid)
    const volume = this.begin(before ?? { version: 1, kind: 'volume', uid, epoch: 0, object: null, holds: [], made: false, formatted: null, reverted: null, fenced: null, goneAt: null }, before !== null)
    volume.take(object)
  }

  private begin(entry: VolumeEntry, isKnown: boolean): Volume {
    const volume = new Volume(this.parts, entry, isKnown)
    this.volumes.set(entry.uid, volume)
    void volume.finished.then(() => {
      if (!volume.state.isGone || this.volumes.get(entry.uid) !== volume) return
      this.volumes.delete(entry.uid)
      this.answerGone('volume', entry.uid, volume.state.entry.epoch)
    })
    return volume
  }

  private remove(key: string): void {
    const [kind, uid = ''] = key.split('/')
    if (kind === 'store') this.removeStore(uid)
    else if (kind === 'volume') {
      const volume = this.volumes.get(uid)
      if (volume && !volume.state.isGone) volume.take(null)
      else this.answerGone('volume', uid, this.settings.ledger.volume(uid)?.epoch ?? 0)
    } else if (kind === 'snapshot') void this.snapshots.remove(uid).then(() => this.answerGone('snapshot', uid, 0))
  }

  private removeStore(uid: string): void {
    this.stores.remove(uid)
    this.settings.ledger.remove({ kind: 'store', uid }).catch((error: unknown) => this.settings.log.warn({ err: error, store: uid }, 'a store of volumes that is not named any more is still written down'))
  }

  private answerGone(kind: 'volume' | 'snapshot', uid: string, epoch: number): void {
    const [oldest] = this.gone.keys()
    if (this.gone.size >= mostGone && oldest !== undefined) this.gone.delete(oldest)
    this.gone.set(`${kind}/${uid}`, { kind, uid, epoch, phase: 'Gone', reason: '', message: '' })
    this.changed(`${kind}/${uid}`)
  }

  /** What a pod's guest says of its file systems. */
  takeUsage(podUid: string, disks: readonly DiskUsage[]): void {
    const before = new Set(this.haltedOf(podUid))
    for (const uid of usageChanges(this.volumes, podUid, disks)) this.listener?.volumeChanged(`volume/${uid}`)
    for (const uid of this.haltedOf(podUid)) if (!before.has(uid)) this.settings.tell(podUid, 'Warning', halted.reason, `Volume "${this.volumes.get(uid)?.state.wanted?.name ?? 'of the pod'}": ${halted.message}`)
  }

  private haltedOf(podUid: string): string[] {
    return [...this.volumes].flatMap(([uid, { state }]) => (state.holds.get(podUid)?.isHalted ? [uid] : []))
  }

  private changed(key: string): void {
    this.changes.changed()
    this.snapshots.looksAgain()
    this.listener?.volumeChanged(key)
  }

  private storeOpened(): void {
    for (const volume of this.volumes.values()) volume.retryNow()
    this.snapshots.looksAgain()
    this.changes.changed()
  }

  /** Ceph lets writes wait where it has no room, and tells nobody: QEMU hears nothing of it, and the guest goes on with what it does not write. */
  private storeRoom(storeUid: string, hasRoom: boolean): void {
    for (const { uid, state } of this.volumes.values()) {
      if (state.place?.storeUid !== storeUid) continue
      for (const hold of state.holds.values()) {
        const waits = !hasRoom && hold.state === 'mounted' && !hold.readOnly
        if ((hold.pausedFor === 'writes') === waits || (hold.pausedFor !== null && waits)) continue
        hold.pausedFor = waits ? 'writes' : null
        const name = state.wanted?.name ?? 'of the pod'
        if (waits) this.settings.tell(hold.podUid, 'Warning', 'VolumePaused', `What the pod writes to volume "${name}" waits: its store has no room left. It goes on by itself, and nothing is lost, once there is: delete volumes or snapshots, or ask the operator for a larger store.`)
        else this.settings.tell(hold.podUid, 'Normal', 'VolumeResumed', `The store of volume "${name}" takes what the pod writes again.`)
        this.changed(`volume/${uid}`)
      }
    }
  }

  private vmChanged(podUid: string, vm: PodVm | null): void {
    this.watches.get(podUid)?.end()
    this.watches.delete(podUid)
    if (vm) this.watches.set(podUid, new FullWatch(vm, this.onFull(podUid)))
    for (const volume of this.volumes.values()) volume.vmChanged(podUid, vm)
    this.changes.changed()
  }

  private onFull(podUid: string) {
    const { clock, tell, log } = this.settings
    const volumeOf = (serial: string) => [...this.volumes.values()].find((volume) => serialOf(volume.uid) === serial) ?? null
    return {
      clock,
      log,
      // A QEMU that was broken into says what it likes.
      has: (serial: string) => volumeOf(serial)?.state.holds.has(podUid) === true,
      freeBytes: async (serial: string) => {
        const place = volumeOf(serial)?.state.place
        return place ? this.stores.freeBytes(place.storeUid, place.tenantId) : null
      },
      paused: (serial: string, pausedFor: Hold['pausedFor']) => {
        const volume = volumeOf(serial)
        const hold = volume?.state.holds.get(podUid)
        const isOther = hold !== undefined && hold.pausedFor !== pausedFor
        if (isOther) hold.pausedFor = pausedFor
        this.vms.get(podUid)?.stalled(this.pods.isPaused(podUid))
        if (volume && isOther) this.changed(`volume/${volume.uid}`)
      },
      tell: (type: 'Normal' | 'Warning', reason: string, serial: string, message: string) => tell(podUid, type, reason, message.replace('$volume', volumeOf(serial)?.state.wanted?.name ?? 'of the pod')),
    }
  }
}
