import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { StoreMarks } from '@/host/ledger/store-marks'
import { RecordFolder } from '../testing/record-folder'
import { never, refuses, silent } from '../testing/store-under-test'
import { FileStore } from './file-store'
import { markName } from './mark'

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
  await close()
  await rm(folder, { recursive: true, force: true })
})

/** Opens the folder as a host does that has what it remembers in a folder of its own. */
async function open({ host = 'host', uid = storeUid, shared = true, hasVolumes = false, isTold = (): boolean => true } = {}): Promise<FileStore> {
  const marks = new StoreMarks(join(folder, host))
  const identity = { uid, seen: () => marks.seen(uid, root), remember: (id: string) => marks.remember(uid, root, id), file: marks.fileOf(uid), hasVolumes: () => hasVolumes, isTold }
  const store = await FileStore.open(root, { name: 'nfs', shared, identity })
  opened.push(store)
  return store
}
const close = async (): Promise<void> => void (await Promise.all(opened.splice(0).map((store) => store.close())))
const markOf = async () => z.strictObject({ version: z.literal(1), storeUid: z.uuid(), name: z.string(), id: z.uuid() }).parse(JSON.parse(await readFile(join(root, markName), 'utf8')))
/** What the message says is to be written into the mark. */
const told = ({ message }: Error): string => /\{[^}]*\}/.exec(message)?.[0] ?? ''

for (const shared of [true, false]) {
  it(`a folder in which a store was seen, and is not, is not taken for an empty one: ${shared ? 'of several hosts' : 'of one host'}`, async () => {
    await open({ shared })
    expect(await markOf()).toMatchObject({ storeUid, name: 'nfs' })
    await close()
    await rename(root, away)
    expect((await refuses('Unreachable', open({ shared }))).isOperators).toBe(true)
    await expect(readdir(root)).rejects.toThrow('ENOENT')
    await mkdir(root)
    const { message } = await refuses('Unreachable', open({ shared }))
    expect([message.includes(`The folder ${root} of the store nfs`), message.includes('is it mounted? Mount it on this host'), await readdir(root)]).toEqual([true, true, []])
    await rm(root, { recursive: true })
    await rename(away, root)
    await open({ shared })
  })

  it(`a store whose folder goes while it is open makes, removes and finds nothing until it is there again: ${shared ? 'of several hosts' : 'of one host'}`, async () => {
    const made = await RecordFolder.make()
    ;[root, away] = [made.root, `${made.root}-away`]
    try {
      const [volume, snapshot] = [randomUUID(), randomUUID()]
      await made.volume(volume, [['0', 'bytes']])
      await made.snapshot(snapshot, volume, [['0', 'bytes']])
      const store = await open({ shared })
      await rename(root, away)
      // An earlier version may have made these.
      for (const name of ['volumes', 'snapshots', 'trash']) await mkdir(join(root, name), { recursive: true })
      const calls = [() => store.probe(), () => store.list(), () => store.describe(volume), () => store.findSnapshot(snapshot), () => store.remove(volume), () => store.removeSnapshot(snapshot), () => store.create({ uid: randomUUID(), sizeBytes: 1 << 20, origin: { kind: 'blank' } }, silent, never)]
      for (const call of calls) await refuses('Unreachable', call())
      expect((await readdir(root, { recursive: true })).filter((name) => name !== 'lock').sort()).toEqual(['snapshots', 'trash', 'volumes'])
      await rm(root, { recursive: true })
      await rename(away, root)
      expect([(await store.probe()).totalBytes > 0, await store.list()]).toEqual([true, { volumes: [volume], snapshots: [snapshot] }])
    } finally {
      await close()
      for (const path of [root, away]) await rm(path, { recursive: true, force: true })
    }
  })
}

it('a folder that goes between what is looked for and the answer has lost nothing', async () => {
  const store = await open({ shared: false })
  const uid = randomUUID()
  expect(await store.describe(uid)).toBeNull()
  const looked = store.describe(uid)
  await rename(root, away)
  await refuses('Unreachable', looked)
})

it('another folder of the store in its place is left alone, until the operator has the host forget the one before', async () => {
  await open()
  await close()
  const { id } = await markOf()
  await rename(root, away)
  await open({ host: 'another' })
  await close()
  const { message } = await refuses('Unreachable', open())
  const file = new StoreMarks(join(folder, 'host')).fileOf(storeUid)
  expect([message.includes(`and not ${id}`), message.includes(`remove ${file} on this host`)]).toEqual([true, true])
  await rm(file)
  await open()
})

it('an agent that runs hears at once that its operator has it forget the folder before', async () => {
  const store = await open()
  await rename(root, away)
  await open({ host: 'another' })
  const marks = new StoreMarks(join(folder, 'host'))
  for (const call of [() => store.probe(), () => store.list(), () => store.describe(randomUUID())]) {
    await marks.remember(storeUid, root, randomUUID())
    const mark = await markOf()
    await writeFile(join(root, markName), JSON.stringify({ ...mark, id: randomUUID() }))
    await store.probe().catch(() => {})
    await refuses('Unreachable', call())
    await rm(marks.fileOf(storeUid))
    await call()
    expect(await marks.seen(storeUid, root)).toBe((await markOf()).id)
  }
})

it('an empty folder is used without a mark until somebody has said whether there are volumes, and is the store that is there by then', async () => {
  let isTold = false
  const of = { isTold: () => isTold }
  const store = await open(of)
  await store.probe()
  expect([await store.list(), (await readdir(root)).includes(markName)]).toEqual([{ volumes: [], snapshots: [] }, false])
  // Nothing was mounted there until now.
  await rename(root, away)
  await open({ host: 'another' })
  const mark = await markOf()
  await store.probe()
  expect([await markOf(), await new StoreMarks(join(folder, 'host')).seen(storeUid, root)]).toEqual([mark, mark.id])
  await close()
  await rm(join(root, markName))
  const late = await open({ ...of, host: 'late' })
  isTold = true
  await late.list()
  expect(await new StoreMarks(join(folder, 'late')).seen(storeUid, root)).toBe((await markOf()).id)
})

it('the folder of another store is left alone by every host, until that store is given up', async () => {
  const other = await open({ uid: randomUUID() })
  const { message } = await refuses('Unreachable', open({ host: 'another' }))
  expect([message.includes('holds another store, "nfs"'), message.includes(`remove ${join(root, markName)}`)]).toEqual([true, true])
  await other.retire()
  await open({ host: 'another' })
})

it('a store that is given up and has volumes in its folder keeps its mark', async () => {
  const store = await open()
  await mkdir(join(root, 'snapshots', randomUUID()))
  await store.retire()
  expect(await markOf()).toMatchObject({ storeUid })
})

it('a folder to which the operator gives the mark is the store', async () => {
  await open()
  await close()
  const before = await markOf()
  await rm(root, { recursive: true })
  await mkdir(root)
  await writeFile(join(root, markName), told(await refuses('Unreachable', open())))
  expect([await markOf(), await (await open()).list()]).toEqual([before, { volumes: [], snapshots: [] }])
})

it('a store of an earlier version is given a mark once, unless it is empty and known to hold volumes', async () => {
  await refuses('Unreachable', open({ hasVolumes: true }))
  await expect(readdir(root)).rejects.toThrow('ENOENT')
  await mkdir(join(root, 'volumes'), { recursive: true })
  const error = await refuses('Unreachable', open({ hasVolumes: true }))
  expect(await readdir(root)).toEqual(['volumes'])
  await mkdir(join(root, 'volumes', randomUUID()))
  await open({ hasVolumes: true })
  await close()
  const first = await markOf()
  await open({ hasVolumes: true })
  await close()
  expect(await markOf()).toEqual(first)
  await rm(root, { recursive: true })
  await mkdir(root)
  await writeFile(join(root, markName), told(error))
  await open({ host: 'another', hasVolumes: true })
})

it('hosts that open a new store at once make one mark, and leave nothing else', async () => {
  const hosts = Array.from({ length: 8 }, (_, i) => `host${i}`)
  await Promise.all(hosts.map((host) => open({ host })))
  const seen = await Promise.all(hosts.map((host) => new StoreMarks(join(folder, host)).seen(storeUid, root)))
  expect(new Set(seen)).toEqual(new Set([(await markOf()).id]))
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
