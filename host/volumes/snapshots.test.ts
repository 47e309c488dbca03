import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { HostVolume, HostVolumeSnapshot } from '@/contracts/host/v1/volumes'
import { storeTrouble } from '@/domain/volume/store-trouble'
import { VolumeError } from './store'
import { MemoryHost, until } from './testing/memory-host'
import { MemoryVm } from './testing/memory-vm'

let host: MemoryHost
beforeEach(async () => {
  host = await MemoryHost.open()
})
afterEach(() => host.close())

const unreachable = () => new VolumeError('Unreachable', 'ceph', 'the cluster does not answer')
const reports = (...snapshots: HostVolumeSnapshot[]) => snapshots.map(({ uid }) => host.server.report('snapshot', uid))
const phases = (...snapshots: HostVolumeSnapshot[]) => reports(...snapshots).map((report) => report?.phase)
const callsOf = (name: string) => host.store.calls.filter((call) => call.startsWith(`${name} `))

async function readyVolumes(): Promise<[HostVolume, HostVolume]> {
  const { server, phase } = host
  const volumes: [HostVolume, HostVolume] = [server.volume(), server.volume()]
  server.say(...volumes)
  await until(() => expect(volumes.map(phase)).toEqual(['Ready', 'Ready']))
  return volumes
}

function groupOf(volumes: readonly HostVolume[]): [HostVolumeSnapshot, HostVolumeSnapshot] {
  const group = randomUUID()
  const [first, second] = volumes.map((volume) => host.server.snapshot(volume, { group, groupSize: 2 }))
  if (!first || !second) throw new Error('two volumes')
  return [first, second]
}

/** As the store has it once it is taken. */
const isThere = (snapshot: HostVolumeSnapshot) => host.store.snapshots.set(snapshot.uid, { sizeBytes: 1, storedBytes: 0, volumeUid: snapshot.volumeUid })

/** Time goes on until it is so. */
const inTime = (check: () => void): Promise<void> => until(async () => {
  await host.clock.advance(1_000)
  check()
})

describe('a group of snapshots that an agent was killed in the midst of', () => {
  it('is undone where some of it were taken, and taken anew', async () => {
    const volumes = await readyVolumes()
    const [first, second] = groupOf(volumes)
    await host.restart([])
    isThere(first)
    host.server.say(first, second)
    host.server.connect()
    await until(() => expect(phases(first, second)).toEqual(['Ready', 'Ready']))
    expect(host.store.calls.filter((call) => /^(removeSnapshot|abortSnapshot|commitSnapshot)/.test(call)).sort()).toEqual(['abortSnapshot', 'abortSnapshot', 'commitSnapshot', 'commitSnapshot'].map((name, i) => `${name} ${volumes[i % 2]?.uid ?? ''}`).concat([first, second].map(({ uid }) => `removeSnapshot ${uid}`)).sort())
    expect(callsOf('commitSnapshot').every((call) => host.store.calls.indexOf(call) > host.store.calls.indexOf(`removeSnapshot ${first.uid}`))).toBe(true)
  })

  it('is there where all of it were, and were written down as of one instant; else it is taken anew', async () => {
    const [first, second] = groupOf(await readyVolumes())
    host.server.say(first, second)
    await until(() => expect(phases(first, second)).toEqual(['Ready', 'Ready']))
    await host.restart([])
    host.server.connect()
    await until(() => expect(phases(first, second)).toEqual(['Ready', 'Ready']))
    expect([callsOf('commitSnapshot').length, callsOf('removeSnapshot').length]).toEqual([2, 0])
    await host.restart([])
    await (await host.ledger()).remove({ kind: 'snapshot', uid: second.uid })
    await host.restart([])
    host.server.connect()
    await until(() => expect(phases(first, second)).toEqual(['Ready', 'Ready']))
    expect([callsOf('commitSnapshot').length, callsOf('removeSnapshot').length]).toEqual([4, 2])
  })

  it('whose others the server has heard of is whole where the rest is there, and failed where it is not', async () => {
    const volumes = await readyVolumes()
    const [first, second] = groupOf(volumes)
    host.server.say(first, second)
    await until(() => expect(phases(first, second)).toEqual(['Ready', 'Ready']))
    host.server.say({ ...first, state: 'ready' })
    await host.restart([])
    host.server.connect()
    await until(() => expect(phases(first, second)).toEqual(['Ready', 'Ready']))
    await host.restart([])
    host.store.snapshots.delete(second.uid)
    host.server.connect()
    await until(() => expect(phases(first, second)).toEqual(['Ready', 'Failed']))
    expect([...host.store.snapshots.keys()]).toEqual([first.uid])
  })
})

describe('a snapshot whose overlay QEMU took before the agent was killed', () => {
  /** As the store and QEMU have it: the overlay 2 is on top of 1 in both. What is called off is a layer as any other, and the next overlay is 3. */
  async function begun(): Promise<{ volume: HostVolume; vm: MemoryVm }> {
    const { store } = host
    const vm = new MemoryVm()
    const volume = await host.attachedVolume(vm)
    let layers = ['2', '1']
    const paths = () => layers.map((id, i) => ({ id, path: `/${id}`, readOnly: i > 0 }))
    const abort = store.abortSnapshot.bind(store)
    vi.spyOn(store, 'abortSnapshot').mockImplementation(async (uid) => {
      await abort(uid)
      if (layers[0] === '2') layers = ['3', ...layers]
    })
    vi.spyOn(store, 'prepareSnapshot').mockImplementation(() => Promise.resolve({ kind: 'overlay', overlay: { id: layers[0] ?? '', path: '/', readOnly: false } }))
    vi.spyOn(store, 'image').mockImplementation(() => Promise.resolve({ kind: 'layers', direct: false, layers: paths() }))
    for (const disk of vm.disks.values()) vm.disks.set(disk.serial, { ...disk, layers: ['2', '1'] })
    return { volume, vm }
  }
  const overlaysOf = (vm: MemoryVm) => vm.calls.filter((call) => call.startsWith('snapshot ')).length

  it.each([false, true])('is taken anew, for nobody knows when that was, nor whether a guest stood still (to be frozen: %s)', async (freeze) => {
    const { volume, vm } = await begun()
    const snapshot = host.server.snapshot(volume, { freeze })
    host.server.say(snapshot)
    await inTime(() => expect(phases(snapshot)).toEqual(['Ready']))
    expect([overlaysOf(vm), callsOf('abortSnapshot').length, callsOf('commitSnapshot').length]).toEqual([1, 1, 1])
    // That QEMU does not write below what it had taken either.
    expect(vm.calls.filter((call) => call.startsWith('confirm frozen')).map((call) => call.split(' ').at(-1))).toEqual(['/1'])
  })

  it('is taken anew with all of its instant', async () => {
    const { volume, vm } = await begun()
    const other = host.server.volume()
    host.server.say(other)
    await until(() => expect(host.phase(other)).toBe('Ready'))
    const [first, second] = groupOf([volume, other])
    host.server.say(first, second)
    await inTime(() => expect(phases(first, second)).toEqual(['Ready', 'Ready']))
    expect([overlaysOf(vm), callsOf('abortSnapshot').length, callsOf('commitSnapshot').length]).toEqual([1, 2, 2])
  })
})

describe('a snapshot', () => {
  it('that is taken is there also where its store cannot say at once what it takes', async () => {
    const { store, server } = host
    const [volume] = await readyVolumes()
    const snapshot = server.snapshot(volume)
    const commit = store.commitSnapshot.bind(store)
    vi.spyOn(store, 'commitSnapshot').mockImplementation(async (...args) => {
      await commit(...args)
      store.failures.set('describeSnapshot', unreachable())
    })
    server.say(snapshot)
    await until(() => expect(reports(snapshot)).toMatchObject([{ phase: 'Ready', reason: '', consistency: 'CrashConsistent' }]))
    expect(reports(snapshot)[0]).not.toHaveProperty('storedBytes')
    store.failures.clear()
    server.say({ ...snapshot, state: 'ready' })
    await inTime(() => expect(reports(snapshot)).toMatchObject([{ phase: 'Ready', storedBytes: 0 }]))
  })

  it.each(['probe', 'findSnapshot', 'prepareSnapshot', 'commitSnapshot'])('whose store does not answer at %s waits, says why, and is taken once it does', async (call) => {
    const { store, server } = host
    const [volume] = await readyVolumes()
    store.failures.set(call, unreachable())
    const snapshot = server.snapshot(volume)
    server.say(snapshot)
    await until(() => expect(reports(snapshot)).toMatchObject([{ phase: 'Creating', reason: 'Unreachable', message: storeTrouble('Unreachable') }]))
    store.failures.clear()
    await inTime(() => expect(reports(snapshot)).toMatchObject([{ phase: 'Ready', reason: '' }]))
  })

  it('whose store has carried out what it did not answer is there, for nobody can say that it is not; of a group it is another instant, which goes', async () => {
    const { store, server } = host
    const volumes = await readyVolumes()
    const isLost = losesAnswers()
    store.failures.set('removeSnapshot', unreachable())
    const [alone, [first, second]] = [server.snapshot(volumes[0]), groupOf(volumes)]
    server.say(alone, first, second)
    await inTime(() => expect([store.snapshots.size, phases(first, second)]).toEqual([3, ['Creating', 'Creating']]))
    isLost.mockRestore()
    store.failures.clear()
    await inTime(() => expect(phases(alone, first, second)).toEqual(['Ready', 'Ready', 'Ready']))
    expect(store.snapshots.size).toBe(3)
    expect(callsOf('commitSnapshot').filter((call) => call.endsWith(volumes[1].uid)).length).toBe(2)
    expect(reports(alone)).toMatchObject([{ consistency: 'CrashConsistent' }])
  })

  it('is failed after some minutes, and only once nothing of it is in its store', async () => {
    const { store, server } = host
    const isLost = losesAnswers()
    store.failures.set('removeSnapshot', unreachable())
    const [first, second] = groupOf(await readyVolumes())
    server.say(first, second)
    for (let second_ = 0; second_ < 300; second_ += 10) {
      await host.clock.advance(10_000)
      expect(phases(first, second)).not.toContain('Failed')
    }
    await until(() => expect(reports(first)).toMatchObject([{ phase: 'Creating', reason: 'Unreachable' }]))
    store.failures.clear()
    await inTime(() => expect(reports(first, second)).toMatchObject([{ phase: 'Failed', reason: 'Unreachable' }, { phase: 'Failed', reason: 'Unreachable' }]))
    const tried = callsOf('commitSnapshot').length
    await host.clock.advance(60_000)
    expect([store.snapshots.size, tried <= 18, callsOf('commitSnapshot').length]).toEqual([0, true, tried])
    isLost.mockRestore()
  })

  it('of which a volume is to be made is tried for longer', async () => {
    const { store, server } = host
    const [volume, other] = await readyVolumes()
    store.failures.set('prepareSnapshot', new VolumeError('Conflict', volume.uid, 'Another one is being taken. It is tried again after that.'))
    const [patient, person] = [server.snapshot(volume, { patient: true }), server.snapshot(other)]
    server.say(patient, person)
    await until(async () => {
      await host.clock.advance(30_000)
      expect(reports(patient, person)).toMatchObject([{ phase: 'Creating' }, { phase: 'Failed', reason: 'Conflict' }])
    })
    store.failures.clear()
    await until(async () => {
      await host.clock.advance(30_000)
      expect(phases(patient, person)).toEqual(['Ready', 'Failed'])
    })
  })

  it('is failed at once for what stays so', async () => {
    const { store, server } = host
    const [volume] = await readyVolumes()
    store.failures.set('commitSnapshot', new VolumeError('Damaged', volume.uid, 'its record cannot be read'))
    const snapshot = server.snapshot(volume)
    server.say(snapshot)
    await inTime(() => expect(reports(snapshot)).toMatchObject([{ phase: 'Failed', reason: 'Damaged' }]))
    expect(callsOf('commitSnapshot').length).toBe(1)
  })

  it('that the next owner of its volume has taken is left alone by a host that does not know of that', async () => {
    const { store, server } = host
    const volumes = await readyVolumes()
    const [first, second] = groupOf(volumes)
    for (const { uid } of volumes) {
      const volume = store.volumes.get(uid)
      if (volume) volume.epoch = 2
    }
    isThere(first)
    server.say(first, second)
    for (let tens = 0; tens < 30; tens += 1) await host.clock.advance(10_000)
    await until(() => expect(reports(first, second)).toMatchObject([{ phase: 'Creating', reason: 'Stale' }, { phase: 'Creating', reason: 'Stale' }]))
    expect([...store.snapshots.keys()]).toEqual([first.uid])
    expect(callsOf('commitSnapshot')).toEqual([])
  })
})

/** The store carries out each commit, and its answer is lost. */
function losesAnswers() {
  const { store } = host
  const commit = store.commitSnapshot.bind(store)
  return vi.spyOn(store, 'commitSnapshot').mockImplementation(async (...args) => {
    await commit(...args)
    throw unreachable()
  })
}
