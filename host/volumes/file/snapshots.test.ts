import { randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RecordFolder, writerOf } from '../testing/record-folder'
import { refuses } from '../testing/store-under-test'
import type { VolumeFolder } from './layout'
import { abortSnapshot, prepareSnapshot, settleTaken, type Site } from './snapshots'

let made: RecordFolder
let site: Site
beforeEach(async () => {
  made = await RecordFolder.make()
  site = { root: made.root, shared: false, step: () => {} }
})
afterEach(() => rm(made.root, { recursive: true, force: true }))

const [uid, snapshotUid] = [randomUUID(), randomUUID()]
/** Of which a snapshot was prepared: `1` is the overlay. */
const prepared = (): Promise<VolumeFolder> => made.volume(uid, [['1', 'overlay'], ['0', 'below']], { pending: { snapshotUid, overlay: '1' } })
const plain = { layers: ['1', '0'], pending: null }

describe('a snapshot that is called off', () => {
  it('keeps an overlay to which a QEMU wrote before it was killed', async () => {
    const folder = await prepared()
    const qemu = await writerOf(folder.layer('1'))
    await writeFile(folder.layer('1'), 'acknowledged')
    await qemu.kill()
    await abortSnapshot(site, uid, snapshotUid)
    expect([await folder.read(), await readFile(folder.layer('1'), 'utf8')]).toEqual([expect.objectContaining(plain), 'acknowledged'])
  })

  it('keeps an overlay that is written to, and lets the next snapshot and growth come', async () => {
    const folder = await prepared()
    const qemu = await writerOf(folder.layer('1'))
    try {
      await abortSnapshot(site, uid, snapshotUid)
      expect(await folder.read()).toMatchObject(plain)
    } finally {
      await qemu.kill()
    }
  })

  it('removes an overlay only while it is written below it', async () => {
    const folder = await prepared()
    const qemu = await writerOf(folder.layer('0'))
    try {
      await abortSnapshot(site, uid, snapshotUid)
      expect(await folder.read()).toMatchObject({ layers: ['0'], pending: null })
      await expect(readFile(folder.layer('1'))).rejects.toThrow('ENOENT')
    } finally {
      await qemu.kill()
    }
  })

  it('leaves everything while a QEMU has both, for it may go on in either', async () => {
    const folder = await prepared()
    const writers = await Promise.all(['0', '1'].map((id) => writerOf(folder.layer(id))))
    try {
      await refuses('Conflict', abortSnapshot(site, uid, snapshotUid))
      await refuses('Conflict', prepareSnapshot(site, uid, randomUUID()))
      expect(await folder.read()).toMatchObject({ layers: ['1', '0'], pending: { snapshotUid } })
    } finally {
      await Promise.all(writers.map((one) => one.kill()))
    }
  })
})

it('an overlay that is in use holds up nothing, though what became of its snapshot was never written down', async () => {
  const folder = await prepared()
  const record = await prepared().then((one) => one.read())
  if (!record) throw new Error('it has no record')
  expect(await settleTaken(folder, record)).toEqual(record)
  const qemu = await writerOf(folder.layer('1'))
  try {
    expect(await settleTaken(folder, record)).toMatchObject(plain)
    expect(await folder.read()).toMatchObject(plain)
  } finally {
    await qemu.kill()
  }
})
