import { storageClassSpec } from '@/domain/storage-class/spec'
import type { AttachmentReport, HostVolume, VolumeReport } from '@/contracts/host/v1/volumes'
import { volumeSpec } from '@/domain/volume/spec'
import type { AttachmentState, VolumeState } from '@/domain/volume/host-state'
import { storeModelReport, type ModelGateway } from '@/server/control/testing/volume-model-gateway'
import type { ModelVolumeHost } from '@/server/control/testing/volume-model-host'
import type { ModelVolumeRows } from '@/server/control/testing/volume-model-rows'
import type { ModelConnection, ModelObject, ModelReport } from '@/server/control/testing/volume-model-wire'
import { volumeObject } from '@/server/drivers/native/volume/objects'
import type { HostVolumes, SettledVolume } from '@/server/store/volume-state'
import { HeldVolumes, rightKey } from '../held-volumes'
import { settledOf } from '../volume-settling'

const key = 'volume/v'
const spec = volumeSpec.parse({ size: '1Gi' })
const classSpec = storageClassSpec.parse({ store: 's' })

/** The gateway as it is, but for its sockets and its statements: what it may tell and what is free is decided by the real functions. What it hears it stores later, as it does. */
export class HeldGateway implements ModelGateway {
  private of: ModelConnection | null = null
  private held = new HeldVolumes()
  private reading: { state: HostVolumes; leaving: ReadonlySet<string>; snapshots: string[] } | null = null
  private settled: SettledVolume[] = []
  private waiting: ModelReport | null = null
  private said: string | null = null

  /** `forgetful`: what a gateway must never do: to take for free what its host has not said that it has no more. */
  constructor(private readonly host: ModelVolumeHost, private readonly rows: ModelVolumeRows, private readonly forgetful = false) {}

  private get id(): string {
    return this.host.machine.id
  }
  private begin(): void {
    if (this.of === this.host.connection) return
    Object.assign(this, { of: this.host.connection, held: new HeldVolumes(), reading: null, settled: [], waiting: null, said: null })
  }

  read(): void {
    this.begin()
    if (!this.held.isReady || this.reading) return
    const leaving = this.held.leaving()
    const volume = this.stateOf()
    const isAsked = volume?.hostId === this.id && !volume.leaving
    this.reading = { state: { ready: this.host.machine.isHeard, stores: [], volumes: volume ? [volume] : [], snapshots: [] }, leaving, snapshots: isAsked ? [...this.rows.snapshots].filter(([, phase]) => phase === 'Asked').map(([name]) => name) : [] }
  }
  /** As server/store/volume-state.ts reads it: where the host keeps it, or has an attachment. */
  private stateOf(): VolumeState | null {
    const { volume, size } = this.rows
    const attachments = this.rows.attachments.filter((one) => one.hostId === this.id && one.epoch !== null).map(({ uid, podUid, readOnly, epoch, phase }): AttachmentState => ({ uid, podUid, name: 'disk', readOnly, epoch: epoch ?? 0, phase, forced: false, mounts: null }))
    if (!volume || (volume.hostId !== this.id && attachments.length === 0)) return null
    const { uid, hostId, leaving, epoch, fence, revertTo, purging, stored } = volume
    return { uid, tenantId: 't', name: 'data', storeUid: 's', hostId, leaving, epoch, sizeBytes: size, spec, class: classSpec, sourceSnapshotUid: null, sourceUploadId: null, sourceBlank: false, upload: null, fence, revertTo, purging, made: stored === 'Ready', formatted: null, hasParent: false, attachments }
  }

  send(): void {
    this.begin()
    const { reading, held } = this
    if (!reading) return
    this.reading = null
    const [volume] = reading.state.volumes
    const object = volume ? volumeObject(volume, this.id, (one) => held.holdsRight(key, rightKey(one)) || one.phase !== 'Lost') : null
    const isChosen = held.choose(object ? [object] : [], reading.leaving).has(key)
    this.say(object && isChosen ? toModel(object, reading.snapshots) : null)
    this.settled = settledOf(this.forgetful ? ofNothing() : held, reading.state, this.id)
  }
  /** The first of a connection is complete; what was told is taken back by a removal, once. */
  private say(object: ModelObject | null): void {
    const text = object ? JSON.stringify(object) : 'removed'
    if (text === this.said) return
    this.host.connection.toHost.push({ complete: this.said === null, object })
    this.said = text
  }

  /** As server/store/volume-state.ts settles it, for its own connection alone. */
  release(): void {
    this.begin()
    const { rows, id } = this
    for (const { ended, back, left } of this.settled.splice(0)) {
      rows.attachments = rows.attachments.filter((one) => !(ended.includes(one.uid) && one.hostId === id && (one.phase === 'Detaching' || one.phase === 'Lost')))
      for (const { uid, phase } of back) for (const one of rows.attachments) if (one.uid === uid && one.hostId === id && one.phase === 'Lost' && (one.readOnly || rows.volume?.hostId === id)) one.phase = phase
      if (left !== null && rows.volume?.hostId === id && rows.volume.leaving && rows.volume.epoch === left) Object.assign(rows.volume, { hostId: null, leaving: false })
    }
  }

  hear(): void {
    this.begin()
    const report = this.host.machine.isHeard ? this.host.connection.toServer.shift() : undefined
    if (!report) return
    if (report.complete) this.held.begin(report.named ? [{ key, epoch: report.epoch, rights: new Map(report.attached.map((right) => [right, 'Attached' as const])) }] : [])
    this.held.hear(toReport(report))
    if (!report.gone) this.waiting = { ...report, fencedBelow: Math.max(report.fencedBelow, this.waiting?.fencedBelow ?? 0) }
  }
  store(): void {
    this.begin()
    if (this.waiting) storeModelReport(this.rows, this.id, this.waiting)
    this.waiting = null
  }
}

function ofNothing(): HeldVolumes {
  const held = new HeldVolumes()
  held.begin([])
  return held
}

function toModel({ epoch, keeper, fence, sizeBytes, purge, revertTo, attachments }: HostVolume, snapshots: string[]): ModelObject {
  return { epoch, keeper, fence: fence?.epoch ?? null, size: sizeBytes, purge, revertTo, snapshots, attachments: attachments.map(({ podUid, epoch: of, readOnly }) => ({ podUid, epoch: of, readOnly })) }
}

function toReport({ gone, epoch, attached, detached }: ModelReport): VolumeReport {
  const of = (right: string, phase: AttachmentReport['phase']): AttachmentReport => {
    const at = right.lastIndexOf('/')
    return { podUid: right.slice(0, at), epoch: Number(right.slice(at + 1)), phase, reason: '', message: '', device: null, usedBytes: null, fsBytes: null, paused: false, transport: 'direct' }
  }
  return { kind: 'volume', uid: 'v', epoch, phase: gone ? 'Gone' : 'Ready', reason: '', message: '', attachments: [...attached.map((right) => of(right, 'Attached')), ...detached.map((right) => of(right, 'Detached'))] }
}
