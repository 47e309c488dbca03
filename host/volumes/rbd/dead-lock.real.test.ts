import { randomUUID } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import { until } from '@/host/network/testing/lab'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { cephOfAgent, killedWithLock, type CephOfAgent } from '../testing/ceph-agent'
import { CephHost } from '../testing/ceph-host'
import type { QemuWriter } from '../testing/qemu-writer'
import { clientsOf } from './fence'
import type { RbdStore } from './rbd-store'

const sizeBytes = 16 << 20
const tenant = 'a'.repeat(32)
const never = new AbortController().signal
const cleanup = cleanupAfterAll()
let there: CephOfAgent

beforeAll(async () => {
  there = await cephOfAgent(cleanup, tenant)
})

/** Claimed under epoch 1, with a snapshot, and open nowhere. */
async function volume(store: RbdStore): Promise<{ uid: string; snapshot: string }> {
  const [uid, snapshot] = [randomUUID(), randomUUID()]
  await store.create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
  await store.claim(uid, 1, null)
  await store.commitSnapshot(uid, snapshot)
  return { uid, snapshot }
}

/** A program that is killed while it has the image's lock. Once the cluster has forgotten it, the lock alone is left. Answers its address. */
async function dead(image: string): Promise<string> {
  const address = await killedWithLock(there, image)
  await until(async () => (await clientsOf(there.place, image)).watchers.length === 0)
  expect((await clientsOf(there.place, image)).locks.map((lock) => lock.address)).toEqual([address])
  return address
}

// By itself librbd shuts out a dead one for an hour at most, after which one that only slept comes back.
const isShutOutForLong = async (address: string): Promise<void> => expect(await there.shutOutUntil(address)).toBeGreaterThan(Date.now() + 300 * 86_400_000)

// Side by side: each waits for the cluster to forget a dead program.
it.concurrent.each<[string, (store: RbdStore, uid: string, snapshot: string) => Promise<void>]>([
  ['a snapshot', async (store, uid) => {
    const taken = randomUUID()
    await store.commitSnapshot(uid, taken)
    expect((await store.list()).snapshots).toContain(taken)
  }],
  ['growth', async (store, uid) => {
    await store.grow(uid, 2 * sizeBytes)
    expect(await store.describe(uid)).toMatchObject({ sizeBytes: 2 * sizeBytes })
  }],
  ['going back', (store, uid, snapshot) => store.revert(uid, snapshot, () => {}, never, 1)],
  ['the removal of a snapshot', async (store, uid, snapshot) => {
    await store.removeSnapshot(snapshot, uid)
    expect((await store.list()).snapshots).not.toContain(snapshot)
  }],
  ['its removal', async (store, uid) => {
    await store.remove(uid)
    expect((await store.list()).volumes).not.toContain(uid)
  }],
])('the lock of a volume that a dead program of an agent has left is in the way of nothing: %s shuts it out', async (_, change) => {
  const store = there.agent()
  const { uid, snapshot } = await volume(store)
  const address = await dead(`volume-${uid}`)
  await change(there.agent(), uid, snapshot)
  await isShutOutForLong(address)
  expect((await clientsOf(there.place, `volume-${uid}`).catch(() => ({ locks: [] }))).locks).toEqual([])
})

it.concurrent('a copy parts from its parent, and what is left of a removed volume goes, past such a lock', async () => {
  const store = there.agent()
  const { uid, snapshot } = await volume(store)
  const copy = randomUUID()
  await store.clone(snapshot, copy, sizeBytes)
  const first = await dead(`volume-${copy}`)
  await there.agent().flatten(copy, () => {}, never)
  await isShutOutForLong(first)
  await store.remove(uid)
  const second = await dead(`removed-${uid}`)
  await there.agent().removeSnapshot(snapshot, uid)
  await isShutOutForLong(second)
  expect(await there.place.names()).not.toContain(`removed-${uid}`)
})

it.concurrent('whoever lives is left alone', async () => {
  const writers: QemuWriter[] = []
  try {
    const host = await CephHost.start(there.ceph, there.agent(), writers)
    const { uid } = await volume(host.store)
    await host.open(uid, 1)
    const taken = randomUUID()
    await there.agent().commitSnapshot(uid, taken)
    await there.agent().removeSnapshot(taken, uid)
    await expect(there.agent().remove(uid)).rejects.toMatchObject({ code: 'Conflict', message: expect.stringContaining('is open') })
    await host.write(uid, 1)
    expect(await host.reads(uid, 1)).toBe(true)
  } finally {
    await Promise.all(writers.map((writer) => writer.end()))
  }
})
