import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { VolumeStore } from '../store'
import { MiB, never, silent, TestVolume, type StoreUnderTest } from './store-under-test'

/** A verb that is cut off at each of its steps: what is there before, the call, and what holds once the call was made again. `of`: whose lock it takes, where a store has some. */
type Verb = { name: string; before: (under: StoreUnderTest) => Promise<{ of?: TestVolume; call: (store: VolumeStore) => Promise<unknown>; after: () => Promise<void>; stays: string[] }> }

const size = 2 * MiB

/** A volume with bytes, a snapshot of it, and other bytes since. */
async function withSnapshot(under: StoreUnderTest): Promise<{ volume: TestVolume; snapshot: string }> {
  const volume = new TestVolume(under)
  await volume.create(size)
  await volume.write(0x11)
  const snapshot = await volume.snapshot()
  await volume.write(0x22)
  return { volume, snapshot }
}

const verbs: Verb[] = [
  { name: 'create', before: async (under) => {
    const volume = new TestVolume(under)
    return { call: (store) => store.create({ uid: volume.uid, sizeBytes: size, origin: { kind: 'blank' } }, silent, never), after: () => volume.read(0), stays: [volume.uid] }
  } },
  { name: 'import', before: async (under) => {
    const volume = new TestVolume(under)
    const folder = await mkdtemp(join(tmpdir(), 'archive-'))
    const path = join(folder, 'raw')
    await writeFile(path, Buffer.alloc(MiB, 0x33))
    return { call: (store) => store.import({ uid: volume.uid, sizeBytes: size }, { path, format: 'raw' }, silent, never), after: async () => {
      await volume.read(0x33)
      await rm(folder, { recursive: true })
    }, stays: [volume.uid] }
  } },
  { name: 'clone', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    const clone = new TestVolume(under)
    return { call: (store) => store.clone(snapshot, clone.uid, size), after: async () => {
      await clone.read(0x11)
      await clone.write(0x44)
      await volume.read(0x22)
    }, stays: [volume.uid, snapshot, clone.uid] }
  } },
  { name: 'snapshot', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    const second = randomUUID()
    return { of: volume, call: async (store) => {
      await store.prepareSnapshot(volume.uid, second)
      await store.commitSnapshot(volume.uid, second)
    }, after: async () => {
      await volume.write(0x55)
      await (await volume.clone(second, size)).read(0x22)
      await (await volume.clone(snapshot, size)).read(0x11)
    }, stays: [volume.uid, snapshot, second] }
  } },
  { name: 'abort of a snapshot', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    const second = randomUUID()
    await under.store().prepareSnapshot(volume.uid, second)
    return { of: volume, call: (store) => store.abortSnapshot(volume.uid, second), after: async () => {
      await volume.read(0x22)
      await volume.snapshot(second)
    }, stays: [volume.uid, snapshot] }
  } },
  { name: 'grow', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    return { of: volume, call: (store) => store.grow(volume.uid, 3 * MiB), after: () => volume.use(async (image) => {
      expect(await image.size()).toBe(3 * MiB)
      await image.read(0x22, 0, MiB)
    }), stays: [volume.uid, snapshot] }
  } },
  { name: 'claim', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    const epoch = volume.epoch + 1
    return { call: (store) => store.claim(volume.uid, epoch, null), after: async () => {
      expect(await under.store().describe(volume.uid)).toMatchObject({ epoch })
      volume.epoch = epoch
      await volume.read(0x22)
    }, stays: [volume.uid, snapshot] }
  } },
  { name: 'revert', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    return { of: volume, call: (store) => store.revert(volume.uid, snapshot, silent, never), after: async () => {
      await volume.read(0x11)
      await volume.write(0x66)
      await (await volume.clone(snapshot, size)).read(0x11)
    }, stays: [volume.uid, snapshot] }
  } },
  { name: 'flatten', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    const clone = await volume.clone(snapshot, size)
    return { of: clone, call: (store) => store.flatten(clone.uid, silent, never), after: async () => {
      await clone.read(0x11)
      expect(await under.store().describe(clone.uid)).toMatchObject({ parent: false })
    }, stays: [volume.uid, snapshot, clone.uid] }
  } },
  { name: 'tidy', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    await volume.use((image) => image.discard(0, MiB / 2))
    const second = await volume.snapshot()
    await volume.write(0x77, MiB)
    const third = await volume.snapshot()
    const clone = await volume.clone(third, size)
    await under.store().removeSnapshot(second)
    return { call: async (store) => store.tidy?.(volume.uid, silent, never), after: async () => {
      for (const one of [volume, clone, await volume.clone(third, size)]) {
        await one.read(0, 0, MiB / 2)
        await one.read(0x22, MiB / 2, MiB / 2)
        await one.read(0x77, MiB)
      }
      await (await volume.clone(snapshot, size)).read(0x11)
    }, stays: [volume.uid, snapshot, third, clone.uid] }
  } },
  { name: 'remove of a snapshot', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    const clone = await volume.clone(snapshot, size)
    return { of: volume, call: (store) => store.removeSnapshot(snapshot), after: async () => {
      await clone.read(0x11)
      await volume.read(0x22)
    }, stays: [volume.uid, clone.uid] }
  } },
  { name: 'remove', before: async (under) => {
    const { volume, snapshot } = await withSnapshot(under)
    return { of: volume, call: (store) => store.remove(volume.uid), after: async () => (await volume.clone(snapshot, size)).read(0x11), stays: [snapshot] }
  } },
]

/** A store with little in it starts soonest. */
async function emptied(under: StoreUnderTest): Promise<void> {
  const { volumes, snapshots } = await under.store().list()
  for (const uid of volumes) await under.store().remove(uid)
  for (const uid of snapshots) await under.store().removeSnapshot(uid)
}

/** The agent dies between any two steps of a call, which is made again after the next start: it ends as if nothing had been. `named`: these verbs alone. */
export function diesAnywhere(under: () => StoreUnderTest, named?: readonly string[]): void {
  it.each(verbs.filter(({ name }) => named?.includes(name) ?? true))('takes up $name that was cut off at any step', async ({ before }) => {
    await emptied(under())
    for (let step = 1; ; step += 1) {
      const { of, call, after, stays } = await before(under())
      const dying = await under().dying?.(step)
      if (!dying) return
      const end = await Promise.race([call(dying.store).then(() => 'came through'), dying.died.then(() => 'died')])
      await under().restart()
      await of?.takeUp()
      await call(under().store())
      const now = await under().store().list()
      expect([...now.volumes, ...now.snapshots].sort(), `step ${step}`).toEqual([...stays].sort())
      await after()
      await emptied(under())
      if (end === 'came through') return
      expect(step, 'a call has an end').toBeLessThan(40)
    }
  })
}
