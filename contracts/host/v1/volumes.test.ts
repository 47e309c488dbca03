import { expect, it } from 'vitest'
import { hostCapabilities, reportInput } from '../v1'
import { volumeMessage, volumeObject, volumeObjectKey, volumeReport } from './volumes'

const uid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const volume = {
  kind: 'volume', uid: uid(1), tenantId: 'a'.repeat(32), name: 'data', storeUid: uid(2), epoch: 3, keeper: true, sizeBytes: 2 ** 30, origin: { kind: 'blank' }, mode: 'filesystem', fsType: 'ext4', formatted: false, populate: null,
  rates: { iops: 100, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }, onFull: 'pause', fence: null, revertTo: null, purge: false, flatten: false,
  attachments: [{ uid: uid(3), podUid: uid(4), name: 'data', readOnly: false, epoch: 3, mounts: null }], detaching: [],
}
const store = { kind: 'store', uid: uid(2), name: 'ceph', store: { type: 'rbd', monitors: ['[2001:db8::1]:3300', '192.0.2.1:6789'], pool: 'volumes', namespace: null, user: 'hypernetes', networks: ['192.0.2.0/24'], keyRevision: '1' } }
const snapshot = { kind: 'snapshot', uid: uid(5), tenantId: 'a'.repeat(32), volumeUid: uid(1), storeUid: uid(2), group: null, groupSize: 1, freeze: false, state: 'asked', sizeBytes: 2 ** 30 }
const problem = (value: object): string => volumeObject.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'none'

it('a host is told of stores, volumes and snapshots, each by a key of its own', () => {
  const message = volumeMessage.parse({ kind: 'volumeObjects', complete: true, set: [store, volume, snapshot], remove: [] })
  expect(message.set.map(volumeObjectKey)).toEqual([`store/${uid(2)}`, `volume/${uid(1)}`, `snapshot/${uid(5)}`])
  expect(hostCapabilities).toContain('volumeObjects')
})

it('what becomes a word of a command has nothing that is an option or ends a word', () => {
  const rbd = (fields: object) => ({ ...store, store: { ...store.store, ...fields } })
  for (const bad of ['--keyring', 'a b', 'a,b', 'a/b', 'a\n', '']) for (const field of ['pool', 'namespace', 'user']) expect(problem(rbd({ [field]: bad })), `${field} ${bad}`).toContain(`store.${field}: must be letters`)
  for (const bad of ['mon.example', '192.0.2.1:6789,x', '--id']) expect(problem(rbd({ monitors: [bad] }))).toContain('store.monitors.0: must be an address')
  expect(problem({ ...store, store: { type: 'file', folder: 'relative', shared: false } })).toContain('store.folder')
  expect(problem({ ...volume, epoch: -1 })).toContain('epoch')
  expect(problem({ ...volume, sizeBytes: 1.5 })).toContain('sizeBytes')
  expect(problem({ ...volume, attachments: Array.from({ length: 501 }, () => volume.attachments[0]) })).toContain('attachments')
})

it('a report of before has no volumes, and one that has them is of bounded size and can be stored', () => {
  const report = { bootId: uid(9), sequence: 1, complete: true, pods: [], events: [], images: [] }
  expect(reportInput.parse(report)).toEqual(report)
  const gone = { kind: 'volume', uid: uid(1), epoch: 3, phase: 'Gone', reason: '', message: 'a\0b' }
  expect(reportInput.parse({ ...report, volumes: [gone], stores: [{ uid: uid(2), reachable: true, message: '', totalBytes: 10, freeBytes: 5 }] }).volumes).toEqual([{ ...gone, message: 'a\ufffdb' }])
  expect(volumeReport.safeParse({ ...gone, message: 'x'.repeat(5000) }).success).toBe(false)
  expect(volumeReport.safeParse({ ...gone, progress: 1.1 }).success).toBe(false)
})
