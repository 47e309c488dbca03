import { randomUUID } from 'node:crypto'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { until } from '@/host/network/testing/lab'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { cephOfAgent, programWithLock, lookOut, volumeOf, workerOf, type CephOfAgent } from '../testing/ceph-agent'
import { clientsOf } from './fence'
import type { RbdStore } from './rbd-store'

const sizeBytes = 16 << 20
const tenant = 'a'.repeat(32)
const cleanup = cleanupAfterAll()
let there: CephOfAgent

beforeAll(async () => {
  there = await cephOfAgent(cleanup, tenant)
})

/** With a snapshot, and open nowhere. */
async function volume(store: RbdStore): Promise<{ uid: string; snapshot: string }> {
  const [uid, snapshot] = [randomUUID(), randomUUID()]
  await store.create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
  await store.commitSnapshot(uid, snapshot)
  return { uid, snapshot }
}

/** A program of an agent is killed while it has the image's lock. Once the cluster has forgotten it, the lock alone is left. */
async function leaveLock(image: string): Promise<void> {
  const { address, kill } = await programWithLock(there, image)
  await kill()
  await until(async () => (await clientsOf(there.place, image)).watchers.length === 0)
  expect((await clientsOf(there.place, image)).locks.map((lock) => lock.address)).toEqual([address])
}

const rename = (from: string, to: string) => there.ceph.admin.rbd(['rename', there.place.path(from), there.place.path(to)])
const names = async (): Promise<string[]> => (await there.place.names()).concat((await there.ceph.admin.rbd(['trash', 'ls', '--all', there.place.path()])).split('\n'))

// Side by side: each waits for the cluster to forget a dead program.
it.concurrent('the last snapshot of a removed volume goes, and the volume with it, where a dead program has left its lock', async () => {
  const { uid, snapshot } = await volume(there.agent())
  await there.agent().remove(uid)
  await leaveLock(`removed-${uid}`)
  await there.agent().removeSnapshot(snapshot, uid)
  // Each of those beside it sweeps what is removed, too.
  await until(async () => (await names()).every((name) => !name.includes(uid)))
})

it.concurrent('a removal goes on where it died after the new name', async () => {
  const { uid, snapshot } = await volume(there.agent())
  await rename(`volume-${uid}`, `removed-${uid}`)
  await leaveLock(`removed-${uid}`)
  await there.agent().remove(uid)
  expect(await there.place.info(`removed-${uid}`)).toMatchObject({ size: 0 })
  expect((await there.agent().list()).snapshots).toContain(snapshot)
})

it.concurrent('a volume is made, and what was half made goes, where the program that made it has left its lock', async () => {
  const uid = randomUUID()
  await volume(there.agent())
  await there.ceph.admin.rbd(['create', '--size', '1M', '--image-feature', 'layering', '--image-feature', 'exclusive-lock', there.place.path(`making-${uid}-1`)])
  await leaveLock(`making-${uid}-1`)
  await there.agent().create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
  expect((await names()).filter((name) => name.includes(uid))).toEqual([`volume-${uid}`])
})

it.concurrent('a program that lives has its lock on', async () => {
  const { uid, snapshot } = await volume(there.agent())
  await there.agent().remove(uid)
  const { address, kill } = await programWithLock(there, `removed-${uid}`)
  await there.agent().removeSnapshot(snapshot, uid)
  expect((await clientsOf(there.place, `removed-${uid}`)).locks.map((lock) => lock.address)).toEqual([address])
  await kill()
})

it('a volume goes whose removal was killed on its way through the trash, with its lock', async () => {
  const uid = randomUUID()
  await there.agent().create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
  await there.agent().claim(uid, 1, null)
  onTestFinished(() => there.ceph.resumeOsd())
  const { seen } = await lookOut('trashed', there, uid)
  const goes = volumeOf(uid, tenant, sizeBytes, { purge: true })
  const first = workerOf(there.agent(), goes)
  await seen
  await first.close()
  there.ceph.resumeOsd()
  expect((await names()).filter((name) => name.includes(uid))).not.toEqual([])
  const second = workerOf(there.agent(), goes)
  try {
    await until(() => Promise.resolve(second.report().phase === 'Purged'))
  } finally {
    await second.close()
  }
  expect((await names()).filter((name) => name.includes(uid))).toEqual([])
})
