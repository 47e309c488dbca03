import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { HostVolume, HostVolumeSnapshot } from '@/contracts/host/v1/volumes'
import { VolumeLedger } from '@/host/ledger/volumes'
import { systemClock } from '@/host/pods/clock'
import { FileStore } from './file/file-store'
import { VolumeFolder } from './file/layout'
import { VolumeError } from './store'
import { VolumeServer } from './testing/volume-server'
import { Volumes } from './volumes'

const silent = { warn: () => {}, error: () => {} }
const options = { name: 'test', shared: false }

let folder: string
let root: string
let server: VolumeServer
let volumes: Volumes | null = null

/** An agent whose store of files is on a disk; no pod has anything open. */
async function agent(): Promise<void> {
  const nobody = () => Promise.reject(new Error('nothing of that here'))
  volumes = new Volumes({ ledger: await VolumeLedger.open(join(folder, 'ledger'), silent), before: [], folders: { stores: join(folder, 'stores'), work: folder, marks: join(folder, 'marks') }, reach: async () => {}, makeOfArchive: nobody, imageFile: nobody, clock: systemClock, log: silent, tell: () => {} })
}

async function end(): Promise<void> {
  await volumes?.close()
  volumes = null
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snapshots-'))
  root = join(folder, 'store')
  server = new VolumeServer({ get volumes() {
    if (!volumes) throw new Error('no agent runs')
    return volumes
  } }, 'a'.repeat(32))
  await agent()
  server.store(root)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await end()
  await rm(folder, { recursive: true, force: true })
})

const until = (check: () => void | Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 60_000, interval: 10 })
const phases = (...snapshots: HostVolumeSnapshot[]) => snapshots.map(({ uid }) => server.report('snapshot', uid)?.phase)

async function readyVolumes(): Promise<HostVolume[]> {
  const made = [server.volume(), server.volume()]
  server.say(...made)
  await until(() => expect(made.map(({ uid }) => server.report('volume', uid)?.phase)).toEqual(['Ready', 'Ready']))
  return made
}

/** What lies in the store, and which snapshot of each volume is begun. */
async function stored(of: readonly HostVolume[]): Promise<{ snapshots: string[]; pending: unknown[] }> {
  const store = await FileStore.open(root, options)
  try {
    const records = await Promise.all(of.map(({ uid }) => new VolumeFolder(root, uid).read()))
    return { snapshots: (await store.list()).snapshots, pending: records.map((record) => record?.pending) }
  } finally {
    await store.close()
  }
}

it('a group whose agent is killed at any step is taken whole by the next one, and leaves nothing once it is removed', async () => {
  for (let last = 1; ; last += 1) {
    const made = await readyVolumes()
    const group = randomUUID()
    const snapshots = made.map((volume) => server.snapshot(volume, { group, groupSize: 2 }))
    await end()
    let step = 0
    let die = (): void => {}
    const died = new Promise<'died'>((resolve) => (die = () => resolve('died')))
    const dying = await FileStore.open(root, { ...options, step: () => ((step += 1) === last ? (die(), new Promise<void>(() => {})) : undefined) })
    const take = async (): Promise<'whole'> => {
      for (const { uid, volumeUid } of snapshots) await dying.prepareSnapshot(volumeUid ?? '', uid)
      for (const { uid, volumeUid } of snapshots) await dying.commitSnapshot(volumeUid ?? '', uid)
      return 'whole'
    }
    const how = await Promise.race([take(), died])
    await dying.close()
    await agent()
    server.say(...snapshots)
    server.connect()
    await until(() => expect(phases(...snapshots)).toEqual(['Ready', 'Ready']))
    await end()
    expect(await stored(made), `step ${last}`).toEqual({ snapshots: snapshots.map(({ uid }) => uid).sort(), pending: [null, null] })
    await agent()
    server.connect()
    server.say(...snapshots.map((one) => ({ ...one, state: 'remove' as const })))
    await until(() => expect(phases(...snapshots)).toEqual(['Purged', 'Purged']))
    for (const { uid } of snapshots) server.unsay(`snapshot/${uid}`)
    await end()
    expect(await stored(made), `step ${last}`).toEqual({ snapshots: [], pending: [null, null] })
    await agent()
    server.connect()
    if (how === 'whole') return
  }
})

it('a snapshot that is in its store and is reported Failed is not in its store any more', async () => {
  const [volume] = await readyVolumes()
  if (!volume) throw new Error('no volume')
  const commit = FileStore.prototype.commitSnapshot
  vi.spyOn(FileStore.prototype, 'commitSnapshot').mockImplementation(async function (this: FileStore, uid, snapshotUid) {
    await commit.call(this, uid, snapshotUid)
    throw new VolumeError('Damaged', uid, 'what came after it could not be read')
  })
  const snapshot = server.snapshot(volume)
  server.say(snapshot)
  await until(() => expect(phases(snapshot)).toEqual(['Failed']))
  await end()
  expect(await stored([volume])).toEqual({ snapshots: [], pending: [null] })
})
