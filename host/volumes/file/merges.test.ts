import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RecordFolder } from '../testing/record-folder'
import { refuses } from '../testing/store-under-test'
import { FileStore } from './file-store'
import { SnapshotFolder, type Folder } from './layout'
import { finishMade, finishMerges } from './merges'
import type { Site } from './snapshots'
import { stillLocked, whileLocked } from './store-lock'

let made: RecordFolder
let site: Site
beforeEach(async () => {
  made = await RecordFolder.make()
  site = { root: made.root, shared: false, step: () => {} }
})
afterEach(() => rm(made.root, { recursive: true, force: true }))

const chain = [['3', 'top'], ['2', 'kept'], ['1', 'dropped'], ['0', 'lowest']] as const
const [a, b] = [randomUUID(), randomUUID()]

/** A merge of the layers 2 and 1 of this folder, which was written down. */
async function writtenMerge(of: Folder<{ layers: string[] }>): Promise<string> {
  const place = join(made.root, 'merges', randomUUID())
  await mkdir(place)
  await writeFile(join(place, 'layer.qcow2'), 'merged')
  await link(of.layer('2'), join(place, 'old.qcow2'))
  await writeFile(join(place, 'merge.json'), JSON.stringify({ version: 1, kept: '2', dropped: ['1'] }))
  return place
}

const textsOf = async (folder: Folder<{ layers: string[] }>): Promise<string[]> => Promise.all(((await folder.read())?.layers ?? []).map((id) => readFile(folder.layer(id), 'utf8')))
const left = (): Promise<string[]> => readdir(join(made.root, 'merges'))

describe('a merge that was written down', () => {
  it('is finished in each folder that has the layers, and in no other', async () => {
    const volume = await made.volume(a, chain)
    const snapshot = await made.snapshot(randomUUID(), a, [['2', volume.layer('2')], ['1', volume.layer('1')], ['0', volume.layer('0')]])
    const other = await made.volume(b, chain)
    await writtenMerge(volume)
    await finishMerges(site)
    expect([await textsOf(volume), await textsOf(snapshot), await textsOf(other)]).toEqual([['top', 'merged', 'lowest'], ['merged', 'lowest'], ['top', 'kept', 'dropped', 'lowest']])
    expect(await left()).toEqual([])
    // What takes long to be freed waits for that where nobody else has to.
    const trash = join(made.root, 'trash')
    expect(await Promise.all((await readdir(trash)).map((name) => readFile(join(trash, name), 'utf8')))).toEqual(expect.arrayContaining(['kept', 'dropped']))
  })

  it('is finished in the one folder that has the layers without a look at others, and in all of them where there are more', async () => {
    const [volume, other] = [await made.volume(a, chain), await made.volume(b, chain)]
    // Nobody can read it: of a merge for which all are looked at it would keep the end waiting.
    await writeFile(join(other.path, 'volume.json'), 'damaged')
    await finishMade(site, await writtenMerge(volume), a)
    expect([await textsOf(volume), await left()]).toEqual([['top', 'merged', 'lowest'], []])
    const [second, shared] = [randomUUID(), randomUUID()]
    const source = await made.volume(second, chain)
    const snapshot = await made.snapshot(shared, second, [['2', source.layer('2')], ['1', source.layer('1')], ['0', source.layer('0')]])
    await finishMade(site, await writtenMerge(source), second)
    expect([await textsOf(source), await textsOf(snapshot)]).toEqual([['top', 'merged', 'lowest'], ['merged', 'lowest']])
  })

  it('is finished where an agent ended between the record and the layers that it does not name any more', async () => {
    const volume = await made.volume(a, chain)
    await writtenMerge(volume)
    const record = await volume.read()
    if (record) await volume.write({ ...record, layers: ['3', '2', '0'] })
    await finishMerges({ ...site, shared: true })
    expect([(await readdir(volume.path)).sort(), await left()]).toEqual([['0.qcow2', '2.qcow2', '3.qcow2', 'volume.json'], []])
  })

  it("gives nobody another one's bytes, whose layer has the number of a file that was removed meanwhile", async () => {
    const volume = await made.volume(a, chain)
    const { ino } = await stat(volume.layer('2'))
    await writtenMerge(volume)
    await volume.remove()
    const other = await made.volume(b, [['3', 'top'], ['1', 'its own'], ['0', 'lowest']])
    for (let i = 0; i < 500; i += 1) {
      await writeFile(other.layer(`x${i}`), 'its own too')
      if ((await stat(other.layer(`x${i}`))).ino === ino) throw new Error('the number of a file that a merge names was given again')
    }
    await other.tidy(['3', '1', '0'])
    // The top is written to: it was never merged, whatever a merge says.
    const third = await made.volume(randomUUID(), [['2', join(made.root, 'merges', (await left())[0] ?? '', 'old.qcow2')], ['1', 'its own'], ['0', 'lowest']])
    await finishMerges(site)
    expect([await textsOf(other), await textsOf(third)]).toEqual([['top', 'its own', 'lowest'], ['kept', 'its own', 'lowest']])
  })

  it('costs a volume whose record or layer is damaged itself alone, and waits for that', async () => {
    const [volume, damaged, without] = [await made.volume(a, chain), await made.volume(b, chain), await made.volume(randomUUID(), chain)]
    const record = await readFile(join(damaged.path, 'volume.json'), 'utf8')
    await damaged.adopt('2', volume.layer('2'))
    await writeFile(join(damaged.path, 'volume.json'), '{"version":2')
    await rm(without.layer('2'))
    const place = await writtenMerge(volume)
    const store = await FileStore.open(made.root, { name: 'test', shared: false })
    try {
      expect(await textsOf(volume)).toEqual(['top', 'merged', 'lowest'])
      await refuses('Damaged', store.describe(b))
      expect((await readdir(place)).sort()).toEqual(['layer.qcow2', 'merge.json', 'old.qcow2'])
      await writeFile(join(damaged.path, 'volume.json'), record)
      await without.remove()
      await finishMerges(site)
      expect([await textsOf(damaged), await left()]).toEqual([['top', 'merged', 'lowest'], []])
    } finally {
      await store.close()
    }
  })

  it('and cannot be read goes, and each folder has what it had', async () => {
    const volume = await made.volume(a, chain)
    const place = await writtenMerge(volume)
    await writeFile(join(place, 'merge.json'), '{"version":')
    await (await FileStore.open(made.root, { name: 'test', shared: false })).close()
    expect([await textsOf(volume), await left()]).toEqual([['top', 'kept', 'dropped', 'lowest'], []])
  })
})

it('what lies in the folders of a store and is not named as its own is none of its: another store that somebody has put there stays', async () => {
  const inner = ['volumes', 'snapshots', 'merges', 'trash'].flatMap((folder) => [join(made.root, folder), join(made.root, folder, randomUUID())])
  for (const root of inner) {
    await (await FileStore.open(root, { name: 'inner', shared: false })).close()
    await writeFile(join(root, 'volumes', 'kept'), 'bytes')
  }
  await mkdir(join(made.root, 'volumes', a))
  const outer = await FileStore.open(made.root, { name: 'outer', shared: false })
  await outer.removeSnapshot(b)
  await outer.close()
  expect(await Promise.all(inner.map((root) => readFile(join(root, 'volumes', 'kept'), 'utf8')))).toEqual(inner.map(() => 'bytes'))
  await expect(stat(join(made.root, 'volumes', a))).rejects.toThrow('ENOENT')
})

it('a merge by one host loses nothing that another one writes down of its volume meanwhile', async () => {
  const [first = '', second = ''] = [a, b].sort()
  const snapshotUid = randomUUID()
  const mine = await made.volume(first, chain)
  const shared = chain.map(([id]) => [id, mine.layer(id)] as const)
  const theirs = await made.volume(second, [['4', 'overlay'], ...shared], { pending: { snapshotUid, overlay: '4' } })
  const options = { name: 'test', shared: true }
  const y = await FileStore.open(made.root, options)
  await writtenMerge(mine)
  let goOn = (): void => {}
  const held = new Promise<void>((resolve) => (goOn = resolve))
  let folders = 0
  let arrive = (): void => {}
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  // It stands still between reading the record of the second volume and writing it.
  const x = FileStore.open(made.root, { ...options, step: (name) => (name === 'a folder has the merged layer' && (folders += 1) === 2 ? (arrive(), held) : undefined) })
  await arrived
  const committed = y.commitSnapshot(second, snapshotUid)
  await Promise.race([committed, new Promise((resolve) => setTimeout(resolve, 500))])
  goOn()
  await Promise.all([x.then((store) => store.close()), committed])
  expect(await theirs.read()).toMatchObject({ layers: ['4', '3', '2', '0'], pending: null })
  expect(await textsOf(theirs)).toEqual(['overlay', 'top', 'merged', 'lowest'])
  expect(await textsOf(new SnapshotFolder(made.root, snapshotUid))).toEqual(['top', 'merged', 'lowest'])
  await y.close()
})

it('a merge by a host that has lost the lock meanwhile removes nothing that another one has made, and leaves its record', async () => {
  const volume = await made.volume(a, chain)
  const place = await writtenMerge(volume)
  const overlaid = { layers: ['4', ...chain.map(([id]) => id)], next: 21, pending: { snapshotUid: randomUUID(), overlay: '4' } }
  let isTaken = false
  const theirs = async (): Promise<void> => {
    if (isTaken) return
    isTaken = true
    await made.volume(a, [['4', 'a guest writes here'], ...chain.map(([id]) => [id, join(made.root, 'kept', id)] as const)], overlaid)
  }
  await mkdir(join(made.root, 'kept'))
  for (const [id] of chain) await link(volume.layer(id), join(made.root, 'kept', id))
  await finishMerges({ ...site, shared: true, step: (name) => (name === 'a folder has the merged layer' ? theirs() : undefined) })
  expect([await volume.read(), await textsOf(volume)]).toEqual([expect.objectContaining(overlaid), ['a guest writes here', 'top', 'kept', 'dropped', 'lowest']])
  expect(await readdir(place), 'it is finished later').toContain('merge.json')
  await finishMerges(site)
  expect([(await volume.read())?.layers, await textsOf(volume), await left()]).toEqual([['4', '3', '2', '0'], ['a guest writes here', 'top', 'merged', 'lowest'], []])
})

it('whoever may have lost the lock of a folder of several hosts changes nothing there any more', async () => {
  const volume = await made.volume(a, chain)
  const record = await volume.read()
  const works: ((lock: { age: () => void; kill: () => Promise<unknown> }) => void | Promise<unknown>)[] = [({ age }) => age(), ({ kill }) => kill()]
  for (const lose of works) {
    const now = performance.now()
    const clock = vi.spyOn(performance, 'now')
    try {
      await refuses('Unreachable', whileLocked(made.root, 'shared', async () => {
        stillLocked()
        await lose({ age: () => void clock.mockReturnValue(now + 60_000), kill: () => killHolder(made.root) })
        for (const change of [() => volume.tidy([]), () => volume.drop(['3']), () => volume.remove(), () => volume.make(), () => volume.adopt('3', volume.layer('0'))]) await refuses('Unreachable', change())
        if (record) await volume.write({ ...record, layers: ['0'] })
      }))
    } finally {
      clock.mockRestore()
    }
  }
  expect([await volume.read(), await textsOf(volume)]).toEqual([record, ['top', 'kept', 'dropped', 'lowest']])
})

/** The process that holds the lock of a folder, as the kernel runs it, is ended. */
async function killHolder(root: string): Promise<void> {
  for (const pid of await readdir('/proc')) {
    const words = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : ''
    if (words.startsWith('flock\0--wait\0') && words.includes(`\0${join(root, 'lock')}\0`)) process.kill(Number(pid), 'SIGKILL')
  }
  await vi.waitFor(() => expect(stillLocked).toThrow(), { timeout: 20_000 })
}

describe('what was begun in a folder of several hosts', () => {
  const longAgo = new Date(Date.now() - 3 * 86_400_000)
  /** A folder with one file, last written to then. */
  async function begun(path: string, written: Date): Promise<void> {
    await mkdir(path)
    await writeFile(join(path, 'layer.qcow2'), 'half')
    for (const one of [join(path, 'layer.qcow2'), path]) await utimes(one, written, written)
  }

  it('goes once it is certain that whoever began it does not any more', async () => {
    for (const [uid, written] of [[a, longAgo], [b, new Date()]] as const) for (const folder of ['merges', 'volumes']) await begun(join(made.root, folder, uid), written)
    const store = await FileStore.open(made.root, { name: 'shared', shared: true })
    await store.close()
    expect([await left(), await readdir(join(made.root, 'volumes'))]).toEqual([[b], [b]])
  })

  it('in the folder of a volume goes when a host claims it', async () => {
    const volume = await made.volume(a, chain)
    await mkdir(`${volume.layer('3')}.job`)
    await link(volume.layer('3'), join(`${volume.layer('3')}.job`, 'layer.qcow2'))
    const store = await FileStore.open(made.root, { name: 'shared', shared: true })
    await store.claim(a, 1)
    await store.close()
    expect((await stat(volume.layer('3'))).nlink).toBe(1)
  })
})
