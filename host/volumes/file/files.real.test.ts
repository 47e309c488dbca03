import { randomUUID } from 'node:crypto'
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isRoot } from '@/host/images/jail/jail'
import { run } from '@/platform/exec'
import { openFileStore, openLayers } from '../testing/file-store'
import { MiB, never, refuses, silent, TestVolume, type StoreUnderTest } from '../testing/store-under-test'
import { layersGroup } from '../tools/jailed-qemu-img'
import { FileStore } from './file-store'
import { maxLayers } from './layout'

let under: StoreUnderTest & { root: string }
beforeAll(async () => {
  under = await openFileStore()
})
afterAll(() => under.close())

const volumeOf = async (sizeBytes = 4 * MiB): Promise<TestVolume> => {
  const volume = new TestVolume(under)
  await volume.create(sizeBytes)
  return volume
}
const folderOf = (volume: TestVolume): string => join(under.root, 'volumes', volume.uid)
const layersOf = async (folder: string): Promise<string[]> => (await readdir(folder)).filter((name) => name.endsWith('.qcow2')).sort()

it('belongs to one agent at a time', async () => {
  await expect(FileStore.open(under.root, { name: 'second', shared: false, lockWithinMs: 0 })).rejects.toThrow('another host agent uses')
})

it("keeps files that root and the jails' group alone can read, and that nobody writes to once they are frozen", async () => {
  const volume = await volumeOf()
  const snapshot = await volume.snapshot()
  const modeOf = async (path: string): Promise<[string, number]> => stat(path).then(({ mode, gid }) => [(mode & 0o777).toString(8), gid])
  const group = isRoot ? layersGroup : process.getgid?.() ?? 0
  expect(await modeOf(join(folderOf(volume), '0.qcow2'))).toEqual(['440', group])
  expect(await modeOf(join(folderOf(volume), '1.qcow2'))).toEqual(['660', group])
  for (const folder of [folderOf(volume), join(under.root, 'snapshots', snapshot), join(under.root, 'volumes')]) expect((await modeOf(folder))[0]).toBe('700')
  expect((await stat(join(folderOf(volume), '0.qcow2'))).ino).toBe((await stat(join(under.root, 'snapshots', snapshot, '0.qcow2'))).ino)
})

it('takes nothing away from who has a volume open', async () => {
  const volume = await volumeOf()
  const snapshot = await volume.snapshot()
  const store = under.store()
  await store.claim(volume.uid, 5, null)
  const image = await openLayers(await store.image(volume.uid, 'write', 5))
  try {
    await refuses('NotFenced', store.claim(volume.uid, 6, null))
    // The agent that has it and starts anew goes on under its own epoch.
    await under.restart()
    await under.store().claim(volume.uid, 5, null)
    await Promise.all([under.store().release(volume.uid, 5), under.store().remove(volume.uid), under.store().grow(volume.uid, 8 * MiB), under.store().revert(volume.uid, snapshot, silent, never)].map((call) => refuses('Conflict', call)))
    // Two that write at once: the second one is kept out by the kernel.
    await expect(openLayers(await under.store().image(volume.uid, 'write', 5))).rejects.toThrow('Failed to get "write" lock')
    await image.write(0x21, 0, MiB)
    await image.resize(8 * MiB)
    await under.store().grow(volume.uid, 8 * MiB)
    expect(await under.store().describe(volume.uid)).toMatchObject({ sizeBytes: 8 * MiB, epoch: 5 })
  } finally {
    await image.close()
  }
  await under.store().release(volume.uid, 5)
  volume.epoch = 5
  await volume.read(0x21)
})

it('makes an overlay that nobody took a plain layer when the volume is opened anew, and loses nothing', async () => {
  const volume = await volumeOf()
  await volume.write(0x31)
  const [first, second] = [randomUUID(), randomUUID()]
  await under.store().prepareSnapshot(volume.uid, first)
  await refuses('Conflict', under.store().prepareSnapshot(volume.uid, second))
  await refuses('Conflict', under.store().grow(volume.uid, 8 * MiB))
  await under.restart()
  await volume.write(0x32)
  await refuses('NotFound', under.store().commitSnapshot(volume.uid, first))
  await under.store().abortSnapshot(volume.uid, first)
  await volume.read(0x32)
  await volume.snapshot(first)
  await (await volume.clone(first, 4 * MiB)).read(0x32)
})

it('loses nothing of what was written over a snapshot that could not be written down, and takes the next one', async () => {
  const volume = await volumeOf()
  await volume.write(0x34)
  const store = under.store()
  const open = async (): Promise<Awaited<ReturnType<typeof openLayers>>> => {
    const image = await store.image(volume.uid, 'read', volume.epoch)
    return openLayers(image.kind === 'layers' ? { ...image, layers: image.layers.map((layer, i) => ({ ...layer, readOnly: i > 0 })) } : image)
  }
  // As where QEMU took the overlay and was killed before anybody heard of it.
  const [first, second] = [randomUUID(), randomUUID()]
  await store.prepareSnapshot(volume.uid, first)
  const dies = await open()
  await dies.write(0x35, MiB, MiB)
  await dies.close()
  await store.abortSnapshot(volume.uid, first)
  await volume.read(0x34)
  await volume.read(0x35, MiB)
  // As where it goes on in the overlay, and the agent could not say so.
  await store.prepareSnapshot(volume.uid, first)
  const lives = await open()
  try {
    await lives.write(0x36, 2 * MiB, MiB)
    await store.prepareSnapshot(volume.uid, second)
    await store.abortSnapshot(volume.uid, second)
    await lives.resize(8 * MiB)
    await store.grow(volume.uid, 8 * MiB)
  } finally {
    await lives.close()
  }
  await volume.read(0x36, 2 * MiB)
})

it('bounds the length of a chain, and merges what removed snapshots have left, while the volume is open too', async () => {
  const volume = await volumeOf(MiB)
  // A cluster of qcow2: of less nothing is given back.
  const part = MiB / 16
  const snapshots: string[] = []
  for (let i = 1; i < maxLayers; i += 1) {
    await volume.write(i, i * part, part)
    // Of every second snapshot the next one has lost the bytes.
    if (i % 2 === 0) await volume.use((image) => image.discard((i - 1) * part, part))
    snapshots.push(await volume.snapshot())
  }
  const error = await refuses('TooManySnapshots', under.store().prepareSnapshot(volume.uid, randomUUID()))
  expect(error.message).toContain('Delete snapshots')
  const [kept] = snapshots.splice(6, 1)
  for (const uid of snapshots.splice(0, 12)) await under.store().removeSnapshot(uid)
  const clone = await volume.clone(kept ?? '', MiB)
  const reads = async (image: { read: (pattern: number, offset: number, bytes: number) => Promise<void> }, last: number): Promise<void> => {
    for (let i = 1; i <= last; i += 1) await image.read(i % 2 === 1 && i < last ? 0 : i, i * part, part)
  }
  volume.epoch += 1
  await under.store().claim(volume.uid, volume.epoch, null)
  const image = await openLayers(await under.store().image(volume.uid, 'write', volume.epoch))
  await under.store().tidy?.(volume.uid, silent, never)
  expect((await layersOf(folderOf(volume))).length).toBeLessThanOrEqual(5)
  expect((await layersOf(folderOf(clone))).length).toBe(2)
  await reads(image, maxLayers - 1)
  await image.close()
  await volume.use((again) => reads(again, maxLayers - 1))
  await clone.use((again) => reads(again, 7))
  expect(await readdir(join(under.root, 'merges'))).toEqual([])
  await volume.snapshot()
})

it('leaves a clone of a long chain room for snapshots of its own, while it is open too', async () => {
  const volume = await volumeOf(MiB)
  const part = MiB / 16
  const snapshots: string[] = []
  for (let i = 1; i < maxLayers - 3; i += 1) {
    await volume.write(i, i * part, part)
    snapshots.push(await volume.snapshot())
  }
  const clone = await volume.clone(snapshots.at(-1) ?? '', MiB)
  await clone.write(0x70, 0, part)
  expect([(await layersOf(folderOf(clone))).length, await under.store().describe(clone.uid)]).toEqual([maxLayers - 3, expect.objectContaining({ parent: true })])
  clone.epoch += 1
  await under.store().claim(clone.uid, clone.epoch, null)
  const image = await openLayers(await under.store().image(clone.uid, 'write', clone.epoch))
  await under.store().tidy?.(clone.uid, silent, never)
  expect([(await layersOf(folderOf(clone))).length, await under.store().describe(clone.uid)]).toEqual([2, expect.objectContaining({ parent: false })])
  // Of volumes without a source the chain is their own snapshots' alone.
  await under.store().tidy?.(volume.uid, silent, never)
  expect((await layersOf(folderOf(volume))).length).toBe(maxLayers - 3)
  await image.write(0x71, 15 * part, part)
  await image.close()
  for (const uid of snapshots) await under.store().removeSnapshot(uid)
  await clone.use(async (again) => {
    await again.read(0x70, 0, part)
    for (let i = 1; i < maxLayers - 3; i += 1) await again.read(i, i * part, part)
    await again.read(0x71, 15 * part, part)
  })
})

it('follows no name that a header has, also where whoever had the volume open has written one', async () => {
  const secret = join(under.root, 'secret')
  await writeFile(secret, Buffer.alloc(MiB, 0x77))
  const volume = await volumeOf()
  const snapshot = await volume.snapshot()
  const clone = await volume.clone(snapshot, 4 * MiB)
  for (const name of await layersOf(folderOf(clone))) await run('qemu-img', ['rebase', '-u', '-f', 'qcow2', '-b', secret, '-F', 'raw', join(folderOf(clone), name)])
  await clone.read(0)
  await under.store().flatten(clone.uid, silent, never)
  await clone.read(0)
  const { stdout } = await run('qemu-img', ['info', '--output=json', '-f', 'qcow2', join(folderOf(clone), '3.qcow2')])
  expect(stdout).not.toContain(secret)
})

it('removes at its start what nothing names, and a record that cannot be read costs its own volume alone', async () => {
  const [good, bad] = [await volumeOf(), await volumeOf()]
  await good.write(0x41)
  await writeFile(join(folderOf(bad), 'volume.json'), '{"version":1,')
  const half = join(under.root, 'volumes', randomUUID())
  await mkdir(half)
  await link(join(folderOf(good), '0.qcow2'), join(half, '0.qcow2'))
  await mkdir(join(under.root, 'merges', randomUUID()))
  await mkdir(join(folderOf(good), '9.qcow2.job'))
  await writeFile(join(folderOf(good), '9.qcow2.tmp'), '')
  await under.restart()
  expect(await readdir(join(under.root, 'volumes'))).not.toContain(half.split('/').at(-1))
  expect(await readdir(join(under.root, 'merges'))).toEqual([])
  expect((await readdir(folderOf(good))).sort()).toEqual(['0.qcow2', `claim-${good.epoch}`, 'volume.json'])
  await good.read(0x41)
  await refuses('Damaged', under.store().describe(bad.uid))
  expect(await readFile(join(folderOf(bad), 'volume.json'), 'utf8')).toBe('{"version":1,')
})

it.runIf(isRoot)('says NoSpace where the store is full, leaves nothing half made, and goes on once there is room', async () => {
  const mount = await mkdtemp(join(tmpdir(), 'small-store-'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', mount])
  try {
    const root = join(mount, 'store')
    const small = await FileStore.open(root, { name: 'small', shared: false })
    try {
      const archive = join(under.root, 'archive')
      await writeFile(archive, Buffer.alloc(8 * MiB, 0x55))
      const uid = randomUUID()
      const error = await refuses('NoSpace', small.import({ uid, sizeBytes: 8 * MiB }, { path: archive, format: 'raw' }, silent, never))
      expect(error.message).not.toContain(root)
      expect(await readdir(join(root, 'volumes'))).toEqual([])
      await writeFile(join(mount, 'filler'), Buffer.alloc((await small.probe()).freeBytes - 8192))
      await refuses('NoSpace', small.create({ uid, sizeBytes: 8 * MiB, origin: { kind: 'blank' } }, silent, never))
      expect(await readdir(join(root, 'volumes'))).toEqual([])
      await rm(join(mount, 'filler'))
      await small.create({ uid, sizeBytes: 8 * MiB, origin: { kind: 'blank' } }, silent, never)
      expect((await small.list()).volumes).toEqual([uid])
    } finally {
      await small.close()
    }
  } finally {
    await run('umount', ['--lazy', mount])
    await rm(mount, { recursive: true })
  }
})
