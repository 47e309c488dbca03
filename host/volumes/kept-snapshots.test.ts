import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { HostVolume, HostVolumeSnapshot } from '@/contracts/host/v1/volumes'
import { VolumeError } from './store'
import { MemoryHost, until } from './testing/memory-host'
import { MemoryVm } from './testing/memory-vm'

let host: MemoryHost
beforeEach(async () => {
  host = await MemoryHost.open()
})
afterEach(() => host.close())

const unreachable = () => new VolumeError('Unreachable', 'ceph', 'the cluster does not answer')
const damaged = () => new VolumeError('Damaged', randomUUID(), 'its record cannot be read')
const reports = (...snapshots: HostVolumeSnapshot[]) => snapshots.map(({ uid }) => host.server.report('snapshot', uid))
const phases = (...snapshots: HostVolumeSnapshot[]) => reports(...snapshots).map((report) => report?.phase)
const callsOf = (name: string) => host.store.calls.filter((call) => call.startsWith(`${name} `))

/** Time goes on until it is so. */
const inTime = (check: () => void): Promise<void> => until(async () => {
  await host.clock.advance(1_000)
  check()
})

async function minutesPass(): Promise<void> {
  for (let tens = 0; tens < 30; tens += 1) await host.clock.advance(10_000)
}

async function readyVolume(): Promise<HostVolume> {
  const volume = host.server.volume()
  host.server.say(volume)
  await until(() => expect(host.phase(volume)).toBe('Ready'))
  return volume
}

async function groupOfThree(): Promise<[HostVolumeSnapshot, HostVolumeSnapshot, HostVolumeSnapshot]> {
  const group = randomUUID()
  const named = { group, groupSize: 3 }
  const [one, two, three] = [await readyVolume(), await readyVolume(), await readyVolume()].map((volume) => host.server.snapshot(volume, named))
  if (!one || !two || !three) throw new Error('three volumes')
  host.server.say(one, two, three)
  await until(() => expect(phases(one, two, three)).toEqual(['Ready', 'Ready', 'Ready']))
  return [one, two, three]
}

describe('a snapshot that is there, of an agent that was started anew before the server had stored that', () => {
  it.each([['what it takes cannot be read', 'describeSnapshot', unreachable], ['its store does not answer', 'findSnapshot', unreachable], ['its record cannot be read', 'findSnapshot', damaged]])('stays where %s, for however long', async (_, call, error) => {
    const { store, server } = host
    const snapshot = server.snapshot(await readyVolume())
    server.say(snapshot)
    await until(() => expect(phases(snapshot)).toEqual(['Ready']))
    await host.restart([])
    store.failures.set(call, error())
    server.connect()
    await minutesPass()
    await until(() => expect(phases(snapshot)).toEqual([call === 'findSnapshot' ? 'Creating' : 'Ready']))
    store.failures.clear()
    await inTime(() => expect(phases(snapshot)).toEqual(['Ready']))
    expect([callsOf('removeSnapshot'), callsOf('commitSnapshot').length, store.snapshots.size]).toEqual([[], 1, 1])
  })

  it('stays also where others of its instant are Ready as far as the server has heard', async () => {
    const { store, server } = host
    const [one, two, three] = await groupOfThree()
    server.say({ ...one, state: 'ready' })
    await host.restart([])
    store.failures.set('findSnapshot', unreachable())
    server.connect()
    await minutesPass()
    store.failures.clear()
    await inTime(() => expect(phases(one, two, three)).toEqual(['Ready', 'Ready', 'Ready']))
    expect(callsOf('removeSnapshot')).toEqual([])
  })

  it('is found beside one of its instant that is not', async () => {
    const { store, server } = host
    const [one, two, three] = await groupOfThree()
    server.say({ ...one, state: 'ready' })
    await host.restart([])
    store.snapshots.delete(three.uid)
    store.failures.set('removeSnapshot', unreachable())
    server.connect()
    await until(() => expect(reports(two, three)).toMatchObject([{ phase: 'Ready', reason: '' }, { phase: 'Creating', reason: 'NotFound' }]))
    store.failures.clear()
    await inTime(() => expect(phases(one, two, three)).toEqual(['Ready', 'Ready', 'Failed']))
    expect([...store.snapshots.keys()].sort()).toEqual([one.uid, two.uid].sort())
  })

  it('has the time at which it was taken, by its store where the host has not written it down', async () => {
    const { store, server } = host
    const snapshot = server.snapshot(await readyVolume())
    store.snapshots.set(snapshot.uid, { sizeBytes: 1, storedBytes: 0, volumeUid: snapshot.volumeUid })
    store.times.set(snapshot.uid, '2026-01-02T03:04:05.000Z')
    server.say(snapshot)
    await until(() => expect(reports(snapshot)).toMatchObject([{ phase: 'Ready', takenAt: '2026-01-02T03:04:05.000Z', consistency: 'CrashConsistent' }]))
  })
})

describe('a snapshot that is given up', () => {
  it('is there where its store has taken it all the same', async () => {
    const { store, server } = host
    const snapshot = server.snapshot(await readyVolume())
    const commit = store.commitSnapshot.bind(store)
    vi.spyOn(store, 'commitSnapshot').mockImplementation(async (...args) => {
      await commit(...args)
      throw damaged()
    })
    store.failures.set('removeSnapshot', unreachable())
    server.say(snapshot)
    await until(() => expect(reports(snapshot)).toMatchObject([{ phase: 'Creating', reason: 'Damaged' }]))
    store.failures.clear()
    await inTime(() => expect(reports(snapshot)).toMatchObject([{ phase: 'Ready', reason: '' }]))
    expect(store.snapshots.size).toBe(1)
  })

  it('leaves no file that its virtual machine may write unwatched: QEMU had taken the overlay', async () => {
    const { store, server } = host
    const vm = new MemoryVm()
    const volume = await host.attachedVolume(vm)
    for (const disk of vm.disks.values()) vm.disks.set(disk.serial, { ...disk, layers: ['1'] })
    vi.spyOn(store, 'image').mockImplementation(() => Promise.resolve({ kind: 'layers', direct: false, layers: [{ id: '2', path: '/2', readOnly: false }, { id: '1', path: '/1', readOnly: true }] }))
    vi.spyOn(store, 'prepareSnapshot').mockImplementation(() => Promise.resolve({ kind: 'overlay', overlay: { id: '2', path: '/2', readOnly: false } }))
    store.failures.set('commitSnapshot', damaged())
    const snapshot = server.snapshot(volume)
    server.say(snapshot)
    await inTime(() => expect(phases(snapshot)).toEqual(['Failed']))
    server.say({ ...volume, attachments: [], detaching: volume.attachments.map(({ podUid }) => ({ podUid, forced: false })) })
    await inTime(() => expect(vm.calls.some((call) => call.startsWith('unplug '))).toBe(true))
    expect(vm.closed).toContain('/2')
  })
})
