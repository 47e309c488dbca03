import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { testPool } from '../testing/ceph'
import { openRbdStore } from '../testing/rbd-store'
import { VolumeError } from '../store'
import { MiB, never, refuses, silent, TestVolume } from '../testing/store-under-test'

let under: Awaited<ReturnType<typeof openRbdStore>>
beforeEach(async () => {
  under = await openRbdStore()
})
afterEach(() => under?.close())

const size = 96 * MiB
const ceph = (...args: string[]) => under.ceph.admin.ceph(['osd', ...args])
async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it did not come to that')
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

/** How a pool becomes full with more than 128 MiB in it, and has room below that. */
const ways: { name: string; fill: () => Promise<void> }[] = [
  { name: 'whose quota is used up', fill: async () => void (await ceph('pool', 'set-quota', testPool, 'max_bytes', String(128 * MiB))) },
  { name: 'of a cluster that is full', fill: async () => {
    for (const [which, part] of [['nearfull', '0.05'], ['backfillfull', '0.08'], ['full', '0.125']] as const) await ceph(`set-${which}-ratio`, part)
  } },
]

it.each(ways)('a pool $name says so, lets writers wait and everything go that makes room, and loses nothing', async ({ fill }) => {
  const [kept, open, gone] = [new TestVolume(under), new TestVolume(under), new TestVolume(under)]
  for (const volume of [kept, open, gone]) await volume.create(size)
  await kept.write(0x11)
  await gone.write(0x22, 0, 64 * MiB)
  const snapshot = await gone.snapshot()
  await gone.write(0x33, 0, 64 * MiB)
  const clone = await kept.clone(await kept.snapshot(), size)
  const store = under.store()
  open.epoch = 1
  await store.claim(open.uid, 1, null)
  const image = await under.open(await store.image(open.uid, 'write', 1))
  await store.confirmOpen(open.uid, 1)
  await image.write(0x44, 0, MiB)
  const ofOpen = await open.snapshot()
  const before = { ...(await store.list()), of: await store.describe(gone.uid), snapshot: await store.describeSnapshot(snapshot, gone.uid) }

  await fill()
  await until(() => under.ceph.isFull())
  let isWritten = false
  const writing = image.write(0x55, MiB, MiB).then(() => (isWritten = true))
  await until(async () => (await store.probe()).freeBytes === 0)
  // What is there is told as before, and nothing is begun that would wait.
  expect({ ...(await store.list()), of: await store.describe(gone.uid), snapshot: await store.describeSnapshot(snapshot, gone.uid) }).toEqual(before)
  const { message } = await refuses('NoSpace', store.create({ uid: randomUUID(), sizeBytes: size, origin: { kind: 'blank' } }, silent, never))
  expect(message).toMatch(/^The store test has no room left: .*Delete volumes or snapshots/)
  await refuses('NoSpace', store.clone(snapshot, randomUUID(), size))
  await refuses('NoSpace', store.grow(kept.uid, 2 * size))
  await refuses('NoSpace', store.flatten(clone.uid, silent, never))
  await refuses('NoSpace', store.commitSnapshot(kept.uid, randomUUID()))
  await refuses('NoSpace', store.revert(gone.uid, snapshot, silent, never))
  await store.claim(kept.uid, (kept.epoch += 1), null)
  await refuses('NoSpace', store.image(kept.uid, 'write', kept.epoch))
  await store.release(kept.uid, kept.epoch)
  await refuses('Conflict', store.remove(open.uid))
  await refuses('NoSpace', store.removeSnapshot(ofOpen, open.uid))
  expect([isWritten, await under.ceph.isFull()]).toEqual([false, true])

  // What has no room for its own end makes some, and goes with the next try, as the agent makes it.
  const tried: string[] = []
  await until(() => store.remove(gone.uid).then(() => true, (error: unknown) => (tried.push(error instanceof VolumeError ? error.code : String(error)), false)))
  expect(tried).toContain('NoSpace')
  expect(await store.describeSnapshot(snapshot, gone.uid)).toMatchObject({ sizeBytes: size })
  await until(async () => (await store.probe()).freeBytes > 0)
  const copy = new TestVolume(under)
  await store.clone(snapshot, copy.uid, size)
  await copy.read(0x22, 0, 64 * MiB)
  await store.remove(copy.uid)
  await store.removeSnapshot(snapshot, gone.uid)
  expect((await store.list()).volumes.sort()).toEqual([kept.uid, open.uid, clone.uid].sort())
  await writing
  await until(async () => (await store.probe()).freeBytes > 0)
  await store.removeSnapshot(ofOpen, open.uid)
  await image.read(0x44, 0, MiB)
  await image.read(0x55, MiB, MiB)
  await image.close()
  await store.release(open.uid, 1)
  await open.read(0x55, MiB, MiB)
  await kept.read(0x11)
  await clone.read(0x11)
  await store.flatten(clone.uid, silent, never)
  await store.grow(kept.uid, 2 * size)
  await new TestVolume(under).create(size)
}, 300_000)
