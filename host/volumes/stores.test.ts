import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { HostVolumeStore } from '@/contracts/host/v1/volumes'
import { FakeClock } from '@/host/pods/testing/fake-clock'
import { FileStore } from './file/file-store'
import { markName } from './file/mark'
import { Stores } from './stores'

let folder: string
let stores: Stores
let reached: (readonly string[])[]
let fails = false
let rooms: [string, boolean][]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stores-'))
  reached = []
  rooms = []
  fails = false
  const reach = async (networks: readonly string[]) => {
    reached.push(networks)
    if (fails) throw new Error('no way')
  }
  stores = new Stores({ folder, work: folder, marks: join(folder, 'marks'), hasVolumes: () => false, clock: new FakeClock(), log: { warn: () => {}, error: () => {} }, opened: () => {}, changed: () => {}, room: (...said) => void rooms.push(said), reach })
})
afterEach(async () => {
  await stores.close()
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

const ceph = (digit: number, monitors: string[], networks: string[]): HostVolumeStore => ({ kind: 'store', uid: `${digit}0000000-0000-4000-8000-000000000000`, name: `ceph${digit}`, store: { type: 'rbd', monitors, pool: 'p', namespace: null, user: 'u', networks, keyRevision: '1' } })
const files: HostVolumeStore = { kind: 'store', uid: '90000000-0000-4000-8000-000000000000', name: 'local', store: { type: 'file', folder: null, shared: false } }

it('leads VMs to the daemons of all stores on the network, once for each change, and to nothing once there is none', async () => {
  // What an earlier run of the agent has made goes where nothing needs it.
  stores.take(files)
  stores.take(files)
  expect(reached.splice(0)).toEqual([[]])
  const [one, two] = [ceph(1, ['192.0.2.1:3300', '[2001:db8::1]:3300'], ['192.0.2.0/24']), ceph(2, ['198.51.100.1:6789'], ['198.51.100.0/24', '192.0.2.0/24'])]
  stores.take(one)
  stores.take(one)
  stores.take(two)
  expect(reached).toEqual([['192.0.2.0/24', '192.0.2.1/32'], ['192.0.2.0/24', '192.0.2.1/32', '198.51.100.0/24', '198.51.100.1/32']])
  stores.remove(one.uid)
  stores.remove(two.uid)
  stores.remove(files.uid)
  expect(reached.slice(2)).toEqual([['192.0.2.0/24', '198.51.100.0/24', '198.51.100.1/32'], []])
})

it('makes the way again with the next change where it failed', async () => {
  fails = true
  stores.take(ceph(1, ['192.0.2.1:3300'], ['192.0.2.0/24']))
  await Promise.resolve()
  await Promise.resolve()
  stores.take({ ...ceph(1, ['192.0.2.1:3300'], ['192.0.2.0/24']), name: 'renamed' })
  expect(reached).toHaveLength(2)
})

it('asks a cluster once how full it is for all tenants and pods that want to know', async () => {
  await writeFile(join(folder, 'ceph'), `#!/bin/sh\necho asked >>${folder}/asked\necho '{ "pools": [{ "name": "p", "stats": { "stored": 1, "max_avail": 2 } }] }'\n`, { mode: 0o755 })
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
  const store = ceph(1, ['192.0.2.1:3300'], [])
  stores.takeSecrets({ kind: 'storeSecrets', secrets: [{ storeUid: store.uid, revision: '1', key: 'k' }] })
  stores.take(store)
  await vi.waitFor(() => expect(stores.report(store.uid)).toMatchObject({ reachable: true, freeBytes: 2 }), { timeout: 20_000 })
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => stores.freeBytes(store.uid, String(i % 10).repeat(32))))
  expect([new Set(answers), (await readFile(join(folder, 'asked'), 'utf8')).split('\n').length - 1]).toEqual([new Set([2]), 1])
  expect(rooms).toEqual([[store.uid, true]])
})

it('a store of files whose folder goes and comes back stays open, as does one of which the server says something else, and what waits for it is told', async () => {
  const root = join(folder, 'nfs')
  const nfs: HostVolumeStore = { ...files, name: 'nfs', store: { type: 'file', folder: root, shared: true }, holdsVolumes: false }
  const [clock, opened] = [new FakeClock(), vi.fn()]
  const some = new Stores({ folder, work: folder, marks: join(folder, 'marks'), hasVolumes: () => false, clock, log: { warn: () => {}, error: () => {} }, opened, changed: () => {}, room: () => {} })
  const isReached = (reachable: boolean) => vi.waitFor(async () => {
    await clock.advance(10_000)
    expect(some.report(nfs.uid)?.reachable).toBe(reachable)
  }, { timeout: 20_000 })
  const opens = vi.spyOn(FileStore, 'open')
  try {
    some.take(nfs)
    await isReached(true)
    some.take({ ...nfs, holdsVolumes: true })
    const store = some.get(nfs.uid, 't')
    await rename(root, `${root}-away`)
    await isReached(false)
    expect(some.report(nfs.uid)?.message).toContain('is it mounted?')
    expect(some.get(nfs.uid, 't')).toBe(store)
    await rename(`${root}-away`, root)
    await isReached(true)
    expect([some.get(nfs.uid, 't') === store, opens.mock.calls.length, opened.mock.calls]).toEqual([true, 1, [[nfs.uid], [nfs.uid]]])
    // Given up, and named again.
    some.remove(nfs.uid)
    await vi.waitFor(async () => expect(await readdir(join(folder, 'marks'))).toEqual([]), { timeout: 20_000 })
    expect(await readdir(root)).not.toContain(markName)
    some.take(nfs)
    await isReached(true)
    expect(opens).toHaveBeenCalledTimes(2)
  } finally {
    opens.mockRestore()
    await some.close()
  }
})

it('a store that is given up and whose folder hangs holds neither the next look nor the end of the agent up', async () => {
  const retire = vi.spyOn(FileStore.prototype, 'retire').mockReturnValue(new Promise(() => {}))
  try {
    stores.take(files)
    await vi.waitFor(() => expect(stores.report(files.uid)?.reachable).toBe(true), { timeout: 20_000 })
    stores.remove(files.uid)
    await vi.waitFor(() => expect(retire).toHaveBeenCalledTimes(1), { timeout: 20_000 })
    await stores.close()
  } finally {
    retire.mockRestore()
  }
})
