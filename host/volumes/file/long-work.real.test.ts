import { randomUUID } from 'node:crypto'
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FileStore } from './file-store'

const never = new AbortController().signal

it.each(['the layer is larger', 'the folder is thrown away'])('nobody waits for what takes long with the volume of another one: %s', async (long) => {
  const root = await mkdtemp(join(tmpdir(), 'long-work-'))
  let [goOn, begins] = [(): void => {}, (): void => {}]
  const waits = new Promise<void>((resolve) => (goOn = resolve))
  const begun = new Promise<void>((resolve) => (begins = resolve))
  const store = await FileStore.open(root, { name: 'test', shared: false, step: (name) => (name === long ? (begins(), waits) : undefined) })
  try {
    const [one, other] = [randomUUID(), randomUUID()]
    for (const uid of [one, other]) await store.create({ uid, sizeBytes: 2 ** 20, origin: { kind: 'blank' } }, () => {}, never)
    const work = long === 'the layer is larger' ? store.grow(one, 2 ** 21) : store.remove(one)
    await begun
    await store.claim(other, 1)
    expect(await store.image(other, 'write', 1)).toMatchObject({ kind: 'layers' })
    goOn()
    await work
    expect((await store.describe(one))?.sizeBytes ?? 0).toBe(long === 'the layer is larger' ? 2 ** 21 : 0)
    expect(await readdir(join(root, 'trash'))).toEqual([])
  } finally {
    goOn()
    await store.close()
    await rm(root, { recursive: true, force: true })
  }
})

it('what a volume had before it went back is freed while nobody waits for it', async () => {
  const root = await mkdtemp(join(tmpdir(), 'long-work-'))
  const store = await FileStore.open(root, { name: 'test', shared: true })
  try {
    const [uid, snapshotUid] = [randomUUID(), randomUUID()]
    await store.create({ uid, sizeBytes: 2 ** 20, origin: { kind: 'blank' } }, () => {}, never)
    await store.claim(uid, 1)
    await store.prepareSnapshot(uid, snapshotUid)
    await store.commitSnapshot(uid, snapshotUid)
    const [top = ''] = (await readdir(join(root, 'volumes', uid))).filter((name) => name === '1.qcow2')
    const { ino } = await stat(join(root, 'volumes', uid, top))
    // As if it were very large: its bytes are freed as its last descriptor is closed.
    const file = await open(join(root, 'volumes', uid, top))
    await store.revert(uid, snapshotUid, () => {}, never, 1)
    expect((await file.stat()).ino).toBe(ino)
    expect((await readdir(join(root, 'volumes', uid))).sort()).toEqual(['0.qcow2', '2.qcow2', 'claim-1', 'volume.json'])
    await expect.poll(() => readdir(join(root, 'trash'))).toEqual([])
    expect((await file.stat()).nlink).toBe(0)
    await file.close()
  } finally {
    await store.close()
    await rm(root, { recursive: true, force: true })
  }
})
