import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeAll, expect, it, vi } from 'vitest'
import { until } from '@/host/network/testing/lab'
import { systemClock } from '@/host/pods/clock'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { Snapshots } from '../snapshots'
import { VolumeError } from '../store'
import { cephOfAgent, programWithLock, lookOut, volumeOf, workerOf, type CephOfAgent } from '../testing/ceph-agent'
import { CephHost } from '../testing/ceph-host'
import type { QemuWriter } from '../testing/qemu-writer'
import { PodVms } from '../vms'
import type { Volume } from '../volume'
import { CephCommands } from './ceph-commands'
import { clientsOf, locksOf } from './fence'
import type { RbdStore } from './rbd-store'

const sizeBytes = 16 << 20
const tenant = 'a'.repeat(32)

let there: CephOfAgent
const writers: QemuWriter[] = []
const workers: Volume[] = []
const cleanup = cleanupAfterAll()

beforeAll(async () => {
  there = await cephOfAgent(cleanup, tenant)
})
afterEach(async () => {
  vi.restoreAllMocks()
  there.ceph.resumeOsd()
  await Promise.all(workers.splice(0).map((worker) => worker.close()))
  await Promise.all(writers.splice(0).map((writer) => writer.end()))
})

const locks = (uid: string) => locksOf(there.place, `volume-${uid}`)

/** Claimed under epoch 1, and open nowhere. */
async function volume(): Promise<string> {
  const [uid, store] = [randomUUID(), there.agent()]
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
  const host = await CephHost.start(there.ceph, there.agent(), writers)
  await host.open(uid, 1)
  await host.write(uid, 1)
  expect(await host.reads(uid, 1)).toBe(true)
}

/** QEMUs of two hosts that read it, as pods do to which it is given for that alone, with an agent's store each. */
async function readersOf(uid: string): Promise<CephHost[]> {
  const hosts = await Promise.all([1, 2].map(() => CephHost.start(there.ceph, there.agent(), writers)))
  for (const host of hosts) await host.add(uid, 1, 'read')
  await allRead(uid, hosts, 0)
  // They have no lock, and the cluster sees each of them, as whoever may write.
  expect([(await clientsOf(there.place, `volume-${uid}`)).watchers.length, await locks(uid)]).toEqual([hosts.length, []])
  return hosts
}

const allRead = async (uid: string, hosts: readonly CephHost[], byte: number): Promise<void> => {
  expect(await Promise.all(hosts.map((host) => host.reads(uid, byte).catch((error: Error) => error.message)))).toEqual(hosts.map(() => true))
}

it('has a volume opened again that was grown by an agent that was killed before the lock came back, and leaves it to those who read it', async () => {
  const uid = await volume()
  const readers = await readersOf(uid)
  const left = await programWithLock(there, `volume-${uid}`, 2 * sizeBytes)
  await left.kill()
  const one = worker(there.agent(), uid, 2 * sizeBytes)
  await until(() => Promise.resolve(one.state.isKept))
  expect([await locks(uid), (await there.shutOutUntil(left.address)) > 0]).toEqual([[], true])
  await allRead(uid, readers, 0)
  await canBeOpened(uid)
  await allRead(uid, readers, 1)
})

it('has a volume opened again of which a snapshot was not taken in time, and leaves it to those who read it', async () => {
  const [uid, store] = [await volume(), there.agent()]
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
  const { seen } = await lookOut('locked', there, uid)
  snapshots.take({ kind: 'snapshot', uid: randomUUID(), tenantId: tenant, volumeUid: uid, storeUid: randomUUID(), group: null, groupSize: 1, freeze: false, state: 'asked', sizeBytes })
  await seen
  time.abort(new VolumeError('Unreachable', uid, 'It was ended by its time.'))
  await until(async () => taking.mock.settledResults[0]?.type === 'rejected')
  const closed = snapshots.close()
  await pause(100)
  there.ceph.resumeOsd()
  await closed
  await until(async () => one.state.isKept)
  expect(await locks(uid)).toEqual([])
  await allRead(uid, readers, 0)
  await canBeOpened(uid)
  await allRead(uid, readers, 1)
})
