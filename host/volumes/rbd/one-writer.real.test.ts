import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { until } from '@/host/network/testing/lab'
import { NEVER } from '@/tools/testing/never'
import { serialOf, throttleNode } from '../open-image'
import { TestCeph, testPool } from '../testing/ceph'
import { CephHost } from '../testing/ceph-host'
import { agentKey } from '../testing/rbd-store'
import type { QemuWriter } from '../testing/qemu-writer'
import { refuseLower } from './claims'
import type { CephAccess } from './ceph-commands'
import { shutOut } from './fence'
import { RbdPlace } from './rbd-place'
import { RbdStore } from './rbd-store'
import { blocklist, lockList, watcherList } from './replies'
import { rollBackImage } from './roll-back'
import { makeWhole } from './volumes'

const sizeBytes = 16 << 20
const block = 64 << 10
const tenant = 'a'.repeat(32)

let ceph: TestCeph
/** The agents'. */
let access: CephAccess
let work: string
const writers: QemuWriter[] = []

const start = (): Promise<CephHost> => CephHost.start(ceph, new RbdStore({ access, pool: testPool, namespace: tenant, work }), writers)
const path = (uid: string) => `${testPool}/${tenant}/volume-${uid}`
const locks = (uid: string) => ceph.admin.rbdJson(lockList, ['lock', 'ls', path(uid)])

beforeAll(async () => {
  ceph = await TestCeph.start()
  access = ceph.access('hypernetes', await agentKey(ceph))
  work = await mkdtemp(join(tmpdir(), 'rbd-work-'))
})
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.end()))
})
afterAll(async () => {
  await ceph?.stop()
  await rm(work, { recursive: true, force: true })
})

async function volume(): Promise<string> {
  const uid = randomUUID()
  const store = new RbdStore({ access, pool: testPool, namespace: tenant, work })
  await store.create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
  return uid
}

/** The first has it open, and has written and flushed, so that librbd's cache would take what it writes next; then it fell asleep. */
async function asleep(): Promise<{ uid: string; one: CephHost; two: CephHost }> {
  const [uid, one, two] = [await volume(), await start(), await start()]
  await one.store.claim(uid, 1, null)
  await one.open(uid, 1)
  await one.write(uid, 1)
  one.qemu.sleep()
  return { uid, one, two }
}

/** Answers whom it has shut out. */
async function takeOver(uid: string, next: CephHost): Promise<string[]> {
  const { clients } = await next.store.claim(uid, 2, { hostId: randomUUID(), epoch: 1 })
  await next.open(uid, 2)
  await next.write(uid, 2)
  return clients
}

describe('two real QEMUs and one image', () => {
  it('can both write where nobody is shut out, and neither notices', async () => {
    const [uid, one, two] = [await volume(), await start(), await start()]
    await one.store.claim(uid, 1, null)
    await one.open(uid, 1)
    await two.add(uid, 1)
    await one.write(uid, 1)
    await two.write(uid, 2)
    await one.write(uid, 3, block)
    expect(await two.reads(uid, 2), NEVER).toBe(true)
    expect(await two.reads(uid, 3, block)).toBe(true)
  })

  it('never both write once one has claimed a higher epoch', async () => {
    const [uid, one, two] = [await volume(), await start(), await start()]
    await one.store.claim(uid, 1, null)
    await one.open(uid, 1)
    await one.write(uid, 1)
    const [before] = await locks(uid)
    const { clients } = await two.store.claim(uid, 2, null)
    expect(clients).toEqual([before?.address])
    expect(await one.tryWrite(uid, 9), NEVER).toMatch(/shutdown/)
    expect(await one.tryWrite(uid, 9, block), NEVER).toMatch(/shutdown/)
    await two.open(uid, 2)
    expect(await two.reads(uid, 1)).toBe(true)
    await two.write(uid, 2)
    expect(await one.tryWrite(uid, 9), NEVER).toMatch(/shutdown/)
    expect(await two.reads(uid, 2), NEVER).toBe(true)
    // Its agent is refused whatever it asks, and shuts out nobody.
    await expect(one.store.claim(uid, 1, null)).rejects.toMatchObject({ code: 'Stale', object: uid })
    await expect(one.store.image(uid, 'write', 1)).rejects.toMatchObject({ code: 'Stale' })
    await one.store.release(uid, 1)
    await two.write(uid, 4)
    // For a year, not for the hour that the breaking of a lock gives.
    const entry = (await ceph.admin.cephJson(blocklist, ['osd', 'blocklist', 'ls'])).find(({ addr }) => addr === before?.address)
    expect(Date.parse(entry?.until ?? '')).toBeGreaterThan(Date.now() + 300 * 86_400_000)
  })

  it('has an owner that slept over the takeover write nothing when it wakes', async () => {
    const { uid, one, two } = await asleep()
    const late = one.tryWrite(uid, 9)
    await takeOver(uid, two)
    one.qemu.wake()
    expect(await late, NEVER).toMatch(/shutdown/)
    expect(await two.reads(uid, 2), NEVER).toBe(true)
    await two.write(uid, 3)
  })

  // librbd's own cache answers such a write at once, and tells of its failure in no flush that has nothing to wait for: QEMU then says that what exists nowhere is flushed.
  it('answers an owner that slept over the takeover no write before it is in the store', async () => {
    const { uid, one, two } = await asleep()
    await takeOver(uid, two)
    ceph.stopOsd()
    try {
      one.qemu.wake()
      const late = one.qemu.writeUnflushed(throttleNode(serialOf(uid)), 9, 0, block).then(() => 'written', (error: Error) => error.message)
      expect(await Promise.race([late, pause(1000, 'waits')]), NEVER).not.toBe('written')
      ceph.resumeOsd()
      expect(await late, NEVER).toMatch(/shutdown/)
    } finally {
      ceph.resumeOsd()
    }
    expect(await two.reads(uid, 2), NEVER).toBe(true)
  })

  it('has a host that slept between its claim and its opening close again before its guest may write', async () => {
    const [uid, one, two] = [await volume(), await start(), await start()]
    await one.store.claim(uid, 1, null)
    await one.add(uid, 1)
    one.qemu.sleep()
    // Until Ceph has forgotten that it listens, so that nothing tells of it.
    await until(async () => (await ceph.admin.rbdJson(watcherList, ['status', path(uid)])).watchers.length === 0)
    expect(await takeOver(uid, two)).toEqual([])
    one.qemu.wake()
    // It is given the lock, for nobody knew whom to shut out. This is where its agent looks at the epoch.
    await one.qemu.takeLock(throttleNode(serialOf(uid)))
    await expect(one.store.confirmOpen(uid, 1)).rejects.toMatchObject({ code: 'Stale' })
    await one.qemu.close(throttleNode(serialOf(uid)))
    await two.write(uid, 3)
    expect(await two.reads(uid, 3), NEVER).toBe(true)
  })

  it('has a host that slept between its claim and its going back to a snapshot take nothing back', async () => {
    const [uid, snapshot, one, two] = [await volume(), randomUUID(), await start(), await start()]
    await one.store.claim(uid, 1, null)
    await one.store.commitSnapshot(uid, snapshot)
    await takeOver(uid, two)
    // Where it wakes: it had looked at the epoch before.
    await expect(rollBackImage(new RbdPlace(ceph.admin, testPool, tenant), uid, { image: `volume-${uid}`, snapshot }, 1, new AbortController().signal)).rejects.toMatchObject({ code: 'Stale' })
    expect(await two.reads(uid, 2), NEVER).toBe(true)
    await two.write(uid, 3)
  })

  it('has a host that slept as it was about to remove a snapshot leave the one that the next owner has taken under its name', async () => {
    const [uid, snapshot, one, two] = [await volume(), randomUUID(), await start(), await start()]
    await one.store.claim(uid, 1, null)
    await one.store.commitSnapshot(uid, snapshot)
    const remove = RbdPlace.prototype.removeSnapshot
    const slept = vi.spyOn(RbdPlace.prototype, 'removeSnapshot').mockImplementationOnce(async function (this: RbdPlace, image, id) {
      await two.store.claim(uid, 2, null)
      await two.store.removeSnapshot(snapshot, uid, 2)
      expect(await two.store.findSnapshot(snapshot, uid)).toBeNull()
      await two.store.commitSnapshot(uid, snapshot)
      return remove.call(this, image, id)
    })
    try {
      await one.store.removeSnapshot(snapshot, uid, 1)
    } finally {
      slept.mockRestore()
    }
    expect(await two.store.findSnapshot(snapshot, uid)).toMatchObject({ sizeBytes, volumeUid: uid })
  })

  it('has of two hosts that make a volume at once the first one make it, whole', async () => {
    const [uid, place] = [randomUUID(), new RbdPlace(ceph.admin, testPool, tenant)]
    let goOn = (): void => {}
    const waits = new Promise<void>((resolve) => (goOn = resolve))
    let isHalf = (): void => {}
    const half = new Promise<void>((resolve) => (isHalf = resolve))
    const late = makeWhole(place, uid, sizeBytes, async (image) => {
      await place.createImage(image, sizeBytes / 2)
      isHalf()
      await waits
    })
    await half
    await makeWhole(place, uid, sizeBytes, async (image) => {
      await place.createImage(image, sizeBytes)
      goOn()
      await expect(late).rejects.toMatchObject({ code: 'Conflict' })
      expect(await place.info(`volume-${uid}`)).toBe(null)
    })
    expect(await place.info(`volume-${uid}`)).toMatchObject({ size: sizeBytes })
    expect((await place.names()).filter((name) => name.includes(uid))).toEqual([`volume-${uid}`])
  })

  it('does not call an image open safely that is open without its lock', async () => {
    const [uid, one] = [await volume(), await start()]
    await one.store.claim(uid, 1, null)
    await one.add(uid, 1)
    await expect(one.store.confirmOpen(uid, 1)).rejects.toMatchObject({ code: 'NotFenced' })
  })

  it('lets a volume go on after its QEMU was killed, on the same host and under the same epoch', async () => {
    const [uid, one, two] = [await volume(), await start(), await start()]
    await one.store.claim(uid, 1, null)
    await one.open(uid, 1)
    await one.write(uid, 1)
    await one.qemu.end()
    expect(await locks(uid)).toHaveLength(1)
    await one.store.release(uid, 1)
    expect(await locks(uid)).toEqual([])
    await expect(two.add(uid, 1)).rejects.toMatchObject({ code: 'Conflict' })
    await two.store.claim(uid, 1, null)
    await two.open(uid, 1)
    expect(await two.reads(uid, 1)).toBe(true)
    await two.write(uid, 2)
    // Claimed again, as an agent does that was started anew: its own QEMU is not shut out.
    expect((await two.store.claim(uid, 1, null)).clients).toEqual([])
    await two.write(uid, 3)
  })

  it('keeps the higher of two epochs that are claimed at once', async () => {
    const [uid, one, two] = [await volume(), await start(), await start()]
    const outcomes = await Promise.allSettled([one.store.claim(uid, 1, null), two.store.claim(uid, 2, null)])
    expect(outcomes[1].status).toBe('fulfilled')
    expect(await two.store.describe(uid)).toMatchObject({ epoch: 2 })
    await two.open(uid, 2)
    await two.write(uid, 2)
    await expect(one.store.image(uid, 'write', 1)).rejects.toMatchObject({ code: 'Stale' })
  })

  it('has a host that is late with its claim shut out nobody whom a later one has let in', async () => {
    const [uid, one] = [await volume(), await start()]
    await one.store.claim(uid, 5, null)
    await one.open(uid, 5)
    const place = new RbdPlace(ceph.admin, testPool, tenant)
    // Where a claim of epoch 4 goes on that had written its epoch down before.
    await expect(shutOut(place, uid, `volume-${uid}`, () => refuseLower(place, uid, 4))).rejects.toMatchObject({ code: 'Stale' })
    await one.write(uid, 5)
    expect(await locks(uid)).toHaveLength(1)
  })

  it('shuts out who holds a lock unseen where he is at a host of the store, and else takes the lock alone', async () => {
    const place = new RbdPlace(ceph.as('hypernetes', access.key), testPool, tenant)
    const isShutOut = async (address: string) => (await ceph.admin.cephJson(blocklist, ['osd', 'blocklist', 'ls'])).some(({ addr }) => addr === address)
    /** Of a QEMU that died with the lock, and of which the cluster knows nothing else any more. */
    const left = async (): Promise<{ uid: string; address: string }> => {
      const [uid, one] = [await volume(), await start()]
      await one.store.claim(uid, 1, null)
      await one.open(uid, 1)
      await one.qemu.end()
      await until(async () => (await ceph.admin.rbdJson(watcherList, ['status', path(uid)])).watchers.length === 0)
      return { uid, address: (await locks(uid))[0]?.address ?? '' }
    }
    const [one, other] = [await left(), await left()]
    expect(await shutOut(place, one.uid, `volume-${one.uid}`, () => Promise.resolve())).toEqual([one.address])
    expect([await isShutOut(one.address), await locks(one.uid)]).toEqual([true, []])
    await ceph.admin.rados(testPool, 'hypernetes', ['rm', 'hypernetes.hosts'])
    expect(await shutOut(place, other.uid, `volume-${other.uid}`, () => Promise.resolve())).toEqual([])
    expect([await isShutOut(other.address), await locks(other.uid)]).toEqual([false, []])
    await ceph.admin.rados(testPool, 'hypernetes', ['setxattr', 'hypernetes.hosts', 'host.127.0.0.1', '1'])
  })
})
