import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { VolumeLedger } from '@/host/ledger/volumes'
import { isRoot } from '@/host/images/jail/jail'
import { systemClock } from '@/host/pods/clock'
import { run } from '@/platform/exec'
import { MountPoint } from '../testing/mount-point'
import { never, refuses, silent } from '../testing/store-under-test'
import { VolumeServer } from '../testing/volume-server'
import { Volumes } from '../volumes'
import { FileStore } from './file-store'
import { markName } from './mark'

const quiet = { warn: () => {}, error: () => {} }
const until = (check: () => void | Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 60_000, interval: 20 })

describe.runIf(isRoot)('a folder of several hosts', () => {
  let folder: string
  let point: MountPoint
  let server: VolumeServer
  let volumes: Volumes | null = null

  /** Of the host, or of another one that knows only what the server says. */
  async function agent(host = 'host'): Promise<void> {
    const nobody = () => Promise.reject(new Error('nothing of that here'))
    const of = join(folder, host)
    volumes = new Volumes({ ledger: await VolumeLedger.open(join(of, 'ledger'), quiet), before: [], folders: { stores: join(of, 'stores'), work: of, marks: join(of, 'marks') }, reach: async () => {}, makeOfArchive: nobody, imageFile: nobody, clock: systemClock, log: quiet, tell: () => {} })
  }
  async function end(): Promise<void> {
    await volumes?.close()
    volumes = null
  }
  const say = (holdsVolumes: boolean) => server.say({ kind: 'store', uid: server.storeUid, name: 'nfs', store: { type: 'file', folder: point.folder, shared: true }, holdsVolumes })
  const store = () => volumes?.storeReport(server.storeUid)
  const reports = (...of: HostVolume[]) => of.map(({ uid }) => server.report('volume', uid))
  const phases = (...of: HostVolume[]) => reports(...of).map((report) => report?.phase)
  /** Two volumes that the server knows to be made. */
  async function readyVolumes(): Promise<[HostVolume, HostVolume]> {
    const [kept, removed] = [server.volume(), server.volume()]
    server.say(kept, removed)
    await until(() => expect(phases(kept, removed)).toEqual(['Ready', 'Ready']))
    const made = [{ ...kept, made: true }, { ...removed, made: true }] as const
    server.say(...made)
    return [...made]
  }
  const onDisk = async (): Promise<string[]> => (await readdir(join(point.disk, 'volumes'))).sort()
  const uids = (...of: HostVolume[]): string[] => of.map(({ uid }) => uid).sort()

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mounts-'))
    point = await MountPoint.make()
    server = new VolumeServer({ get volumes() {
      if (!volumes) throw new Error('no agent runs')
      return volumes
    } }, 'a'.repeat(32))
    await point.mount()
    await agent()
    say(false)
  })
  afterEach(async () => {
    await end()
    await point.close()
    await rm(folder, { recursive: true, force: true })
  })

  for (const when of ['while the agent runs', 'before it starts'] as const) {
    it(`that is unmounted ${when}: nothing is made there, lost or removed, and all goes on once it is mounted again`, async () => {
      const [kept, removed] = await readyVolumes()
      if (when === 'before it starts') await end()
      await point.unmount()
      if (when === 'before it starts') {
        await agent()
        server.connect()
      }
      const made = server.volume()
      server.say({ ...removed, purge: true }, made, { ...kept, sizeBytes: 2 * kept.sizeBytes })
      await until(() => expect(store()).toMatchObject({ reachable: false, message: expect.stringContaining(`The folder ${point.folder} of the store nfs does not have the store's mark, ${markName}: is it mounted? Mount it on this host`) as string }))
      // Of one that is not opened nothing is tried; of one that is, what failed says why.
      if (when === 'while the agent runs') await until(() => expect(reports(removed, made).map((one) => one?.reason)).toEqual(['Unreachable', 'Unreachable']))
      expect([reports(kept, removed, made).filter((one) => one?.phase === 'Failed' || one?.phase === 'Purged'), phases(made)]).toEqual([[], ['Creating']])
      expect((await readdir(point.folder)).filter((name) => name !== 'lock')).toEqual([])
      expect(await onDisk()).toEqual(uids(kept, removed))
      await point.mount()
      await until(() => expect([phases(kept, removed, made), reports(kept)[0]?.sizeBytes, store()?.reachable]).toEqual([['Ready', 'Purged', 'Ready'], 2 * kept.sizeBytes, true]))
      expect(await onDisk()).toEqual(uids(kept, made))
    })

    it(`that hangs from ${when === 'while the agent runs' ? 'then on' : 'the start'}, ${when}: the agent goes on with all else, and with the folder once that answers`, async () => {
      const [kept] = await readyVolumes()
      if (when === 'before it starts') await end()
      await point.hang()
      if (when === 'before it starts') {
        await agent()
        server.connect()
      }
      const made = [server.volume(), server.volume(), server.volume(), server.volume(), server.volume()]
      server.say(...made)
      await until(async () => {
        // Were all threads held up, this would hang.
        await readdir(folder)
        expect(store()).toMatchObject({ reachable: false, message: expect.stringContaining('does not answer') as string })
      })
      // Of another store, too.
      const local = server.store(join(folder, 'local'), '90000000-0000-4000-8000-000000000000')
      const other = server.volume({ storeUid: local })
      server.say(other)
      await until(() => expect(phases(other)).toEqual(['Ready']))
      expect(phases(...made)).toEqual(made.map(() => 'Creating'))
      await point.answer()
      await until(() => expect(phases(kept, ...made)).toEqual(['Ready', ...made.map(() => 'Ready')]))
    })
  }

  it('is not taken for the store by a host that never saw it, where the server knows of volumes and it is empty', async () => {
    const [kept] = await readyVolumes()
    await end()
    await point.unmount()
    await agent('another')
    say(true)
    await until(() => expect(store()).toMatchObject({ reachable: false, message: expect.stringContaining('is it mounted?') as string }))
    expect(await readdir(point.folder)).toEqual([])
    // The server's word that this changed opens nothing anew.
    await point.mount()
    await until(() => expect(store()?.reachable).toBe(true))
    say(false)
    server.say(kept)
    await until(() => expect(phases(kept)).toEqual(['Ready']))
  })

  it('that takes no file for now is used without a mark, and marked at the next start that can', async () => {
    await readyVolumes()
    await end()
    await rm(join(point.disk, markName))
    await rm(join(folder, 'host', 'marks'), { recursive: true })
    await run('mount', ['-o', 'remount,bind,ro', point.folder])
    const opened = async <T>(work: (store: FileStore) => Promise<T>): Promise<T> => {
      let seen: string | null = null
      const identity = { uid: server.storeUid, seen: async () => seen, remember: async (id: string) => void (seen = id), file: 'none', hasVolumes: () => true, isTold: () => true }
      const one = await FileStore.open(point.folder, { name: 'nfs', shared: true, identity })
      return work(one).finally(() => one.close())
    }
    expect((await opened((one) => one.list())).volumes).toHaveLength(2)
    await run('mount', ['-o', 'remount,bind,rw', point.folder])
    await opened(async (one) => {
      expect(await readdir(point.disk)).toContain(markName)
      await point.unmount()
      const uid = '10000000-0000-4000-8000-000000000000'
      for (const call of [one.probe(), one.list(), one.describe(uid), one.remove(uid), one.create({ uid, sizeBytes: 1 << 20, origin: { kind: 'blank' } }, silent, never)]) await refuses('Unreachable', call)
    })
  })
})
