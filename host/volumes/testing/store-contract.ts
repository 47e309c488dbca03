import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Image } from '../store'
import { diesAnywhere } from './store-crashes'
import { importsArchives } from './store-imports'
import { keepsBytesInAnyOrder } from './store-orders'
import { MiB, never, refuses, silent, TestVolume, type StoreUnderTest } from './store-under-test'

/** `runs`: how many random orders of changes are tried. `crashes`: whether its agent can be made to die at a step. */
export type ContractParts = { runs: number; crashes?: boolean }

/** What every store of volumes does. */
export function describeStore(name: string, open: () => Promise<StoreUnderTest>, { runs, crashes = true }: ContractParts): void {
  describe(`a store of volumes: ${name}`, () => {
    let under: StoreUnderTest
    beforeAll(async () => {
      under = await open()
    })
    afterAll(() => under.close())
    const volumeOf = async (sizeBytes: number): Promise<TestVolume> => {
      const volume = new TestVolume(under)
      await volume.create(sizeBytes)
      return volume
    }
    const bytesOf = async (uid: string): Promise<number> => (await under.store().describe(uid))?.storedBytes ?? 0
    const isListed = async (kind: 'volumes' | 'snapshots', uid: string): Promise<boolean> => (await under.store().list())[kind].includes(uid)

    it('says how full it is, and knows nothing of what it does not have', async () => {
      const { totalBytes, freeBytes } = await under.store().probe()
      expect(freeBytes).toBeGreaterThan(0)
      expect(totalBytes).toBeGreaterThanOrEqual(freeBytes)
      const unknown = randomUUID()
      expect(await under.store().describe(unknown)).toBeNull()
      expect(await under.store().describeSnapshot(unknown)).toBeNull()
      expect(await under.store().findSnapshot(unknown)).toBeNull()
      await refuses('NotFound', under.store().claim(unknown, 1, null))
      await refuses('NotFound', under.store().grow(unknown, MiB))
      await refuses('NotFound', under.store().prepareSnapshot(unknown, randomUUID()))
      await refuses('NotFound', under.store().clone(unknown, randomUUID(), MiB))
      expect(await isListed('volumes', unknown)).toBe(false)
      // What is not there is removed already.
      await under.store().remove(unknown)
      await under.store().removeSnapshot(unknown)
    })

    it('makes a blank volume, once however often it is asked, and removes it', async () => {
      const volume = await volumeOf(8 * MiB)
      await volume.read(0, 0, 8 * MiB)
      expect(await volume.use((image) => image.size())).toBe(8 * MiB)
      await volume.write(0x11)
      await volume.create(8 * MiB)
      await volume.read(0x11)
      expect(await under.store().describe(volume.uid)).toMatchObject({ sizeBytes: 8 * MiB, parent: false, epoch: volume.epoch })
      expect(await isListed('volumes', volume.uid)).toBe(true)
      await under.store().remove(volume.uid)
      await under.store().remove(volume.uid)
      expect(await isListed('volumes', volume.uid)).toBe(false)
      expect(await under.store().describe(volume.uid)).toBeNull()
    })

    it('says what a volume takes, more with what is written and less with what is discarded', async () => {
      const volume = await volumeOf(16 * MiB)
      const empty = await bytesOf(volume.uid)
      await volume.write(0x22, 0, 8 * MiB)
      const full = await bytesOf(volume.uid)
      expect(full - empty).toBeGreaterThanOrEqual(8 * MiB)
      await volume.use((image) => image.discard(0, 8 * MiB))
      expect(await bytesOf(volume.uid)).toBeLessThan(full - 4 * MiB)
      await volume.read(0, 0, 8 * MiB)
    })

    it('grows a volume and keeps its bytes; it is never made smaller', async () => {
      const volume = await volumeOf(4 * MiB)
      await volume.write(0x33, 0, 4 * MiB)
      await under.store().grow(volume.uid, 12 * MiB)
      await under.store().grow(volume.uid, 12 * MiB)
      await volume.use(async (image) => {
        expect(await image.size()).toBe(12 * MiB)
        await image.read(0x33, 0, 4 * MiB)
        await image.read(0, 4 * MiB, 8 * MiB)
        await image.write(0x34, 11 * MiB, MiB)
      })
      await refuses('Conflict', under.store().grow(volume.uid, 8 * MiB))
      expect(await under.store().describe(volume.uid)).toMatchObject({ sizeBytes: 12 * MiB })
    })

    it('takes snapshots that never change, and clones that go their own way', async () => {
      const volume = await volumeOf(8 * MiB)
      await volume.write(0x41)
      await volume.write(0x42, 2 * MiB)
      const first = await volume.snapshot()
      await volume.write(0x43)
      const second = await volume.snapshot()
      expect(await volume.snapshot(second)).toBe(second)
      await volume.write(0x44)
      const [of1, of2] = [await volume.clone(first, 8 * MiB), await volume.clone(second, 16 * MiB)]
      await of1.read(0x41)
      await of1.read(0x42, 2 * MiB)
      await of2.read(0x43)
      await of2.read(0, 8 * MiB, 8 * MiB)
      await of1.write(0x51)
      await of2.write(0x52, 12 * MiB)
      await volume.read(0x44)
      await of2.read(0x43)
      await (await volume.clone(first, 8 * MiB)).read(0x41)
      expect(await under.store().describeSnapshot(first)).toMatchObject({ sizeBytes: 8 * MiB, volumeUid: volume.uid })
      const found = await under.store().findSnapshot(first, volume.uid)
      expect(found).toMatchObject({ sizeBytes: 8 * MiB, volumeUid: volume.uid })
      // Some minutes: clocks and a slow machine, and not a zone.
      expect(Math.abs(Date.parse(found?.takenAt ?? '') - Date.now())).toBeLessThan(20 * 60_000)
      // What a snapshot keeps is its own, also where the volume has it, too: a tenant's bytes count once.
      expect((await under.store().describeSnapshot(first))?.storedBytes).toBeGreaterThanOrEqual(2 * 65_536)
      expect(await under.store().describe(of1.uid)).toMatchObject({ parent: true })
      await refuses('SourceTooLarge', under.store().clone(first, randomUUID(), 4 * MiB))
    })

    it('forgets a snapshot that was prepared and not taken', async () => {
      const volume = await volumeOf(4 * MiB)
      await volume.write(0x61)
      const snapshot = randomUUID()
      const step = await under.store().prepareSnapshot(volume.uid, snapshot)
      expect(await under.store().prepareSnapshot(volume.uid, snapshot)).toEqual(step)
      expect(await isListed('snapshots', snapshot)).toBe(false)
      await under.store().abortSnapshot(volume.uid, snapshot)
      await under.store().abortSnapshot(volume.uid, snapshot)
      await volume.read(0x61)
      await volume.write(0x62)
      await volume.snapshot(snapshot)
      await (await volume.clone(snapshot, 4 * MiB)).read(0x62)
    })

    it('takes and removes no snapshot for who was asleep since it claimed', async () => {
      const volume = await volumeOf(4 * MiB)
      const asleep = (volume.epoch += 1)
      await under.store().claim(volume.uid, asleep, null)
      const first = randomUUID()
      await under.store().prepareSnapshot(volume.uid, first, asleep)
      await under.store().commitSnapshot(volume.uid, first)
      volume.epoch += 1
      await under.store().claim(volume.uid, volume.epoch, null)
      const second = await volume.snapshot()
      await refuses('Stale', under.store().prepareSnapshot(volume.uid, randomUUID(), asleep))
      await refuses('Stale', under.store().removeSnapshot(second, volume.uid, asleep))
      await under.store().removeSnapshot(first, volume.uid, volume.epoch)
      await under.store().removeSnapshot(first, volume.uid, volume.epoch)
      expect([await isListed('snapshots', first), await isListed('snapshots', second)]).toEqual([false, true])
    })

    it('brings a volume back to a snapshot, an older or a newer one, and keeps the others', async () => {
      const volume = await volumeOf(4 * MiB)
      await volume.write(0x71)
      const first = await volume.snapshot()
      await volume.write(0x72)
      const second = await volume.snapshot()
      await under.store().grow(volume.uid, 8 * MiB)
      await volume.write(0x73)
      await volume.write(0x74, 6 * MiB)
      await under.store().revert(volume.uid, first, silent, never)
      await volume.use(async (image) => {
        await image.read(0x71, 0, MiB)
        await image.read(0, 4 * MiB, 4 * MiB)
        await image.write(0x75, 0, MiB)
      })
      await (await volume.clone(second, 8 * MiB)).read(0x72)
      await under.store().revert(volume.uid, second, silent, never)
      await volume.read(0x72)
      await refuses('NotFound', under.store().revert(volume.uid, randomUUID(), silent, never))
      // Who was asleep since it claimed takes nothing back that somebody else has written since.
      const asleep = (volume.epoch += 1)
      await under.store().claim(volume.uid, asleep, null)
      await volume.write(0x76)
      await refuses('Stale', under.store().revert(volume.uid, first, silent, never, asleep))
      await volume.read(0x76)
      volume.epoch += 1
      await under.store().claim(volume.uid, volume.epoch, null)
      await under.store().revert(volume.uid, first, silent, never, volume.epoch)
      await volume.use((image) => image.read(0x71, 0, MiB))
    })

    it('makes a clone stand by itself', async () => {
      const volume = await volumeOf(8 * MiB)
      await volume.write(0x81, 0, 4 * MiB)
      const snapshot = await volume.snapshot()
      const clone = await volume.clone(snapshot, 8 * MiB)
      await clone.write(0x82, MiB)
      const parts: number[] = []
      await under.store().flatten(clone.uid, (part) => parts.push(part), never)
      await under.store().flatten(clone.uid, silent, never)
      expect(parts.every((part) => part >= 0 && part <= 1)).toBe(true)
      expect(await under.store().describe(clone.uid)).toMatchObject({ parent: false })
      await under.store().removeSnapshot(snapshot)
      await under.store().remove(volume.uid)
      await clone.read(0x81)
      await clone.read(0x82, MiB)
      await clone.read(0x81, 2 * MiB)
    })

    it('lets only the highest epoch open for writing, and a lower one never again', async () => {
      const volume = await volumeOf(4 * MiB)
      await volume.write(0x91)
      const [mine, others] = [under.store(), await under.other()]
      await mine.claim(volume.uid, 10, null)
      await mine.claim(volume.uid, 10, null)
      await refuses('Conflict', others.image(volume.uid, 'write', 11))
      await others.claim(volume.uid, 11, null)
      await refuses('Stale', mine.claim(volume.uid, 10, null))
      await refuses('Stale', mine.image(volume.uid, 'write', 10))
      await refuses('Stale', mine.image(volume.uid, 'read', 10))
      await refuses('Stale', mine.confirmOpen(volume.uid, 10))
      // What the one before says about its end takes nothing from the next.
      await mine.release(volume.uid, 10)
      const image = await under.open(await others.image(volume.uid, 'write', 11))
      await image.read(0x91, 0, MiB)
      await image.close()
      await others.release(volume.uid, 11)
      expect(await mine.describe(volume.uid)).toMatchObject({ epoch: 11 })
    })

    it('opens for several readers at once, who cannot write', async () => {
      const volume = await volumeOf(4 * MiB)
      await volume.write(0xa1)
      const image = (): Promise<Image> => under.store().image(volume.uid, 'read', volume.epoch)
      const readers = await Promise.all([under.open(await image()), under.open(await image())])
      for (const reader of readers) await reader.read(0xa1, 0, MiB)
      await expect(readers[0]?.write(0xa2, 0, MiB)).rejects.toThrow()
      for (const reader of readers) await reader.close()
      await volume.read(0xa1)
    })

    importsArchives(() => under)
    keepsBytesInAnyOrder(() => under, runs)
    if (crashes) diesAnywhere(() => under)
  })
}
