import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { VolumeLedger } from '@/host/ledger/volumes'
import { systemClock } from '@/host/pods/clock'
import { VolumeServer } from '../testing/volume-server'
import { Volumes, type VolumesSettings } from '../volumes'
import { markName } from './mark'

const quiet = { warn: () => {}, error: () => {} }
const until = (check: () => void | Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 20 })

let folder: string
let root: string
let server: VolumeServer
let volumes: Volumes | null
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'known-volumes-'))
  root = join(folder, 'disk')
  volumes = null
  server = new VolumeServer({ get volumes() {
    if (!volumes) throw new Error('no agent runs')
    return volumes
  } }, 'a'.repeat(32))
})
afterEach(async () => {
  await volumes?.close()
  await rm(folder, { recursive: true, force: true })
})

async function agent(over: Partial<VolumesSettings['ledger']> = {}): Promise<void> {
  const nobody = () => Promise.reject(new Error('nothing of that here'))
  const kept = await VolumeLedger.open(join(folder, 'ledger'), quiet)
  const ledger: VolumesSettings['ledger'] = { volume: (uid) => kept.volume(uid), volumes: () => kept.volumes(), snapshot: (uid) => kept.snapshot(uid), stores: () => kept.stores(), save: (one) => kept.save(one), remove: (one) => kept.remove(one), ...over }
  volumes = new Volumes({ ledger, before: [], folders: { stores: join(folder, 'stores'), work: folder, marks: join(folder, 'marks') }, reach: async () => {}, makeOfArchive: nobody, imageFile: nobody, clock: systemClock, log: quiet, tell: () => {} })
}
const report = () => volumes?.storeReport(server.storeUid)
const store = (shared: boolean) => ({ kind: 'store' as const, uid: server.storeUid, name: 'disk', store: { type: 'file' as const, folder: root, shared } })

it('a host that has lost its own disk takes no empty folder for the one in which the server knows its volumes, however long its own notes take', async () => {
  let write = (): void => {}
  const written = new Promise<void>((resolve) => (write = resolve))
  await agent({ save: () => written })
  const volume = server.volume({ made: true })
  server.say(store(false), volume)
  await until(() => expect(report()).toMatchObject({ reachable: false, message: expect.stringContaining('is it mounted?') as string }))
  expect(server.report('volume', volume.uid)?.phase).toBe('Creating')
  await expect(readdir(root)).rejects.toThrow('ENOENT')
  write()
})

it('a volume that is about to go does not keep its store from being marked for the first time', async () => {
  await agent()
  server.say(store(false), server.volume({ made: true, purge: true }))
  await until(() => expect(report()?.reachable).toBe(true))
  expect(await readdir(root)).toContain(markName)
})

it('a store of which nobody but this host can know volumes is marked without a word about them; a folder of several hosts by the word of the server in this run', async () => {
  await agent()
  server.say(store(false))
  await until(() => expect(report()?.reachable).toBe(true))
  expect(await readdir(root)).toContain(markName)
  await volumes?.close()
  for (const name of ['disk', 'marks']) await rm(join(folder, name), { recursive: true })
  const kept = await VolumeLedger.open(join(folder, 'ledger'), quiet)
  await kept.save({ version: 1, kind: 'store', uid: server.storeUid, object: { ...store(true), holdsVolumes: false } })
  await agent()
  await until(() => expect(report()?.reachable).toBe(true))
  expect(await readdir(root)).not.toContain(markName)
  server.say({ ...store(true), holdsVolumes: false })
  await until(async () => expect(await readdir(root)).toContain(markName))
})
