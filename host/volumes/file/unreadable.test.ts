import { randomUUID } from 'node:crypto'
import { link, lutimes, mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { RecordFolder } from '../testing/record-folder'
import { refuses } from '../testing/store-under-test'
import { isAbandoned } from './abandoned'
import { FileStore } from './file-store'
import type { Folder } from './layout'

let made: RecordFolder
beforeEach(async () => {
  made = await RecordFolder.make()
})
afterEach(() => rm(made.root, { recursive: true, force: true }))

const chain = [['3', 'top'], ['2', 'kept'], ['1', 'dropped'], ['0', 'lowest']] as const
const [a, b] = [randomUUID(), randomUUID()]
const longAgo = new Date(Date.now() - 3 * 86_400_000)

/** From now on a look at the name ends with this error: that of a link to itself (ELOOP), or of what opens and cannot be read (EIO). Gives it back. */
async function breakName(path: string, by: 'ELOOP' | 'EIO'): Promise<() => Promise<void>> {
  await rename(path, `${path}.kept`)
  await symlink(by === 'ELOOP' ? path : '/proc/self/mem', path)
  return () => rename(`${path}.kept`, path)
}

const textsOf = async (folder: Folder<{ layers: string[] }>): Promise<string[]> => Promise.all(((await folder.read())?.layers ?? []).map((id) => readFile(folder.layer(id), 'utf8')))

for (const shared of [false, true]) {
  it(`a volume and a snapshot whose records cannot be looked at stay, are Damaged, and are as before once they can: ${shared ? 'of several hosts' : 'of one host'}`, async () => {
    const volume = await made.volume(a, chain)
    const snapshot = await made.snapshot(b, a, [['2', volume.layer('2')], ['1', volume.layer('1')], ['0', volume.layer('0')]])
    const give = [await breakName(join(volume.path, 'volume.json'), 'ELOOP'), await breakName(join(snapshot.path, 'snapshot.json'), 'ELOOP')]
    for (const { path } of [volume, snapshot]) {
      for (const name of await readdir(path)) await lutimes(join(path, name), longAgo, longAgo)
      await utimes(path, longAgo, longAgo)
    }
    const open = (): Promise<FileStore> => FileStore.open(made.root, { name: 'test', shared })
    const store = await open()
    try {
      expect(await store.list()).toEqual({ volumes: [a], snapshots: [b] })
      await Promise.all([store.describe(a), store.findSnapshot(b), store.claim(a, 1), store.remove(a), store.create({ uid: a, sizeBytes: 1, origin: { kind: 'blank' } }, () => {}, new AbortController().signal)].map((call) => refuses('Damaged', call)))
    } finally {
      await store.close()
    }
    expect(await readdir(join(made.root, 'trash'))).toEqual([])
    await Promise.all(give.map((back) => back()))
    await (await open()).close()
    expect([await textsOf(volume), await textsOf(snapshot)]).toEqual([['top', 'kept', 'dropped', 'lowest'], ['kept', 'dropped', 'lowest']])
  })
}

for (const [by, code] of [['ELOOP', 'Damaged'], ['EIO', 'Unreachable']] as const) {
  it(`a merge waits for a record that cannot be ${by === 'EIO' ? 'read' : 'looked at'}, which costs its own volume alone`, async () => {
    const [volume, other] = [await made.volume(a, chain), await made.volume(b, chain)]
    await other.adopt('2', volume.layer('2'))
    const place = join(made.root, 'merges', randomUUID())
    await mkdir(place)
    await writeFile(join(place, 'layer.qcow2'), 'merged')
    await link(volume.layer('2'), join(place, 'old.qcow2'))
    await writeFile(join(place, 'merge.json'), JSON.stringify({ version: 1, kept: '2', dropped: ['1'] }))
    const giveBack = await breakName(join(other.path, 'volume.json'), by)
    const store = await FileStore.open(made.root, { name: 'test', shared: false })
    try {
      expect([await textsOf(volume), await readdir(join(made.root, 'merges'))]).toEqual([['top', 'merged', 'lowest'], [place.split('/').at(-1)]])
      await refuses(code, store.describe(b))
    } finally {
      await store.close()
    }
    await giveBack()
    await (await FileStore.open(made.root, { name: 'test', shared: false })).close()
    expect([await textsOf(other), await readdir(join(made.root, 'merges'))]).toEqual([['top', 'merged', 'lowest'], []])
  })
}

it('a folder goes where it has no record for certain, and not where it cannot be said whether it is another store', async () => {
  await mkdir(join(made.root, 'volumes', a))
  await symlink(b, join(made.root, 'volumes', b))
  await writeFile(join(made.root, 'snapshots', a), '')
  await (await FileStore.open(made.root, { name: 'test', shared: false })).close()
  expect([await readdir(join(made.root, 'volumes')), await readdir(join(made.root, 'snapshots'))]).toEqual([[b], []])
})

it('what cannot be looked at, or is gone meanwhile, is not said to be abandoned', async () => {
  const [old, broken] = [join(made.root, 'old'), join(made.root, 'broken')]
  await mkdir(old)
  await utimes(old, longAgo, longAgo)
  await symlink(broken, broken)
  await lutimes(broken, longAgo, longAgo)
  expect(await Promise.all([old, broken, join(made.root, 'gone')].map(isAbandoned))).toEqual([true, false, false])
  expect((await stat(old)).isDirectory()).toBe(true)
})
