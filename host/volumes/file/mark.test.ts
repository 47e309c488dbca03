import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { StoreMarks } from '@/host/ledger/store-marks'
import { RecordFolder } from '../testing/record-folder'
import { never, refuses, silent } from '../testing/store-under-test'
import { FileStore } from './file-store'
import { markName, markText } from './mark'

const storeUid = randomUUID()
let folder: string
let root: string
let away: string
let opened: FileStore[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marks-'))
  ;[root, away, opened] = [join(folder, 'store'), join(folder, 'away'), []]
})
afterEach(async () => {
  await Promise.all(opened.map((store) => store.close()))
  await rm(folder, { recursive: true, force: true })
})

/** Opens the folder as a host does that has what it remembers in a folder of its own. */
async function open({ host = 'host', shared = true, hasVolumes = false } = {}): Promise<FileStore> {
  const marks = new StoreMarks(join(folder, host))
  const memory = { seen: () => marks.seen(storeUid, root), remember: (id: string) => marks.remember(storeUid, root, id), file: marks.fileOf(storeUid), hasVolumes: () => hasVolumes }
  const store = await FileStore.open(root, { name: 'nfs', shared, memory })
  opened.push(store)
  return store
}
const close = async (): Promise<void> => void (await Promise.all(opened.splice(0).map((store) => store.close())))
const idOf = async (): Promise<unknown> => JSON.parse(await readFile(join(root, markName), 'utf8'))
/** What the message says is to be written into the mark. */
const told = ({ message }: Error): string => /\{[^}]*\}/.exec(message)?.[0] ?? ''

for (const shared of [true, false]) {
  it(`a folder in which a store was seen, and is not, is not taken for an empty one: ${shared ? 'of several hosts' : 'of one host'}`, async () => {
    await open({ shared })
    await close()
    await rename(root, away)
    expect((await refuses('Unreachable', open({ shared }))).isOperators).toBe(true)
    await expect(readdir(root)).rejects.toThrow('ENOENT')
    await mkdir(root)
    const error = await refuses('Unreachable', open({ shared }))
    expect([error.message.includes(`The folder ${root} of the store nfs`), error.message.includes('Mount the store there'), await readdir(root)]).toEqual([true, true, []])
    await rm(root, { recursive: true })
    await rename(away, root)
    await open({ shared })
  })
}

it('a store that is unmounted while it is open makes, removes and finds nothing until it is there again', async () => {
  const made = await RecordFolder.make()
  root = made.root
  away = `${root}-away`
  try {
    const [volume, snapshot] = [randomUUID(), randomUUID()]
    await made.volume(volume, [['0', 'bytes']])
    await made.snapshot(snapshot, volume, [['0', 'bytes']])
    const store = await open()
    await rename(root, away)
    await mkdir(root)
    await Promise.all([store.probe(), store.list(), store.describe(volume), store.findSnapshot(snapshot), store.remove(volume), store.removeSnapshot(snapshot), store.create({ uid: randomUUID(), sizeBytes: 1 << 20, origin: { kind: 'blank' } }, silent, never)].map((call) => refuses('Unreachable', call)))
    expect(await readdir(root)).toEqual([])
    await rm(root, { recursive: true })
    await rename(away, root)
    expect([await store.list(), (await store.probe()).totalBytes > 0]).toEqual([{ volumes: [volume], snapshots: [snapshot] }, true])
  } finally {
    for (const path of [root, away]) await rm(path, { recursive: true, force: true })
  }
})

it('another store in its place is left alone, until the operator has the host forget the one before', async () => {
  await open()
  await close()
  const before = await idOf()
  await rename(root, away)
  await open({ host: 'another' })
  await close()
  const error = await refuses('Unreachable', open())
  const file = new StoreMarks(join(folder, 'host')).fileOf(storeUid)
  expect([error.message.includes('holds another store'), error.message.includes(`remove ${file} on this host`)]).toEqual([true, true])
  await rm(file)
  await open()
  await close()
  // From now on that is the one.
  await rename(root, join(folder, 'second'))
  await rename(away, root)
  expect(await idOf()).toEqual(before)
  await refuses('Unreachable', open())
})

it('a folder to which the operator gives the mark is the store', async () => {
  await open()
  await close()
  const before = await idOf()
  await rm(root, { recursive: true })
  await mkdir(root)
  await writeFile(join(root, markName), told(await refuses('Unreachable', open())))
  expect([await idOf(), await (await open()).list()]).toEqual([before, { volumes: [], snapshots: [] }])
})

it('a store of an earlier version is given a mark once, unless it is empty and the host has volumes in it', async () => {
  await refuses('Unreachable', open({ hasVolumes: true }))
  await expect(readdir(root)).rejects.toThrow('ENOENT')
  await mkdir(join(root, 'volumes'), { recursive: true })
  const error = await refuses('Unreachable', open({ hasVolumes: true }))
  expect(await readdir(root)).toEqual(['volumes'])
  await mkdir(join(root, 'volumes', randomUUID()))
  await open({ hasVolumes: true })
  await close()
  const first = await idOf()
  await open({ hasVolumes: true })
  await close()
  expect(await idOf()).toEqual(first)
  await rm(root, { recursive: true })
  await mkdir(root)
  await writeFile(join(root, markName), told(error))
  await open({ host: 'another', hasVolumes: true })
})

it('hosts that open a new store at once make one mark, and leave nothing else', async () => {
  const hosts = Array.from({ length: 8 }, (_, i) => `host${i}`)
  await Promise.all(hosts.map((host) => open({ host })))
  const seen = await Promise.all(hosts.map((host) => new StoreMarks(join(folder, host)).seen(storeUid, root)))
  expect([...new Set(seen.map((id) => markText(id ?? '')))]).toEqual([JSON.stringify(await idOf())])
  expect((await readdir(root)).sort()).toEqual(['lock', 'merges', 'snapshots', markName, 'trash', 'volumes'])
})

it('a mark or a memory that cannot be read is left as it is, and the store is not opened', async () => {
  await open()
  await close()
  const text = await readFile(join(root, markName), 'utf8')
  await writeFile(join(root, markName), '{"version":')
  const error = await refuses('Unreachable', open())
  expect([error.message.includes(join(root, markName)), await readFile(join(root, markName), 'utf8')]).toEqual([true, '{"version":'])
  await writeFile(join(root, markName), text)
  const file = new StoreMarks(join(folder, 'host')).fileOf(storeUid)
  await writeFile(file, '{')
  await expect(open()).rejects.toThrow(file)
})
