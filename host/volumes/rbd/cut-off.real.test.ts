import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeAll, expect, it, vi } from 'vitest'
import { until } from '@/host/network/testing/lab'
import { systemClock } from '@/host/pods/clock'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { Snapshots } from '../snapshots'
import { VolumeError } from '../store'
import { TestCeph, testPool } from '../testing/ceph'
import { untilLocked, volumeOf, workerOf } from '../testing/ceph-agent'
import { CephHost } from '../testing/ceph-host'
import type { QemuWriter } from '../testing/qemu-writer'
import { agentKey } from '../testing/rbd-store'
import { PodVms } from '../vms'
import type { Volume } from '../volume'
import { CephCommands, type CephAccess } from './ceph-commands'
import { clientsOf, locksOf } from './fence'
import { RbdPlace } from './rbd-place'
import { RbdStore } from './rbd-store'
import { blocklist } from './replies'

const sizeBytes = 16 << 20
const tenant = 'a'.repeat(32)

let ceph: TestCeph
let access: CephAccess
let work: string
let place: RbdPlace
const writers: QemuWriter[] = []
const workers: Volume[] = []
const cleanup = cleanupAfterAll()

beforeAll(async () => {
  ceph = await cleanup.open('Ceph', TestCeph.start({ capacity: true }), (one) => one.stop())
  access = ceph.access('hypernetes', await agentKey(ceph))
  place = new RbdPlace(ceph.admin, testPool, tenant)
  work = await cleanup.open('the folder of a store', mkdtemp(join(tmpdir(), 'rbd-work-')), (one) => rm(one, { recursive: true, force: true }))
})
afterEach(async () => {
  vi.restoreAllMocks()
  ceph.resumeOsd()
  await Promise.all(workers.splice(0).map((worker) => worker.close()))
  await Promise.all(writers.splice(0).map((writer) => writer.end()))
})

const agent = (): RbdStore => new RbdStore({ access, pool: testPool, namespace: tenant, work })
const locks = (uid: string) => locksOf(place, `volume-${uid}`)
const isShutOut = async (address: string): Promise<boolean> => (await ceph.admin.cephJson(blocklist, ['osd', 'blocklist', 'ls'])).some(({ addr }) => addr === address)

/** Claimed under epoch 1, and open nowhere. */
async function volume(): Promise<string> {
  const [uid, store] = [randomUUID(), agent()]
  await store.create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
  await store.claim(uid, 1, null)
  return uid
}

function worker(store: RbdStore, uid: string, bytes = sizeBytes): Volume {
  const one = workerOf(store, volumeOf(uid, tenant, bytes))
  workers.push(one)
  return one
}

/** By a pod's own user, who may shut out nobody. */
async function canBeOpened(uid: string): Promise<void> {
  const host = await CephHost.start(ceph, agent(), writers)
  await host.open(uid, 1)
  await host.write(uid, 1)
  expect(await host.reads(uid, 1)).toBe(true)
}

/** QEMUs of two hosts that read it, as pods do to which it is given for that alone, with an agent's store each. */
async function readersOf(uid: string): Promise<CephHost[]> {
  const hosts = await Promise.all([1, 2].map(() => CephHost.start(ceph, agent(), writers)))
  for (const host of hosts) await host.add(uid, 1, 'read')
  await allRead(uid, hosts, 0)
  // They have no lock, and the cluster sees each of them, as whoever may write.
  expect([(await clientsOf(place, `volume-${uid}`)).watchers.length, await locks(uid)]).toEqual([hosts.length, []])
  return hosts
}

const allRead = async (uid: string, hosts: readonly CephHost[], byte: number): Promise<void> => {
  expect(await Promise.all(hosts.map((host) => host.reads(uid, byte).catch((error: Error) => error.message)))).toEqual(hosts.map(() => true))
}

/** As `rbd resize` does: it has done all, and goes on to hold the image and its lock until it is killed. */
const grows = String.raw`
import sys, time, rados, rbd
monitors, user, pool, namespace, image, size, *settings = sys.argv[1:]
conf = dict(one.split('=', 1) for one in settings)
conf.update(mon_host=monitors, key=sys.stdin.read().strip())
cluster = rados.Rados(name='client.' + user, conf=conf)
cluster.connect()
pool = cluster.open_ioctx(pool)
pool.set_namespace(namespace)
one = rbd.Image(pool, image)
one.resize(int(size))
while True:
    time.sleep(1)
`

it('has a volume opened again that was grown by an agent that was killed before the lock came back, and leaves it to those who read it', async () => {
  const uid = await volume()
  const readers = await readersOf(uid)
  const killed = new AbortController()
  const growing = new CephCommands(access).python('rbd resize', grows, [testPool, tenant, `volume-${uid}`, String(2 * sizeBytes)], { turn: 'long', signal: killed.signal }).catch(() => {})
  await until(async () => (await place.info(`volume-${uid}`))?.size === 2 * sizeBytes && (await locks(uid)).length > 0)
  killed.abort(new Error('the agent is killed'))
  await growing
  const [left] = await locks(uid)
  const one = worker(agent(), uid, 2 * sizeBytes)
  await until(() => Promise.resolve(one.state.isKept))
  expect([await locks(uid), await isShutOut(left?.address ?? '')]).toEqual([[], true])
  await allRead(uid, readers, 0)
  await canBeOpened(uid)
  await allRead(uid, readers, 1)
})

it('has a volume opened again of which a snapshot was not taken in time, and leaves it to those who read it', async () => {
  const [uid, store] = [await volume(), agent()]
  const one = worker(store, uid)
  await until(() => Promise.resolve(one.state.isKept))
  const readers = await readersOf(uid)
  const time = new AbortController()
  const rbd = CephCommands.prototype.rbd
  vi.spyOn(CephCommands.prototype, 'rbd').mockImplementation(function (this: CephCommands, args, options) {
    return rbd.call(this, args, args.includes('create') ? { ...options, signal: time.signal } : options)
  })
  const taking = vi.spyOn(store, 'commitSnapshot')
  const none = async () => {}
  const snapshots = new Snapshots({ ledger: { snapshot: () => null, save: none, remove: none }, clock: systemClock, log: { warn: () => {} }, vms: new PodVms([], () => {}), volume: () => one, store: () => store, changed: () => {} })
  const locked = untilLocked(ceph, place, uid)
  snapshots.take({ kind: 'snapshot', uid: randomUUID(), tenantId: tenant, volumeUid: uid, storeUid: randomUUID(), group: null, groupSize: 1, freeze: false, state: 'asked', sizeBytes })
  await locked
  time.abort(new VolumeError('Unreachable', uid, 'It was ended by its time.'))
  await until(async () => taking.mock.settledResults[0]?.type === 'rejected')
  const closed = snapshots.close()
  await pause(100)
  ceph.resumeOsd()
  await closed
  await until(async () => one.state.isKept)
  expect(await locks(uid)).toEqual([])
  await allRead(uid, readers, 0)
  await canBeOpened(uid)
  await allRead(uid, readers, 1)
})
