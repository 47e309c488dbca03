import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MiB, never, silent, TestVolume, type StoreUnderTest } from './store-under-test'

const [places, placeBytes, sizeBytes] = [3, 128 * 1024, MiB]

/** What each place of a volume or a snapshot reads as. */
type Bytes = readonly number[]
type World = { under: StoreUnderTest; volumes: { volume: TestVolume; bytes: Bytes }[]; snapshots: { uid: string; of: TestVolume; bytes: Bytes }[]; next: number }

const change = fc.record({ kind: fc.constantFrom('write', 'write', 'discard', 'snapshot', 'snapshot', 'clone', 'removeSnapshot', 'removeSnapshot', 'remove', 'revert', 'flatten', 'tidy', 'restart'), which: fc.nat(99), place: fc.nat(places - 1) })
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

const with0 = (bytes: Bytes, place: number, value: number): Bytes => bytes.map((one, i) => (i === place ? value : one))

async function make(world: World, { kind, which, place }: Change): Promise<void> {
  const { under, volumes, snapshots } = world
  const store = under.store()
  const at = volumes[which % Math.max(1, volumes.length)]
  const snapshot = snapshots[which % Math.max(1, snapshots.length)]
  switch (kind) {
    case 'write':
    case 'discard': {
      if (!at) return
      const value = kind === 'write' ? (world.next = (world.next % 250) + 1) : 0
      await at.volume.use((image) => (kind === 'write' ? image.write(value, place * placeBytes, placeBytes) : image.discard(place * placeBytes, placeBytes)))
      at.bytes = with0(at.bytes, place, value)
      return
    }
    case 'snapshot':
      if (at && snapshots.length < 8) snapshots.push({ uid: await at.volume.snapshot(), of: at.volume, bytes: at.bytes })
      return
    case 'clone':
      if (snapshot && volumes.length < 4) volumes.push({ volume: await snapshot.of.clone(snapshot.uid, sizeBytes), bytes: snapshot.bytes })
      return
    case 'removeSnapshot':
      if (!snapshot) return
      await store.removeSnapshot(snapshot.uid)
      snapshots.splice(snapshots.indexOf(snapshot), 1)
      return
    case 'remove':
      if (!at) return
      await store.remove(at.volume.uid)
      volumes.splice(volumes.indexOf(at), 1)
      return
    case 'revert': {
      const own = snapshots.find(({ of }) => of === at?.volume)
      if (!at || !own) return
      await store.revert(at.volume.uid, own.uid, silent, never)
      at.bytes = own.bytes
      return
    }
    case 'flatten':
      if (at) await store.flatten(at.volume.uid, silent, never)
      return
    case 'tidy':
      if (at) await store.tidy?.(at.volume.uid, silent, never)
      return
    case 'restart':
      await under.restart()
  }
}

async function check({ volumes, snapshots, under }: World): Promise<void> {
  const reads = (volume: TestVolume, bytes: Bytes): Promise<void> => volume.use(async (image) => {
    for (const [place, value] of bytes.entries()) await image.read(value, place * placeBytes, placeBytes)
  })
  for (const { volume, bytes } of volumes) await reads(volume, bytes)
  for (const { uid, of, bytes } of snapshots) {
    const clone = await of.clone(uid, sizeBytes)
    await reads(clone, bytes)
    await under.store().remove(clone.uid)
  }
}

/** Volumes, snapshots and clones in any order of making, changing and removing: each reads as it should, and nothing stays of what was removed. */
export function keepsBytesInAnyOrder(under: () => StoreUnderTest, runs: number): void {
  it('keeps the bytes of volumes, snapshots and clones in whatever order they are changed and removed', async () => {
    await fc.assert(fc.asyncProperty(fc.array(change, { minLength: 8, maxLength: 24, size: 'max' }), async (changes) => {
      const first = new TestVolume(under())
      await first.create(sizeBytes)
      const world: World = { under: under(), volumes: [{ volume: first, bytes: Array.from({ length: places }, () => 0) }], snapshots: [], next: 0 }
      const made = new Set<string>()
      const note = (): void => [...world.volumes.map(({ volume }) => volume.uid), ...world.snapshots.map(({ uid }) => uid)].forEach((uid) => made.add(uid))
      for (const one of changes) {
        note()
        await make(world, one)
      }
      note()
      await check(world)
      for (const { volume } of world.volumes) await under().store().remove(volume.uid)
      for (const { uid } of world.snapshots) await under().store().removeSnapshot(uid)
      const { volumes, snapshots } = await under().store().list()
      expect([...volumes, ...snapshots].filter((uid) => made.has(uid))).toEqual([])
    }), { numRuns: runs, endOnFailure: true })
  })
}
