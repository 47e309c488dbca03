import { randomUUID } from 'node:crypto'
import type { Assignment } from '@/contracts/host/v1'
import { volumeMessage, volumeObjectKey, volumeReport, type HostVolume, type HostVolumeSnapshot, type VolumeObject, type VolumeReport } from '@/contracts/host/v1/volumes'
import type { Volumes } from '../volumes'

export const MiB = 2 ** 20
const noRates = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }

/** What a test's server says of volumes to one host, whatever agent runs there, and what that answers. Every message is as the contract says. */
export class VolumeServer {
  private readonly objects = new Map<string, VolumeObject>()
  readonly storeUid = randomUUID()

  constructor(
    private readonly host: { volumes: Volumes },
    private readonly tenantId: string,
  ) {}

  /** A store of files in this folder. Answers its uid. */
  store(folder: string, uid = this.storeUid): string {
    this.say({ kind: 'store', uid, name: 'test', store: { type: 'file', folder, shared: false } })
    return uid
  }

  volume(more: Partial<HostVolume> = {}): HostVolume {
    return {
      ...{ kind: 'volume', uid: randomUUID(), tenantId: this.tenantId, name: 'data', storeUid: this.storeUid, epoch: 1, keeper: true, sizeBytes: 64 * MiB, origin: { kind: 'blank' }, mode: 'filesystem', fsType: 'ext4', formatted: false },
      ...{ populate: null, rates: noRates, onFull: 'pause', fence: null, revertTo: null, purge: false, flatten: false, attachments: [], detaching: [] },
      ...more,
    }
  }

  /** As a pod's spec names it, or with `mounts` hot. */
  attached(volume: HostVolume, pod: Assignment, name: string, more: Partial<HostVolume['attachments'][number]> = {}): HostVolume {
    const before = this.get(volume.uid)?.attachments.find(({ podUid }) => podUid === pod.uid)
    const attachment = { uid: before?.uid ?? randomUUID(), podUid: pod.uid, name, readOnly: false, epoch: volume.epoch, mounts: null, ...more }
    return { ...volume, attachments: [...volume.attachments.filter(({ podUid }) => podUid !== pod.uid), attachment] }
  }

  snapshot(volume: HostVolume, more: Partial<HostVolumeSnapshot> = {}): HostVolumeSnapshot {
    return { kind: 'snapshot', uid: randomUUID(), tenantId: this.tenantId, volumeUid: volume.uid, storeUid: this.storeUid, group: null, groupSize: 1, freeze: false, state: 'asked', sizeBytes: volume.sizeBytes, ...more }
  }

  get(uid: string): HostVolume | null {
    const one = this.objects.get(`volume/${uid}`)
    return one?.kind === 'volume' ? one : null
  }

  /** Says these, and what else was said stays. */
  say(...set: VolumeObject[]): void {
    for (const object of set) this.objects.set(volumeObjectKey(object), object)
    this.host.volumes.take(volumeMessage.parse({ kind: 'volumeObjects', complete: false, set, remove: [] }))
  }

  unsay(...keys: string[]): void {
    for (const key of keys) this.objects.delete(key)
    this.host.volumes.take(volumeMessage.parse({ kind: 'volumeObjects', complete: false, set: [], remove: keys }))
  }

  /** All of it, as at the beginning of a connection. */
  connect(): void {
    this.host.volumes.beginConnection()
    this.host.volumes.take(volumeMessage.parse({ kind: 'volumeObjects', complete: true, set: [...this.objects.values()], remove: [] }))
  }

  /** What a pod's assignment says of volumes, by its names. */
  assigned(pod: Assignment, named: Readonly<Record<string, HostVolume>>): Assignment {
    const volumes = Object.entries(named).flatMap(([name, { uid }]) => {
      const one = this.get(uid)?.attachments.find(({ podUid }) => podUid === pod.uid)
      return one ? [{ name, volumeUid: uid, attachmentUid: one.uid, epoch: one.epoch, readOnly: one.readOnly }] : []
    })
    return { ...pod, volumes }
  }

  report(kind: 'volume' | 'snapshot', uid: string): VolumeReport | null {
    const report = this.host.volumes.report(`${kind}/${uid}`)
    return report && volumeReport.parse(report)
  }

  attachment(volume: HostVolume, pod: Assignment) {
    return this.report('volume', volume.uid)?.attachments?.find(({ podUid }) => podUid === pod.uid) ?? null
  }
}
