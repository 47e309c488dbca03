import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { HostVolume, HostVolumeSnapshot } from '@/contracts/host/v1/volumes'
import { StillWritten } from '@/host/hypervisor/volume-disks'
import { serialOf } from './open-image'
import { VolumeError } from './store'
import { MemoryHost, until } from './testing/memory-host'
import { MemoryVm } from './testing/memory-vm'

let host: MemoryHost
let vm: MemoryVm
/** Two of which snapshots are taken at one instant, and another one of the same pod. */
let volumes: [HostVolume, HostVolume, HostVolume]
/** Ends the commit of the second one's snapshot. */
let commit: { resolve: () => void; reject: (error: Error) => void }

beforeEach(async () => {
  host = await MemoryHost.open()
  vm = new MemoryVm()
  const { server, pod, store, up, isAttached } = host
  const attached = (name: string) => server.attached(server.volume({ name }), pod, name)
  volumes = [attached('first'), attached('second'), attached('other')]
  server.say(...volumes)
  up(vm)
  for (const volume of volumes) await isAttached(volume)
  const committing = new Promise<void>((resolve, reject) => (commit = { resolve, reject }))
  committing.catch(() => {})
  const commitNow = store.commitSnapshot.bind(store)
  vi.spyOn(store, 'commitSnapshot').mockImplementation(async (uid, snapshotUid) => {
    if (uid === volumes[1].uid) await committing
    await commitNow(uid, snapshotUid)
  })
})
afterEach(() => host.close())

const stops = (): string[] => vm.calls.filter((call) => /^(pause|resume) /.test(call)).map((call) => call.trim())
const phases = (snapshots: readonly HostVolumeSnapshot[]) => snapshots.map(({ uid }) => host.server.report('snapshot', uid)?.phase)

function ask(...of: readonly HostVolume[]): HostVolumeSnapshot[] {
  const group = randomUUID()
  const snapshots = of.map((volume) => host.server.snapshot(volume, { group, groupSize: of.length }))
  host.server.say(...snapshots)
  return snapshots
}

/** The store of a volume that the group does not have carries nothing out any more. */
const stall = (): void => vm.fault({ serial: serialOf(volumes[2].uid), operation: 'write', noSpace: false, paused: true, reason: 'Input/output error' })

describe('while snapshots of one instant are taken', () => {
  it.each(['are taken', 'cannot be taken'])('their VM does not go on, though the store of another volume would have it try again, and does so after they %s', async (end) => {
    const snapshots = ask(volumes[0], volumes[1])
    await until(() => expect([stops(), host.store.snapshots.size]).toEqual([['pause'], 1]))
    stall()
    for (let second = 0; second < 20; second += 1) await host.clock.advance(1_000)
    expect(stops()).toEqual(['pause'])
    if (end === 'are taken') commit.resolve()
    else commit.reject(new VolumeError('Damaged', volumes[1].uid, 'it is damaged'))
    await until(() => expect(stops()).toEqual(['pause', 'resume']))
    await until(() => expect(phases(snapshots)).toEqual(Array(2).fill(end === 'are taken' ? 'Ready' : 'Failed')))
    await until(async () => {
      await host.clock.advance(5_000)
      expect([stops(), host.told]).toEqual([['pause', 'resume', 'resume'], ['VolumeStalled', 'VolumeResumed']])
    })
  })

  it('no others of the same VM are, and no disk of it is taken away: its QEMU closes nothing', async () => {
    const { server, pod } = host
    const [, , other] = volumes
    const more = server.attached(server.volume({ name: 'more' }), pod, 'more')
    server.say(more)
    await host.isAttached(more)
    ask(volumes[0], volumes[1])
    await until(() => expect(host.store.snapshots.size).toBe(1))
    const later = ask(other, more)
    await until(() => expect(host.store.calls).toContain(`prepareSnapshot ${more.uid}`))
    const gone = server.attached(server.volume({ name: 'gone' }), pod, 'gone')
    server.say(gone)
    await new Promise(setImmediate)
    expect([stops(), vm.calls.includes(`plug ${serialOf(gone.uid)}`), phases(later)]).toEqual([['pause'], false, ['Creating', 'Creating']])
    commit.resolve()
    await until(() => expect(phases(later)).toEqual(['Ready', 'Ready']))
    await host.isAttached(gone)
    expect(stops()).toEqual(['pause', 'resume', 'pause', 'resume'])
  })
})

describe('a VM that stands still for a store', () => {
  it('has snapshots of its other volumes taken once it goes on', async () => {
    stall()
    const alone = host.server.snapshot(volumes[0])
    host.server.say(alone)
    await host.clock.advance(1_000)
    await new Promise(setImmediate)
    expect([phases([alone]), host.store.calls.filter((call) => call.startsWith('prepareSnapshot'))]).toEqual([['Creating'], []])
    await until(async () => {
      await host.clock.advance(1_000)
      expect(phases([alone])).toEqual(['Ready'])
    })
    expect(host.told).toEqual(['VolumeStalled', 'VolumeResumed'])
  })

  it.each([true, false])('is not ended for what its QEMU has not closed yet, as one that runs is (%s)', async (isStopped) => {
    const { store, server } = host
    const [{ uid }] = volumes
    const layer = (id: string, readOnly: boolean) => ({ id, path: `/${uid}/${id}`, readOnly })
    vi.spyOn(store, 'prepareSnapshot').mockResolvedValue({ kind: 'overlay', overlay: layer('2', false) })
    vi.spyOn(store, 'image').mockImplementation((_uid, access) => Promise.resolve({ kind: 'layers', direct: false, layers: [layer('2', access === 'read'), layer('1', true)] }))
    vm.failures.set('snapshot', new StillWritten('QEMU keeps it open'))
    vm.isStopped = isStopped
    let isEnded = false
    void vm.machine.exited.then(() => (isEnded = true))
    const snapshot = server.snapshot(volumes[0])
    server.say(snapshot)
    await until(() => expect(server.report('snapshot', snapshot.uid)?.reason).not.toBe(''))
    expect([isEnded, store.snapshots.size]).toEqual([!isStopped, 0])
  })
})
