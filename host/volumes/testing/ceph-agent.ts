import { randomUUID } from 'node:crypto'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import type { VolumeEntry } from '@/host/ledger/volumes'
import { systemClock } from '@/host/pods/clock'
import type { RbdPlace } from '../rbd/rbd-place'
import type { RbdStore } from '../rbd/rbd-store'
import { PodVms } from '../vms'
import { Volume } from '../volume'
import { testPool, type TestCeph } from './ceph'
import { unlimited } from './ceph-host'

/** What the server says of a volume, under the epoch under which it was claimed. */
export const volumeOf = (uid: string, tenantId: string, sizeBytes: number, more: Partial<HostVolume> = {}): HostVolume => ({
  ...{ kind: 'volume', uid, tenantId, name: 'data', storeUid: randomUUID(), epoch: 1, keeper: true, sizeBytes, origin: { kind: 'blank' }, mode: 'filesystem', fsType: 'ext4', formatted: true },
  ...{ populate: null, rates: unlimited, onFull: 'pause', fence: null, revertTo: null, purge: false, flatten: false, attachments: [], detaching: [] },
  ...more,
})

/** An agent's worker of the volume, whose ledger says what the server does. Somebody has to close it. */
export function workerOf(store: RbdStore, object: HostVolume): Volume {
  const entry: VolumeEntry = { version: 1, kind: 'volume', uid: object.uid, epoch: object.epoch, object, holds: [], made: true, formatted: null, reverted: null, fenced: null, goneAt: null }
  const none = () => Promise.reject(new Error('this host has none'))
  const log = { warn: () => {}, error: () => {} }
  return new Volume({ ledger: { save: async () => {} }, vms: new PodVms([], () => {}), store: () => store, kindOf: () => 'rbd', makeOfArchive: none, imageFile: none, clock: systemClock, log, tell: () => {}, changed: () => {} }, entry, true)
}

/** `rbd lock ls` takes as long to start as all of it: this looks many times a second, at where Ceph keeps the lock in the image's header, and stops the OSD at once, so that what has the lock does not come to its end meanwhile. */
const lookout = String.raw`
import os, signal, sys, time, rados
monitors, user, pool, namespace, header, osd, *settings = sys.argv[1:]
conf = dict(one.split('=', 1) for one in settings)
conf.update(mon_host=monitors, key=sys.stdin.read().strip())
cluster = rados.Rados(name='client.' + user, conf=conf)
cluster.connect()
pool = cluster.open_ioctx(pool)
pool.set_namespace(namespace)
def lock():
    try:
        return pool.get_xattr(header, 'lock.rbd_lock')
    except rados.NoData:
        return b''
while b'auto ' not in lock():
    time.sleep(0.001)
os.kill(int(osd), signal.SIGSTOP)
os._exit(0)
`

/** Resolves once somebody has taken the lock of a volume's image, in a cluster that answers nobody until `resumeOsd`. */
export async function untilLocked(ceph: TestCeph, place: RbdPlace, uid: string): Promise<void> {
  const { id } = (await place.info(`volume-${uid}`)) ?? {}
  await ceph.admin.python('lookout', lookout, [testPool, place.namespace, `rbd_header.${id}`, String(ceph.osdPid)])
}
