import type { WorldAttachment } from '../controllers/volume/world'
import type { ModelVolumeHost } from './volume-model-host'
import type { ModelVolumeRows } from './volume-model-rows'
import { rightKey, type ModelConnection, type ModelObject, type ModelReport } from './volume-model-wire'

/** What a gateway must never do: take a volume from a host without its word; take an attachment for gone without it. */
export type CarelessGateway = 'freesEarly' | 'dropsEarly'
type Reading = { object: ModelObject | null; leavingAt: number | null; ending: { uid: string; key: string }[] }

/** What the model asks of a gateway for one host: to read rows, to tell what they say, to free what the host has no more, to hear what it says, and to store that. */
export type ModelGateway = { read(): void; send(): void; release(): void; hear(): void; store(): void }

/** What a gateway does for one host: it tells what rows say, takes what the host says into rows, and frees what the host has let go of. What it knows is of one connection. */
export class ModelVolumeGateway implements ModelGateway {
  private of: ModelConnection | null = null
  /** Before its complete report, nothing is told. */
  private ready = false
  private held = false
  private readonly heldRights = new Set<string>()
  /** Those of what was told last: what the host says of their end is older than that. */
  private toldRights: ReadonlySet<string> = new Set()
  private removing = false
  private said = ''
  private reading: Reading | null = null
  private free: { leavingAt: number | null; ending: string[] } = { leavingAt: null, ending: [] }

  constructor(private readonly host: ModelVolumeHost, private readonly rows: ModelVolumeRows, private readonly careless: CarelessGateway | null) {}

  private get id(): string {
    return this.host.machine.id
  }
  /** On another connection it knows nothing of the one before, and what was decided for that one is not done. */
  private begin(): void {
    if (this.of === this.host.connection) return
    this.of = this.host.connection
    Object.assign(this, { ready: false, held: false, removing: false, said: '', toldRights: new Set(), reading: null, free: { leavingAt: null, ending: [] } })
    this.heldRights.clear()
  }

  read(): void {
    this.begin()
    if (!this.ready || this.reading) return
    const { volume, attachments } = this.rows
    const keeper = volume?.hostId === this.id && !volume.leaving
    const rights = attachments.filter((one) => one.hostId === this.id && (one.phase === 'Attaching' || one.phase === 'Attached') && (keeper || one.readOnly))
    const asked = [...this.rows.snapshots].filter(([, phase]) => phase === 'Asked').map(([name]) => name)
    const object = volume && (keeper || rights.length > 0) ? { epoch: volume.epoch, keeper, fence: volume.fence?.epoch ?? null, size: this.rows.size, purge: volume.purging, revertTo: volume.revertTo, snapshots: asked, attachments: rights.map(({ podUid, epoch, readOnly }) => ({ podUid, epoch: epoch ?? 0, readOnly })) } : null
    const ending = attachments.filter((one) => one.hostId === this.id && (one.phase === 'Detaching' || one.phase === 'Lost')).map(({ uid, podUid, epoch }) => ({ uid, key: rightKey(podUid, epoch) }))
    this.reading = { object, leavingAt: volume?.hostId === this.id && volume.leaving ? volume.epoch : null, ending }
  }

  send(): void {
    this.begin()
    const { reading } = this
    if (!reading) return
    this.reading = null
    if (reading.object === null) this.sendRemoval()
    else if (!this.removing) this.sendSet(reading.object)
    this.free = { leavingAt: !this.held || this.careless === 'freesEarly' ? reading.leavingAt : null, ending: reading.ending.filter(({ key }) => !this.heldRights.has(key) || this.careless === 'dropsEarly').map(({ uid }) => uid) }
  }
  private sendRemoval(): void {
    if (!this.held || this.removing) return
    this.removing = true
    this.said = ''
    this.toldRights = new Set()
    this.host.connection.toHost.push({ complete: false, object: null })
  }
  private sendSet(object: ModelObject): void {
    const text = JSON.stringify(object)
    if (text === this.said) return
    this.host.connection.toHost.push({ complete: this.said === '', object })
    this.said = text
    this.held = true
    this.toldRights = new Set(object.attachments.map(({ podUid, epoch }) => rightKey(podUid, epoch)))
    for (const key of this.toldRights) this.heldRights.add(key)
  }

  /** In one statement each, for its own connection alone. */
  release(): void {
    this.begin()
    const { free, rows } = this
    this.free = { leavingAt: null, ending: [] }
    rows.attachments = rows.attachments.filter((one) => !(free.ending.includes(one.uid) && (one.phase === 'Detaching' || one.phase === 'Lost')))
    if (rows.volume?.hostId === this.id && rows.volume.leaving && rows.volume.epoch === free.leavingAt) Object.assign(rows.volume, { hostId: null, leaving: false })
  }

  hear(): void {
    this.begin()
    if (!this.host.machine.isHeard) return
    const report = this.host.connection.toServer.shift()
    if (!report) return
    if (report.complete) {
      this.ready = true
      this.held = report.named
      for (const key of report.attached) this.heldRights.add(key)
    }
    for (const key of report.detached) if (!this.toldRights.has(key)) this.heldRights.delete(key)
    if (report.gone && this.removing) {
      this.removing = this.held = false
      this.heldRights.clear()
    }
    storeModelReport(this.rows, this.id, report)
  }
  /** What is heard is stored at once. */
  store = (): void => undefined
}

/** Writes what a host says into rows: of the volume only as its keeper under its present number. */
export function storeModelReport(rows: ModelVolumeRows, id: string, report: ModelReport): void {
  const { volume } = rows
  for (const one of rows.attachments) if (one.hostId === id && report.attached.includes(rightKey(one.podUid, one.epoch)) && maySay(rows, id, one)) one.phase = 'Attached'
  if (!volume) return
  for (const name of report.snapshots) if (rows.snapshots.has(name)) rows.snapshots.set(name, 'Ready')
  volume.fencedBelow = Math.max(volume.fencedBelow, report.fencedBelow)
  if (volume.hostId !== id || report.epoch !== volume.epoch) return
  if (report.made && volume.stored !== 'Purged') volume.stored = 'Ready'
  rows.storedSize = Math.max(rows.storedSize, report.size)
  if (volume.revertTo !== null && volume.revertTo === report.revertedTo) [rows.wentBack, volume.revertTo] = [volume.revertTo, null]
  if (report.purged && volume.purging) volume.stored = 'Purged'
}

const maySay = ({ volume }: ModelVolumeRows, id: string, { phase, readOnly }: WorldAttachment): boolean => (phase === 'Attaching' || phase === 'Lost') && (readOnly || volume?.hostId === id)
