import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { storageClassSpec } from '@/domain/storage-class/spec'
import { volumeSpec } from '@/domain/volume/spec'
import type { HostVolumes } from '@/server/store/volume-state'
import { HeldVolumes, rightKey, type SaidOfRight } from './held-volumes'
import { settledOf } from './volume-settling'

const [uid, hostId, attachment, podUid] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
const right = { podUid, epoch: 3 }
/** A volume whose right was taken for lost while its host was silent; the host is heard of again. */
const lost: HostVolumes = {
  ready: true, stores: [], snapshots: [],
  volumes: [{
    uid, tenantId: 't', name: 'data', storeUid: randomUUID(), hostId, leaving: false, epoch: 3, sizeBytes: 1, sourceSnapshotUid: null, sourceUploadId: null, sourceBlank: false, upload: null, fence: null, revertTo: null, purging: false, made: true, formatted: 'ext4', hasParent: false,
    spec: volumeSpec.parse({ size: '1Gi' }), class: storageClassSpec.parse({ store: 'ceph' }),
    attachments: [{ uid: attachment, ...right, name: 'disk', readOnly: false, phase: 'Lost', forced: false, mounts: null }],
  }],
}
const told: HostVolume = {
  kind: 'volume', uid, tenantId: 't', name: 'data', storeUid: randomUUID(), epoch: 3, keeper: true, sizeBytes: 1, origin: { kind: 'blank' }, made: true, mode: 'filesystem', fsType: 'ext4', formatted: true, populate: null,
  rates: { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }, onFull: 'pause', fence: null, revertTo: null, purge: false, flatten: false, detaching: [],
  attachments: [{ uid: attachment, name: 'disk', readOnly: false, mounts: null, ...right }],
}
const backWhere = (said: SaidOfRight, state = lost) => {
  const held = new HeldVolumes()
  held.begin([{ key: `volume/${uid}`, epoch: 3, rights: new Map([[rightKey(right), said]]) }])
  held.choose([told], held.leaving())
  return settledOf(held, state, hostId).flatMap(({ back }) => back)
}

describe('a right that was taken for lost, once its host is back', () => {
  it('is what its host says: that it has it, or is at it; also where it could not do what it shall, or lets go of it', () => {
    expect(backWhere('Attached')).toEqual([{ uid: attachment, phase: 'Attached' }])
    for (const said of ['Attaching', 'Failed', 'Detaching'] as const) expect(backWhere(said), said).toEqual([{ uid: attachment, phase: 'Attaching' }])
  })
  it('stays lost where nothing is said of it, or its host is not heard of', () => {
    expect([backWhere(null), backWhere('Detached'), backWhere('Failed', { ...lost, ready: false })]).toEqual([[], [], []])
  })
})
