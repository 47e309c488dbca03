import { join } from 'node:path'
import type { HostVolumeStore, StoreReport, StoreSecretsMessage } from '@/contracts/host/v1/volumes'
import { isIpv4 } from '@/domain/shared/cidr'
import { StoreMarks } from '@/host/ledger/store-marks'
import type { Clock } from '@/host/pods/clock'
import type { Logger } from '@/platform/logger'
import { FileStore } from './file/file-store'
import { gaugeOf } from './file/gauge'
import type { StoreIdentity } from './file/mark'
import { poolGauge } from './rbd/pool-gauge'
import { RbdStore } from './rbd/rbd-store'
import type { RoomGauge } from './room'
import { VolumeError, type VolumeStore } from './store'

export type StoresParts = {
  /** Where stores without a folder of their own are, each in one of its own. */
  folder: string
  /** A folder for archives that are unpacked. */
  work: string
  /** Where is written down which stores this host has seen in which folders. */
  marks: string
  /** Whether this host knows volumes that were made in a store. */
  hasVolumes: (storeUid: string) => boolean
  clock: Clock
  log: Pick<Logger, 'warn' | 'error'>
  /** A store can be used now, for the first time or again. */
  opened: (storeUid: string) => void
  changed: (storeUid: string) => void
  /** Said at each look at a store in which writes wait for room, without a word to who writes. */
  room: (storeUid: string, hasRoom: boolean) => void
  /** From now on VMs' way to stores on the network leads to these subnets. Left out: there is none. */
  reach?: (networks: readonly string[]) => Promise<void>
}

/** `file` is one store for all tenants; of Ceph each tenant has a namespace. */
type Known = { object: HostVolumeStore; open: (tenantId: string) => VolumeStore; close: () => Promise<void>; retire: () => Promise<void> }

const probeEveryMs = 10_000
const retireWithinMs = 10_000
/** What changes by less is not worth a report of its own. */
const worthTelling = 64 * 2 ** 20

/** The stores of volumes that this host is told of. Keys are in memory alone. */
export class Stores {
  private readonly objects = new Map<string, HostVolumeStore>()
  private readonly known = new Map<string, Known>()
  private readonly secrets = new Map<string, { revision: string; key: string }>()
  private readonly said = new Map<string, StoreReport>()
  private readonly looking = new Map<string, Promise<void>>()
  /** Of files, by their folders. */
  private readonly gauges = new Map<string, RoomGauge>()
  private readonly ending = new AbortController()
  private readonly running: Promise<void>
  private readonly marks: StoreMarks
  /** Where VMs' way to stores leads; null: as an earlier run of the agent left it. */
  private reached: string | null = null

  constructor(private readonly parts: StoresParts) {
    this.marks = new StoreMarks(parts.marks)
    this.running = this.run()
  }

  /** Null: it is not open. */
  get(storeUid: string, tenantId: string): VolumeStore | null {
    return this.known.get(storeUid)?.open(tenantId) ?? null
  }

  /** Null: it is not known. */
  kindOf(storeUid: string): VolumeStore['kind'] | null {
    return this.objects.get(storeUid)?.store.type ?? null
  }

  take(object: HostVolumeStore): void {
    const before = this.objects.get(object.uid)
    if (before && JSON.stringify(before) === JSON.stringify(object)) return
    this.objects.set(object.uid, object)
    this.reach()
    void this.look(object.uid, before !== undefined)
  }

  takeSecrets({ secrets }: StoreSecretsMessage): void {
    for (const { storeUid, revision, key } of secrets) {
      this.secrets.set(storeUid, { revision, key })
      if (this.objects.has(storeUid)) void this.look(storeUid, true)
    }
  }

  /** Nothing of it is named any more. */
  remove(storeUid: string): void {
    this.objects.delete(storeUid)
    this.secrets.delete(storeUid)
    this.said.delete(storeUid)
    this.reach()
    void this.look(storeUid)
  }

  uids(): string[] {
    return [...this.objects.keys()]
  }

  reports(): StoreReport[] {
    return [...this.said.values()]
  }

  report(storeUid: string): StoreReport | null {
    return this.said.get(storeUid) ?? null
  }

  /** How much room a store has; null: it does not answer. */
  async freeBytes(storeUid: string, tenantId: string): Promise<number | null> {
    return (await this.get(storeUid, tenantId)?.probe().catch(() => null))?.freeBytes ?? null
  }

  async close(): Promise<void> {
    this.ending.abort()
    await this.running
    await Promise.all(this.looking.values())
    await Promise.all([...this.known.values()].map(({ close }) => close()))
  }

  /** Has VMs' way to stores lead to those that are known. */
  reach(): void {
    const networks = [...new Set([...this.objects.values()].flatMap(({ store }) => (store.type === 'rbd' ? [...store.networks, ...store.monitors.flatMap(subnetOf)] : [])))].sort()
    const text = networks.join(' ')
    if (text === this.reached) return
    this.reached = text
    this.parts.reach?.(networks).catch((error: unknown) => {
      this.reached = null
      this.parts.log.error({ err: error }, 'the way of VMs to stores of volumes could not be made; it is tried again when a pod needs it')
    })
  }

  private async run(): Promise<void> {
    for (let turn = 1; !this.ending.signal.aborted; turn += 1) {
      await this.parts.clock.sleep(probeEveryMs, this.ending.signal).catch(() => {})
      if (!this.ending.signal.aborted) await Promise.all([...this.objects.values()].filter((object) => this.isDue(object, turn)).map(({ uid }) => this.look(uid)))
    }
  }

  /** A cluster that can be reached, and has room, is asked seldom: each question costs a second of a processor. */
  private isDue({ uid, store }: HostVolumeStore, turn: number): boolean {
    return store.type !== 'rbd' || turn % 3 === 0 || this.said.get(uid)?.reachable !== true || this.said.get(uid)?.freeBytes === 0
  }

  /** Opens what is not open and asks it, one look at a store after another. */
  private look(uid: string, anew = false): Promise<void> {
    const next = (this.looking.get(uid) ?? Promise.resolve()).then(() => this.lookOnce(uid, anew)).catch((error: unknown) => this.parts.log.error({ err: error, store: uid }, 'a store of volumes could not be looked at'))
    this.looking.set(uid, next)
    return next
  }

  private async lookOnce(uid: string, anew: boolean): Promise<void> {
    const object = this.objects.get(uid)
    const before = this.known.get(uid)
    // A store of files that stays where it is stays open: one that was opened anew would not see what is under way in it.
    if (before && (!object || (anew && JSON.stringify(before.object.store) !== JSON.stringify(object.store)) || (anew && object.store.type === 'rbd'))) {
      this.known.delete(uid)
      if (!object) await this.retire(uid, before)
      await before.close()
    }
    if (!object || this.ending.signal.aborted) return
    const report = await this.probed(object)
    this.tell(report)
    if (object.store.type === 'rbd' && report.freeBytes !== null) this.parts.room(uid, report.freeBytes > 0)
  }

  /** A folder that hangs holds nobody up: the mark that it keeps says so to the next store there. */
  private async retire(uid: string, { retire }: Known): Promise<void> {
    const done = new AbortController()
    const retired = retire().catch((error: unknown) => this.parts.log.warn({ err: error, store: uid }, 'the folder of a store that is given up keeps its mark'))
    await Promise.race([retired, this.parts.clock.sleep(retireWithinMs, AbortSignal.any([this.ending.signal, done.signal])).catch(() => {})])
    done.abort()
  }

  /** Of volumes that other hosts make in a folder the server alone can know. */
  private wordOf(uid: string, shared: boolean): Pick<StoreIdentity, 'hasVolumes' | 'isTold'> {
    const said = () => this.objects.get(uid)?.holdsVolumes
    return { hasVolumes: () => said() === true || this.parts.hasVolumes(uid), isTold: () => !shared || said() !== undefined }
  }

  private async probed(object: HostVolumeStore): Promise<StoreReport> {
    const { uid, name } = object
    try {
      const isNew = !this.known.has(uid)
      if (isNew) {
        const opened = await this.open(object)
        if (!opened) return { uid, reachable: false, message: `This host has no key for the store ${name} yet: the server sends it.`, totalBytes: null, freeBytes: null }
        this.known.set(uid, opened)
        this.parts.opened(uid)
      }
      const { totalBytes, freeBytes } = await this.known.get(uid)!.open(noTenant).probe()
      // What waits for it is tried again at once.
      if (!isNew && this.said.get(uid)?.reachable === false) this.parts.opened(uid)
      return { uid, reachable: true, message: '', totalBytes, freeBytes }
    } catch (error) {
      this.parts.log.warn({ err: error, store: uid }, 'a store of volumes does not answer')
      const message = error instanceof VolumeError ? error.message : `This host cannot open the store ${name}: ${error instanceof Error ? error.message : String(error)}`
      return { uid, reachable: false, message: message.slice(0, 1024), totalBytes: null, freeBytes: null }
    }
  }

  /** One that hangs is not asked by another, whatever becomes of the store meanwhile. */
  private gaugeOf(folder: string, name: string, shared: boolean): RoomGauge {
    const key = `${shared} ${folder}`
    const gauge = this.gauges.get(key)?.isSilent ? this.gauges.get(key) : undefined
    const made = gauge ?? gaugeOf(folder, name, shared)
    this.gauges.set(key, made)
    return made
  }

  private tell(report: StoreReport): void {
    const before = this.said.get(report.uid)
    const isSame = before?.reachable === report.reachable && before.message === report.message && before.totalBytes === report.totalBytes && (before.freeBytes === 0) === (report.freeBytes === 0) && Math.abs((before.freeBytes ?? 0) - (report.freeBytes ?? 0)) < worthTelling
    if (isSame) return
    this.said.set(report.uid, report)
    this.parts.changed(report.uid)
  }

  private async open(object: HostVolumeStore): Promise<Known | null> {
    const { uid, name, store } = object
    if (store.type === 'file') {
      const folder = store.folder ?? join(this.parts.folder, uid)
      const identity = { uid, seen: () => this.marks.seen(uid, folder), remember: (id: string) => this.marks.remember(uid, folder, id), file: this.marks.fileOf(uid), ...this.wordOf(uid, store.shared) }
      const opened = await FileStore.open(folder, { name, shared: store.shared, gauge: this.gaugeOf(folder, name, store.shared), identity })
      return { object, open: () => opened, close: () => opened.close(), retire: () => opened.retire().then(() => this.marks.forget(uid)) }
    }
    const secret = this.secrets.get(uid)
    if (!secret || secret.revision !== store.keyRevision) return null
    const tenants = new Map<string, VolumeStore>()
    const access = { name, monitors: store.monitors, user: store.user, key: secret.key }
    const gauge = poolGauge(access, store.pool)
    const openOf = (tenantId: string): VolumeStore => {
      const opened = tenants.get(tenantId) ?? new RbdStore({ access, pool: store.pool, namespace: store.namespace ?? tenantId, work: this.parts.work, gauge })
      tenants.set(tenantId, opened)
      return opened
    }
    return { object, open: openOf, close: async () => {}, retire: async () => {} }
  }
}

/** Of a monitor's address and port: of IPv4, for the way is for that alone. */
function subnetOf(monitor: string): string[] {
  const address = monitor.replace(/:\d+$/, '')
  return isIpv4(address) ? [`${address}/32`] : []
}

/** Of a look at the pool alone. */
const noTenant = '0'.repeat(32)
