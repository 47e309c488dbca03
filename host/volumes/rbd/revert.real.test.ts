import { randomUUID } from 'node:crypto'
import { afterEach, beforeAll, expect, it } from 'vitest'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { until } from '@/host/network/testing/lab'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { NEVER } from '@/tools/testing/never'
import { testPool } from '../testing/ceph'
import { cephOfAgent, lookOut, volumeOf, workerOf, type CephOfAgent } from '../testing/ceph-agent'
import { CephHost } from '../testing/ceph-host'
import type { QemuWriter } from '../testing/qemu-writer'
import type { Volume } from '../volume'
import { locksOf } from './fence'
import { noteNames, setNote } from './notes'

/** As large as an object of an image is: going back asks for each one that was written to. */
const objectBytes = 4 << 20
const manyObjects = 256
const tenant = 'a'.repeat(32)
const never = new AbortController().signal

let there: CephOfAgent
const writers: QemuWriter[] = []
const workers: Volume[] = []
const cleanup = cleanupAfterAll()

beforeAll(async () => {
  there = await cephOfAgent(cleanup, tenant)
})
afterEach(async () => {
  there.ceph.resumeOsd()
  await Promise.all(workers.splice(0).map((worker) => worker.close()))
  await Promise.all(writers.splice(0).map((writer) => writer.end()))
})

const locks = (uid: string) => locksOf(there.place, `volume-${uid}`)
const isShutOut = async (address: string): Promise<boolean> => (await there.shutOutUntil(address)) > 0
const rollingBack = async (uid: string): Promise<string[]> => (await noteNames(there.place, uid)).filter((name) => name.startsWith('rolling-back.'))

/** A volume with 1s in each of its objects, a snapshot of it, and 2s since: claimed under epoch 1, and open nowhere. */
async function written(objects = manyObjects): Promise<{ uid: string; snapshot: string }> {
  const [uid, snapshot] = [randomUUID(), randomUUID()]
  const host = await CephHost.start(there.ceph, there.agent(), writers)
  await host.store.create({ uid, sizeBytes: objects * objectBytes, origin: { kind: 'blank' } }, () => {})
  await host.store.claim(uid, 1, null)
  await host.open(uid, 1)
  for (let index = 0; index < objects; index += 1) await host.write(uid, 1, index * objectBytes)
  await host.store.commitSnapshot(uid, snapshot)
  for (let index = 0; index < objects; index += 1) await host.write(uid, 2, index * objectBytes)
  await Promise.all(writers.splice(0).map((writer) => writer.end()))
  await host.store.release(uid, 1)
  await host.store.claim(uid, 1, null)
  return { uid, snapshot }
}

const said = (uid: string, more: Partial<HostVolume>): HostVolume => volumeOf(uid, tenant, manyObjects * objectBytes, more)

/** An agent's worker of the volume. */
function worker(object: HostVolume): Volume {
  const one = workerOf(there.agent(), object)
  workers.push(one)
  return one
}

const holderOf = async (uid: string): Promise<string> => (await locks(uid))[0]?.address ?? ''

async function isBack(uid: string, objects = manyObjects): Promise<void> {
  const host = await CephHost.start(there.ceph, there.agent(), writers)
  await host.open(uid, 1)
  for (const index of [0, objects / 2, objects - 1]) expect(await host.reads(uid, 1, index * objectBytes), NEVER).toBe(true)
  await host.write(uid, 3)
}

it('goes on after the agent ended in the midst of it, under the same epoch', async () => {
  const { uid, snapshot } = await written()
  const { seen } = await lookOut('locked', there, uid)
  const first = worker(said(uid, { revertTo: snapshot }))
  await seen
  await first.close()
  there.ceph.resumeOsd()
  const address = await holderOf(uid)
  expect([first.report().revertedTo, await rollingBack(uid)]).toEqual([null, [`rolling-back.${address}`]])
  const second = worker(said(uid, { revertTo: snapshot }))
  await until(() => Promise.resolve(second.report().revertedTo === snapshot))
  expect([await isShutOut(address), await locks(uid), await rollingBack(uid)]).toEqual([true, [], []])
  await isBack(uid)
})

it('gives way to the removal of the volume, which ends it', async () => {
  const { uid, snapshot } = await written()
  const { seen } = await lookOut('locked', there, uid)
  const one = worker(said(uid, { revertTo: snapshot }))
  await seen
  one.take(said(uid, { revertTo: snapshot, purge: true }))
  there.ceph.resumeOsd()
  await until(() => Promise.resolve(one.report().phase === 'Purged'))
  expect([one.state.entry.reverted, await noteNames(there.place, uid), await there.agent().describe(uid)]).toEqual([null, [], null])
})

it('is begun anew once whoever began with it before and may have something on the way still is shut out, if he is at a host of the store', async () => {
  const { uid, snapshot } = await written(2)
  const other = await written(2)
  const host = await CephHost.start(there.ceph, there.agent(), writers)
  await host.open(other.uid, 1)
  const [address, stranger] = [await holderOf(other.uid), '198.51.100.9:0/7']
  for (const one of [address, stranger]) await setNote(there.place, uid, `rolling-back.${one}`, '1')
  await there.agent().revert(uid, snapshot, () => {}, never, 1)
  expect([await isShutOut(address), await isShutOut(stranger), await rollingBack(uid)]).toEqual([true, false, []])
  expect(await host.tryWrite(other.uid, 9), NEVER).toMatch(/shutdown/)
  await isBack(uid, 2)
})

it('makes anew what an earlier call has left half done, or goes on with it', async () => {
  const [source, clone, snapshot, sizeBytes] = [randomUUID(), randomUUID(), randomUUID(), 4 * objectBytes]
  const store = there.agent()
  await store.create({ uid: source, sizeBytes, origin: { kind: 'blank' } }, () => {})
  await store.commitSnapshot(source, snapshot)
  // A clone that was not yet as large as it shall be, and is of something else.
  await there.ceph.admin.rbd(['create', '--size', '1M', `${testPool}/${tenant}/making-${clone}`])
  expect((await store.list()).volumes).not.toContain(clone)
  await store.clone(snapshot, clone, 2 * sizeBytes)
  expect(await store.describe(clone)).toMatchObject({ sizeBytes: 2 * sizeBytes, parent: true })
  // A volume that was to go back: it is as large as its snapshot was, and the agent died before it made it as large as before.
  await store.grow(source, 2 * sizeBytes)
  await setNote(there.place, source, 'size-before-revert', String(2 * sizeBytes))
  await there.ceph.admin.rbd(['snap', 'rollback', '--no-progress', `${there.place.path(`volume-${source}`)}@${snapshot}`])
  expect(await store.describe(source)).toMatchObject({ sizeBytes })
  await store.revert(source, snapshot, () => {}, never)
  expect(await store.describe(source)).toMatchObject({ sizeBytes: 2 * sizeBytes })
  // A removal that went as far as the new name: what needs the snapshot stays, and afterwards nothing does.
  await there.ceph.admin.rbd(['rename', there.place.path(`volume-${source}`), `${testPool}/${tenant}/removed-${source}`])
  await store.remove(source)
  expect((await store.list()).snapshots).toContain(snapshot)
  expect(await there.place.info(`removed-${source}`)).toMatchObject({ size: 0 })
  await store.removeSnapshot(snapshot)
  await store.remove(clone)
  await store.remove(randomUUID())
  expect(await there.ceph.admin.rbd(['ls', `${testPool}/${tenant}`])).not.toContain(source)
})
