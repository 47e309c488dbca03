import { expect, it } from 'vitest'
import { volumeObject as contract, type HostVolume } from '@/contracts/host/v1/volumes'
import type { AttachmentState, VolumeState } from '@/domain/volume/host-state'
import { storageClassSpec } from '@/domain/storage-class/spec'
import { volumeSpec } from '@/domain/volume/spec'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import { snapshotObject, storeObject, volumeObject } from './objects'

const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`
const [host, other] = [id(1), id(2)]
const spec = (over: object = {}) => volumeSpec.parse({ size: '1Gi', ...over })
const state = (over: Partial<VolumeState> = {}): VolumeState => ({
  uid: id(3), tenantId: 't', name: 'data', storeUid: id(4), hostId: host, leaving: false, epoch: 5, sizeBytes: 2 ** 30, spec: spec(), class: storageClassSpec.parse({ store: 'local' }), sourceSnapshotUid: null, sourceUploadId: null, upload: null,
  fence: null, revertTo: null, purging: false, made: false, formatted: null, sourceBlank: false, hasParent: false, attachments: [], ...over,
})
const attachment = (over: Partial<AttachmentState> = {}): AttachmentState => ({ uid: id(5), podUid: id(6), name: 'v', readOnly: false, epoch: 5, phase: 'Attaching', forced: false, mounts: null, ...over })
const told = (over: Partial<VolumeState> = {}, isTold = () => true): HostVolume | null => {
  const object = volumeObject(state(over), host, isTold)
  if (object) expect(contract.safeParse(object).error?.issues ?? []).toEqual([])
  return object
}

it('a keeper is told all of its volume, as its class has it where it says nothing itself', () => {
  expect(told({ class: storageClassSpec.parse({ store: 'local', fsType: 'xfs', onFull: 'Fail', limits: { iops: 7 } }) })).toMatchObject({ keeper: true, epoch: 5, mode: 'filesystem', fsType: 'xfs', onFull: 'fail', rates: { iops: 7, bytesPerSecond: null }, origin: { kind: 'blank' }, formatted: false, made: false })
  expect(told({ spec: spec({ fsType: 'ext4', onFull: 'Pause', limits: { bytesPerSecond: '1Mi' } }), class: storageClassSpec.parse({ store: 'local', fsType: 'xfs', onFull: 'Fail', limits: { iops: 7 } }), made: true })).toMatchObject({ fsType: 'ext4', onFull: 'pause', rates: { iops: 7, bytesPerSecond: 2 ** 20 }, made: true })
  // What stands on it counts, whatever its class says by now.
  expect(told({ formatted: 'xfs' })).toMatchObject({ fsType: 'xfs', formatted: true })
  expect(told({ spec: spec({ volumeMode: 'Block' }), formatted: 'block' })).toMatchObject({ mode: 'block', formatted: true })
})

it('what a volume is made of', () => {
  const upload = { id: id(7), format: 'qcow2' as const, bytes: 9, virtualBytes: 99, digest: 'sha256:0' }
  expect(told({ sourceSnapshotUid: id(8) })?.origin).toEqual({ kind: 'snapshot', snapshotUid: id(8), blank: false })
  expect(told({ sourceSnapshotUid: id(8), sourceBlank: true })?.origin, 'a file system may be made on it').toEqual({ kind: 'snapshot', snapshotUid: id(8), blank: true })
  expect(told({ sourceUploadId: id(7), upload })?.origin).toEqual({ kind: 'upload', uploadId: id(7), format: 'qcow2', bytes: 9, virtualBytes: 99, digest: 'sha256:0' })
  expect(told({ sourceUploadId: id(7) })?.origin, 'its archive is gone, and nothing blank is made for it').toMatchObject({ kind: 'upload', uploadId: id(7) })
  const image = spec({ source: { kind: 'Image', reference: 'registry.example/data:1' } })
  expect([told({ spec: image })?.populate, told({ spec: image, formatted: 'ext4' })?.populate]).toEqual([{ reference: 'registry.example/data:1' }, null])
  const flatten = storageClassSpec.parse({ store: 'local', flattenClones: true })
  expect([told({ class: flatten })?.flatten, told({ class: flatten, hasParent: true })?.flatten, told({ hasParent: true })?.flatten]).toEqual([false, true, false])
})

it('who does not keep it is told what its pods read, and nothing that only a keeper does', () => {
  const reader = attachment({ readOnly: true })
  const ofKeeper = { fence: { hostId: other, epoch: 4 }, revertTo: id(9), purging: true }
  expect(told({ hostId: other })).toBeNull()
  expect(told({ leaving: true })).toBeNull()
  expect(told({ hostId: other, attachments: [attachment()] }), 'it was taken over').toBeNull()
  expect(told({ ...ofKeeper, hostId: other, attachments: [reader] })).toMatchObject({ keeper: false, fence: null, revertTo: null, purge: false, attachments: [{ uid: id(5), readOnly: true, epoch: 5 }] })
  expect(told(ofKeeper)).toMatchObject({ keeper: true, fence: { hostId: other, epoch: 4 }, revertTo: id(9), purge: true })
})

it('a right that ends is not told any more, but how', () => {
  expect(told({ attachments: [attachment({ phase: 'Detaching', forced: true })] })).toMatchObject({ attachments: [], detaching: [{ podUid: id(6), forced: true }] })
  expect(told({ attachments: [attachment()] }, () => false)).toMatchObject({ attachments: [], detaching: [] })
  const mounts = [{ container: 'a', mountPath: '/data', readOnly: true }]
  expect(told({ attachments: [attachment({ name: 'hot-1', mounts })] })?.attachments).toMatchObject([{ name: 'hot-1', mounts: [{ container: 'a', path: '/data', subPath: '', readOnly: true }] }])
})

it('stores and snapshots', () => {
  const rbd = volumeStoreSpec.parse({ kind: 'rbd', monitors: ['192.0.2.1:3300'], pool: 'p', user: 'u', networks: ['192.0.2.0/24'] })
  const store = storeObject({ uid: id(4), name: 'ceph', spec: rbd, keyRevision: 'r', holdsVolumes: false })
  expect(contract.parse(store)).toMatchObject({ store: { type: 'rbd', pool: 'p', user: 'u', namespace: null, keyRevision: 'r' } })
  const local = { uid: id(4), name: 'local', spec: volumeStoreSpec.parse({ kind: 'file' }), keyRevision: null }
  expect(storeObject({ ...local, holdsVolumes: false })).toEqual({ kind: 'store', uid: id(4), name: 'local', store: { type: 'file', folder: null, shared: false } })
  for (const holdsVolumes of [true, false]) expect(contract.parse(storeObject({ ...local, spec: { kind: 'file', folder: '/srv', shared: true }, holdsVolumes })), 'left out is not known').toMatchObject({ holdsVolumes })
  const snapshot = (phase: string, more: object = {}) => snapshotObject({ uid: id(8), tenantId: 't', volumeUid: id(3), storeUid: id(4), groupUid: null, groupSize: 1, freeze: true, phase, sizeBytes: 1, hidden: false, remains: false, ...more })
  expect(contract.parse(snapshot('Taking'))).toMatchObject({ kind: 'snapshot', freeze: true, groupSize: 1 })
  expect(['Asked', 'Taking', 'Ready', 'Deleting', 'Failed'].map((phase) => snapshot(phase)?.state ?? null)).toEqual(['asked', 'asked', 'ready', 'remove', null])
  expect(snapshot('Failed', { remains: true })?.state).toBe('remove')
  expect([snapshot('Taking')?.patient, contract.parse(snapshot('Taking', { hidden: true }))]).toMatchObject([undefined, { state: 'asked', patient: true }])
})
