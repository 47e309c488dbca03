import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isRoot } from '@/host/images/jail/jail'
import { run } from '@/platform/exec'
import { NEVER } from '@/tools/testing/never'
import { endEach } from '@/tools/testing/cleanup'
import { archivesIn } from './archive'
import { FileStore } from './file/file-store'
import { VolumeFolder } from './file/layout'
import { FailingDisk } from './testing/failing-disk'
import { openLayers } from './testing/file-store'
import { MemoryStore } from './testing/memory-store'
import { MiB, never, silent } from './testing/store-under-test'
import { takeFromJail } from './tools/made-file'

const provesNothing = 'The disk has lost nothing: the test proves nothing.'

describe.runIf(isRoot)('on a disk that loses writes for a moment', () => {
  let disk: FailingDisk
  let store: FileStore
  let root: string
  const openStore = async (): Promise<void> => {
    store = await FileStore.open(root, { name: 'failing', shared: false })
  }
  beforeEach(async () => {
    disk = await FailingDisk.open()
    root = join(disk.folder, 'store')
    await openStore()
  })
  afterEach(async () => {
    await endEach([{ what: 'the store', end: () => store.close() }, { what: 'the disk', end: () => disk.close() }])
  })

  /** As of a machine that was started anew: nothing is in the page cache. */
  const startAnew = async (): Promise<void> => {
    await store.close()
    await disk.mountAnew()
    await openStore()
  }
  const create = async (): Promise<string> => {
    const uid = randomUUID()
    await store.create({ uid, sizeBytes: 64 * MiB, origin: { kind: 'blank' } }, silent, never)
    await store.claim(uid, 1)
    return uid
  }
  const write = async (uid: string, pattern: number, offset: number, bytes: number): Promise<void> => {
    const image = await openLayers(await store.image(uid, 'write', 1))
    await image.write(pattern, offset, bytes)
    await image.close()
  }
  const snapshotOf = async (uid: string): Promise<string> => {
    const snapshot = randomUUID()
    await store.prepareSnapshot(uid, snapshot, 1)
    await store.commitSnapshot(uid, snapshot)
    return snapshot
  }
  const written: [number, number, number][] = [[0x11, 0, MiB], [0x5a, MiB, 16 * MiB], [0x33, 32 * MiB, MiB]]
  const readsAll = async (uid: string): Promise<void> => {
    const image = await openLayers(await store.image(uid, 'write', 1))
    try {
      for (const part of written) await image.read(...part)
    } finally {
      await image.close()
    }
  }
  const layersOf = async (uid: string): Promise<number> => (await new VolumeFolder(root, uid).read())?.layers.length ?? 0

  it('keeps the layers that were to be merged where the merged one was lost, though qemu-img ended well, and merges them later', async () => {
    const uid = await create()
    const snapshots: string[] = []
    for (const part of written) {
      await write(uid, ...part)
      if (snapshots.length < 2) snapshots.push(await snapshotOf(uid))
    }
    await store.removeSnapshot(snapshots[0] ?? '', uid, 1)
    await disk.fail()
    const tidied = await disk.losingCopies(() => store.tidy(uid, silent, never).then(() => 'merged', (error: unknown) => error))
    expect(await disk.lost(), provesNothing).toBe(true)
    await startAnew()
    expect(await readsAll(uid).then(() => 'as before', String), NEVER).toBe('as before')
    expect(tidied).toMatchObject({ name: 'VolumeError' })
    expect([await layersOf(uid), await readdir(join(root, 'merges'))]).toEqual([3, []])
    await store.tidy(uid, silent, never)
    await startAnew()
    await readsAll(uid)
    expect(await layersOf(uid)).toBe(2)
  })

  it('keeps the layers of a clone that was to be made independent where the flat one was lost', async () => {
    const uid = await create()
    for (const part of written) await write(uid, ...part)
    const clone = randomUUID()
    await store.clone(await snapshotOf(uid), clone, 64 * MiB)
    await store.claim(clone, 1)
    await disk.fail()
    const flattened = await disk.losingCopies(() => store.flatten(clone, silent, never).then(() => 'flattened', (error: unknown) => error))
    expect(await disk.lost(), provesNothing).toBe(true)
    await startAnew()
    expect(await readsAll(clone).then(() => 'as before', String), NEVER).toBe('as before')
    expect(flattened).toMatchObject({ name: 'VolumeError' })
    expect(await store.describe(clone)).toMatchObject({ parent: true })
    await store.flatten(clone, silent, never)
    await startAnew()
    await readsAll(clone)
    expect(await store.describe(clone)).toMatchObject({ parent: false })
  })

  it('leaves a volume as it was where what makes it larger was lost, and makes it larger later', async () => {
    const uid = await create()
    for (const part of written) await write(uid, ...part)
    await disk.fail()
    // Its table of the first level needs room of its own.
    await expect(store.grow(uid, 2 ** 40)).rejects.toMatchObject({ name: 'VolumeError' })
    await startAnew()
    expect(await readsAll(uid).then(() => 'as before', String), NEVER).toBe('as before')
    expect(await store.describe(uid)).toMatchObject({ sizeBytes: 64 * MiB })
    await store.grow(uid, 2 ** 40)
    await startAnew()
    await readsAll(uid)
    expect(await store.describe(uid)).toMatchObject({ sizeBytes: 2 ** 40 })
  })

  it('makes no volume of an archive whose bytes came whole and were lost', async () => {
    const bytes = Buffer.alloc(8 * MiB, 0x77)
    const upload = { kind: 'upload' as const, uploadId: randomUUID(), format: 'raw' as const, virtualBytes: bytes.length, bytes: bytes.length, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` }
    const [folder, memory, uid] = [join(disk.folder, 'archives'), new MemoryStore(), randomUUID()]
    const make = await archivesIn(folder, async (_id, take) => {
      await take(bytes)
      await disk.lose(join(folder, uid))
    })
    await disk.fail()
    const made = await make(memory, { uid, tenantId: 'a', sizeBytes: bytes.length }, upload, { progress: silent, signal: never, onWait: silent }).then(() => 'made', (error: unknown) => error)
    expect(await disk.lost(), provesNothing).toBe(true)
    expect(memory.calls, NEVER).toEqual([])
    expect(made).toMatchObject({ name: 'VolumeError' })
  })

  it('takes no file of a jail whose bytes are not on the disk', async () => {
    const jail = join(disk.folder, 'jail')
    await mkdir(jail)
    await disk.fail()
    await writeFile(join(jail, 'raw'), Buffer.alloc(8 * MiB, 0x78))
    expect(await takeFromJail(join(jail, 'raw'), join(disk.folder, 'raw'), 8 * MiB).then(() => 'taken', String), NEVER).toMatch(/EIO|ENOSPC/)
  })
})

describe.runIf(isRoot)('where an agent died between naming a file and making the name outlive a power cut', () => {
  let disk: FailingDisk
  let store: FileStore
  beforeEach(async () => {
    disk = await FailingDisk.open()
    store = await FileStore.open(join(disk.folder, 'store'), { name: 'cut', shared: false })
  })
  afterEach(async () => {
    await endEach([{ what: 'the store', end: () => store.close() }, { what: 'the disk', end: () => disk.close() }])
  })

  /** As it lies there between the two. */
  const unsynced = async (path: string): Promise<void> => {
    await rename(path, `${path}.tmp`)
    await run('sync', ['--file-system', disk.folder])
    await rename(`${path}.tmp`, path)
  }
  const outlives = (path: string): Promise<boolean> => disk.afterPowerCut((folder) => stat(join(folder, path)).then(() => true, () => false))

  it.each(['volume', 'claim', 'snapshot', 'snapshot that is prepared again'] as const)('has a %s outlive that once the next one says that it is there', async (what) => {
    const [uid, snapshot] = [randomUUID(), randomUUID()]
    const blank = { uid, sizeBytes: MiB, origin: { kind: 'blank' as const } }
    await store.create(blank, silent, never)
    await store.claim(uid, 1)
    await store.prepareSnapshot(uid, snapshot, 1)
    await store.commitSnapshot(uid, snapshot)
    const { path, again } = {
      volume: { path: `store/volumes/${uid}/volume.json`, again: () => store.create(blank, silent, never) },
      claim: { path: `store/volumes/${uid}/claim-1`, again: () => store.claim(uid, 1) },
      snapshot: { path: `store/snapshots/${snapshot}/snapshot.json`, again: () => store.commitSnapshot(uid, snapshot) },
      'snapshot that is prepared again': { path: `store/snapshots/${snapshot}/snapshot.json`, again: () => store.prepareSnapshot(uid, snapshot, 1) },
    }[what]
    await unsynced(join(disk.folder, path))
    expect(await outlives(path), 'It is on the disk before: the test proves nothing.').toBe(false)
    await again()
    expect(await outlives(path), NEVER).toBe(true)
  })
})
