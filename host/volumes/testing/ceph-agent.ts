import { randomUUID } from 'node:crypto'
import { access as isThere, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import type { VolumeEntry } from '@/host/ledger/volumes'
import { until } from '@/host/network/testing/lab'
import { systemClock } from '@/host/pods/clock'
import type { Cleanup } from '@/tools/testing/cleanup'
import { CephCommands, type CephAccess } from '../rbd/ceph-commands'
import { locksOf } from '../rbd/fence'
import { RbdPlace } from '../rbd/rbd-place'
import { RbdStore } from '../rbd/rbd-store'
import { blocklist } from '../rbd/replies'
import { PodVms } from '../vms'
import { Volume } from '../volume'
import { TestCeph, testPool } from './ceph'
import { unlimited } from './ceph-host'
import { agentKey } from './rbd-store'

/** A Ceph, and one tenant's place in it. `access`: of an agent that has the rights it needs alone; `place`: the administrator's; `agent`: another one each time, as after a start. */
export type CephOfAgent = { ceph: TestCeph; access: CephAccess; place: RbdPlace; agent: () => RbdStore; shutOutUntil: (address: string) => Promise<number> }

export async function cephOfAgent(cleanup: Cleanup, tenant: string): Promise<CephOfAgent> {
  const ceph = await cleanup.open('Ceph', TestCeph.start({ capacity: true }), (one) => one.stop())
  const access = ceph.access('hypernetes', await agentKey(ceph))
  const work = await cleanup.open('the folder of a store', mkdtemp(join(tmpdir(), 'rbd-work-')), (one) => rm(one, { recursive: true, force: true }))
  return {
    ceph,
    access,
    place: new RbdPlace(ceph.admin, testPool, tenant),
    agent: () => new RbdStore({ access, pool: testPool, namespace: tenant, work }),
    // Milliseconds of the clock; 0: it is not shut out.
    shutOutUntil: async (address) => Date.parse((await ceph.admin.cephJson(blocklist, ['osd', 'blocklist', 'ls'])).find(({ addr }) => addr === address)?.until ?? '') || 0,
  }
}

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

/** A script over Ceph's libraries that has the tenant's place open as `pool`. `names`: of its arguments. */
const script = (names: string, work: string): string => `
import os, signal, sys, time, rados, rbd
monitors, user, pool, namespace, ${names}, *settings = sys.argv[1:]
conf = dict(one.split('=', 1) for one in settings)
conf.update(mon_host=monitors, key=sys.stdin.read().strip())
cluster = rados.Rados(name='client.' + user, conf=conf)
cluster.connect()
pool = cluster.open_ioctx(pool)
pool.set_namespace(namespace)
${work}`

/** `rbd` takes as long to start as all of it: this looks many times a second, at where Ceph keeps an image's lock (in its header) and which images are in the trash, and stops the OSD at once, so that what does it does not come to its end meanwhile. */
const lookout = script('what, image, osd, ready', `
def locked():
    try:
        return b'auto ' in pool.get_xattr('rbd_header.' + image, 'lock.rbd_lock')
    except rados.NoData:
        return False
def trashed():
    try:
        with rados.ReadOpCtx() as op:
            keys, _ = pool.get_omap_vals_by_keys(op, ('id_' + image,))
            pool.operate_read_op(op, 'rbd_trash')
            return len(list(keys)) > 0
    except rados.ObjectNotFound:
        return False
open(ready, 'w').close()
while not (locked() and (what == 'locked' or trashed())):
    time.sleep(0.001)
os.kill(int(osd), signal.SIGSTOP)
os._exit(0)
`)

/** As a program of `rbd` does: it has done all, and goes on to hold the image and its lock until it is killed. */
const holder = script('image, size', `
one = rbd.Image(pool, image)
one.resize(int(size)) if size else one.lock_acquire(rbd.RBD_LOCK_MODE_EXCLUSIVE)
while True:
    time.sleep(1)
`)

/** A program of an agent that has the lock of the image, once that has so many bytes, where it is told of some; until it is killed. */
export async function programWithLock({ access, place }: CephOfAgent, image: string, sizeBytes?: number): Promise<{ address: string; kill: () => Promise<void> }> {
  const killed = new AbortController()
  const holding = new CephCommands(access).python('rbd', holder, [testPool, place.namespace, image, String(sizeBytes ?? '')], { turn: 'long', signal: killed.signal }).catch(() => {})
  await until(async () => (sizeBytes === undefined || (await place.info(image))?.size === sizeBytes) && (await locksOf(place, image)).length > 0)
  const [lock] = await locksOf(place, image)
  const kill = (): Promise<void> => {
    killed.abort(new Error('it is killed'))
    return holding.then(() => {})
  }
  return { address: lock?.address ?? '', kill }
}

/**
 * Resolves once a lookout looks at a volume's image: whatever is begun after that does not come to its end before it is seen.
 * `seen` resolves once somebody has taken the image's lock, and it is in the trash where that is asked for, in a cluster that answers nobody until `resumeOsd`.
 */
export async function lookOut(what: 'locked' | 'trashed', { ceph, place }: Pick<CephOfAgent, 'ceph' | 'place'>, uid: string): Promise<{ seen: Promise<unknown> }> {
  const { id = '' } = (await place.info(`volume-${uid}`)) ?? {}
  const folder = await mkdtemp(join(tmpdir(), 'lookout-'))
  try {
    const ready = join(folder, 'ready')
    const seen = ceph.admin.python('lookout', lookout, [testPool, place.namespace, what, id, String(ceph.osdPid), ready], { timeoutMs: 200_000 })
    // A test that fails may ask no more what became of it.
    seen.catch(() => {})
    await Promise.race([seen, until(() => isThere(ready).then(() => true, () => false))])
    return { seen }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
