import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { VolumeLedger } from '@/host/ledger/volumes'
import { FakeClock } from '@/host/pods/testing/fake-clock'
import { GuestRefusal } from '@/host/pods/ports'
import { testAssignment } from '@/host/pods/testing/assignment'
import { serialOf } from './open-image'
import { Stores } from './stores'
import { MemoryStore } from './testing/memory-store'
import { MemoryVm } from './testing/memory-vm'
import { MiB, VolumeServer } from './testing/volume-server'
import { VolumeError } from './store'
import { Volumes } from './volumes'

const pod = testAssignment()
const silent = { warn: () => {}, error: () => {} }

let folder: string
let clock: FakeClock
let store: MemoryStore
let volumes: Volumes
let server: VolumeServer
let told: string[]
const images = new Map<string, Error>()

async function agent(before: string[] = []): Promise<void> {
  const ledger = await VolumeLedger.open(folder, silent, clock.now())
  volumes = new Volumes({ ledger, before, folders: { stores: join(folder, 'stores'), work: folder }, reach: async () => {}, makeOfArchive: () => Promise.reject(new Error('no archives here')), imageFile: async (_uid, reference) => {
    const failure = images.get(reference)
    if (failure) throw failure
    return `/images/${reference}`
  }, clock, log: silent, tell: (_pod, _type, reason) => void told.push(reason) })
}

/** The agent ends, and another one begins. */
async function restart(before: string[]): Promise<void> {
  await volumes.close()
  await agent(before)
}

/** Waits for what real files and turns of the event loop take. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 5 })
const phase = (volume: HostVolume) => server.report('volume', volume.uid)?.phase
const attachment = (volume: HostVolume) => server.attachment(volume, pod)
const isAttached = (volume: HostVolume) => until(() => expect(attachment(volume)?.phase).toBe('Attached'))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'volumes-'))
  clock = new FakeClock()
  store = new MemoryStore()
  told = []
  vi.spyOn(Stores.prototype, 'get').mockImplementation(() => store)
  await agent()
  server = new VolumeServer({ get volumes() { return volumes } }, pod.tenantId)
})

afterEach(async () => {
  vi.restoreAllMocks()
  await volumes.close()
  await rm(folder, { recursive: true, force: true })
})

function up(vm: MemoryVm, isFound = false): void {
  volumes.pods.up(pod.uid, vm.machine, vm.guest, isFound)
}

/** One that its pod has. */
async function attachedVolume(vm: MemoryVm): Promise<HostVolume> {
  const volume = server.attached(server.volume(), pod, 'data')
  server.say(volume)
  up(vm)
  await isAttached(volume)
  return volume
}

describe('the volumes of a host', () => {
  it('are made, claimed and written down before a pod gets one', async () => {
    const volume = await attachedVolume(new MemoryVm())
    expect(store.calls).toEqual([`create ${volume.uid}`, `claim ${volume.uid}`, `image write ${volume.uid}`, `confirmOpen ${volume.uid}`])
    await until(async () => expect((await VolumeLedger.open(folder, silent, clock.now())).volume(volume.uid)).toMatchObject({ epoch: 1, formatted: 'ext4', made: true, holds: [{ podUid: pod.uid, epoch: 1 }] }))
    await expect(volumes.pods.ready(pod.uid, { names: ['data'], assigned: () => [{ name: 'data', volumeUid: volume.uid, attachmentUid: randomUUID(), epoch: 1, readOnly: false }] }, () => {}, AbortSignal.timeout(20_000))).resolves.toEqual({ needsStorage: false })
  })

  it('are filled with the files of an image by the first pod that writes to them, and tried again where that image cannot be had', async () => {
    const vm = new MemoryVm()
    const volume = server.attached(server.volume({ populate: { reference: 'tools' } }), pod, 'data')
    images.set('tools', new VolumeError('Unreachable', volume.uid, 'the image cannot be pulled'))
    server.say(volume)
    up(vm)
    await until(() => expect(attachment(volume)).toMatchObject({ reason: 'Unreachable', message: 'the image cannot be pulled' }))
    expect(vm.calls).toEqual([])
    images.delete('tools')
    await clock.advance(60_000)
    await isAttached(volume)
    const fill = `fill-${serialOf(volume.uid).slice(0, 15)}`
    // It may have been asked since how full it is.
    expect(vm.calls.slice(0, 5)).toEqual([`plug ${serialOf(volume.uid)}`, `unplug image ${fill}`, `plug image ${fill}`, 'attach data', `unplug image ${fill}`])
    expect(vm.filled).toEqual([fill])
    // It has a file system now, and is filled no more, whatever the server knows yet.
    vm.end()
    await until(() => expect(attachment(volume)?.phase).not.toBe('Attached'))
    const next = new MemoryVm()
    up(next)
    await until(() => expect(next.calls.slice(0, 2)).toEqual([`plug ${serialOf(volume.uid)}`, 'attach data']))
    await isAttached(volume)
    expect(next.filled).toEqual([])
  })

  it('that are copies have the file system that stands on them, whatever their class gives to new ones', async () => {
    const vm = new MemoryVm()
    const attach = vm.guest.volumes.attach.bind(vm.guest.volumes)
    const asked: string[] = []
    vi.spyOn(vm.guest.volumes, 'attach').mockImplementation((params, ...more) => {
      asked.push(params.fsType)
      return params.fsType === 'xfs' ? attach(params, ...more) : Promise.reject(new GuestRefusal('FilesystemMismatch', 'the disk has xfs and the pod asks for ext4'))
    })
    const copy = server.attached(server.volume({ origin: { kind: 'snapshot', snapshotUid: randomUUID() } }), pod, 'data')
    server.say(copy)
    up(vm)
    await isAttached(copy)
    expect([asked.slice(0, 2), server.report('volume', copy.uid)?.formatted]).toEqual([['ext4', 'xfs'], 'xfs'])
  })

  it('are answered for once nothing has them open and what is under way has ended', async () => {
    let goOn = (): void => {}
    store.holds.set('create', new Promise((resolve) => (goOn = resolve)))
    const making = server.volume()
    server.say(making)
    await until(() => expect(store.calls).toEqual([`create ${making.uid}`]))
    server.unsay(`volume/${making.uid}`)
    await until(() => expect(phase(making)).toBe('Gone'))
    expect(store.volumes.size).toBe(0)
    goOn()
    store.holds.clear()

    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    server.unsay(`volume/${volume.uid}`)
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ phase: 'Gone', epoch: 1 }))
    expect([vm.disks.size, vm.calls.slice(-2).map((call) => call.split(' ')[0]), store.calls.at(-1)]).toEqual([0, ['detach', 'unplug'], `release ${volume.uid}`])
    expect((await VolumeLedger.open(folder, silent, clock.now())).volume(volume.uid)).toMatchObject({ epoch: 1, object: null, holds: [] })
    const unknown = randomUUID()
    server.unsay(`volume/${unknown}`)
    expect(server.report('volume', unknown)).toMatchObject({ phase: 'Gone', epoch: 0 })
  })

  it('are opened under no lower epoch than was ever known, not by the next agent either', async () => {
    const vm = new MemoryVm()
    const volume = server.volume({ epoch: 7 })
    server.say(volume)
    await until(() => expect(phase(volume)).toBe('Ready'))
    server.unsay(`volume/${volume.uid}`)
    await until(() => expect(phase(volume)).toBe('Gone'))
    await restart([])
    up(vm)
    server.say(server.attached({ ...volume, epoch: 6 }, pod, 'data'))
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ phase: 'Failed', reason: 'Stale', epoch: 7 }))
    expect([vm.calls, store.volumes.get(volume.uid)?.epoch]).toEqual([[], 7])
  })

  it('that a store does not have any more are not made anew', async () => {
    const volume = server.volume({ made: true })
    server.say(volume)
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ phase: 'Failed', reason: 'Damaged' }))
    expect(store.calls).toEqual([])
  })

  it('wait for the store, and are tried again when the server says something else', async () => {
    store.failures.set('create', new VolumeError('NoSpace', 'x', 'The store has no room left.'))
    const volume = server.volume()
    server.say(volume)
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ phase: 'Creating', reason: 'NoSpace', message: 'The store has no room left.' }))
    store.failures.clear()
    await clock.advance(1_000)
    await until(() => expect(phase(volume)).toBe('Ready'))
  })

  it('that cannot be claimed stay what they are for everybody else, and are tried again less and less often', async () => {
    const volume = server.volume()
    server.say(volume)
    await until(() => expect(phase(volume)).toBe('Ready'))
    store.failures.set('claim', new VolumeError('NotFenced', 'x', 'Somebody still has it open.'))
    server.say({ ...volume, epoch: 2 })
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ phase: 'Ready', reason: 'NotFenced', epoch: 2 }))
    const tries = () => store.calls.filter((call) => call === `claim ${volume.uid}`).length
    for (let second = 0; second < 30; second += 1) await clock.advance(1_000)
    expect([tries() > 3, tries() < 10]).toEqual([true, true])
    store.failures.clear()
    await clock.advance(30_000)
    await until(() => expect([store.volumes.get(volume.uid)?.epoch, server.report('volume', volume.uid)?.reason]).toEqual([2, '']))
  })

  it('that are only read are opened so on hosts that do not keep them, once they are there, and are neither made nor claimed', async () => {
    const vm = new MemoryVm()
    const volume = server.attached(server.volume({ keeper: false, formatted: true }), pod, 'data', { readOnly: true })
    server.say(volume)
    up(vm)
    await clock.advance(1_000)
    expect([store.calls, vm.calls]).toEqual([[], []])
    store.volumes.set(volume.uid, { sizeBytes: 64 * MiB, epoch: 1, parent: false, content: '' })
    server.say({ ...volume, rates: { ...volume.rates, iops: 5 } })
    await isAttached(volume)
    expect([store.calls, vm.disks.get(serialOf(volume.uid))?.readOnly]).toEqual([[`image read ${volume.uid}`], true])
    // It never gets a right to write that it was not given.
    server.say(server.attached({ ...volume, attachments: [] }, pod, 'data', { readOnly: false }))
    await until(() => expect(attachment(volume)?.phase).toBe('Attaching'))
    expect([vm.disks.size, store.calls.includes(`image write ${volume.uid}`)]).toEqual([0, false])
  })

  it('grow, change their limits and come into containers while their pod runs', async () => {
    const vm = new MemoryVm()
    let volume = await attachedVolume(vm)
    volume = { ...volume, sizeBytes: 128 * MiB, rates: { ...volume.rates, iops: 100 }, attachments: volume.attachments.map((one) => ({ ...one, mounts: [{ container: 'main', path: '/data', subPath: '', readOnly: false }] })) }
    server.say(volume)
    await until(() => expect(vm.calls).toContain('mount main /data'))
    expect([store.volumes.get(volume.uid)?.sizeBytes, vm.calls.filter((call) => /^(grow|limit|grow guest) /.test(call)).length]).toEqual([128 * MiB, 3])
    volumes.pods.containerStarted(pod.uid, 'main')
    await until(() => expect(vm.calls.filter((call) => call === 'mount main /data')).toHaveLength(2))
  })

  it('are taken away with the guest, which may say who is in the way; by force without it, by the end of the VM at last', async () => {
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    vm.failures.set('detach', new GuestRefusal('Busy', 'the volume cannot be taken out: these have it open: cat (process 9)', 'data'))
    server.say({ ...volume, attachments: [], detaching: [{ podUid: pod.uid, forced: false }] })
    await until(() => expect(attachment(volume)).toMatchObject({ phase: 'Detaching', reason: 'Busy', message: expect.stringContaining('cat (process 9)') as string }))
    vm.failures.set('unplug', new Error('the guest does not give it back'))
    server.say({ ...volume, attachments: [], detaching: [{ podUid: pod.uid, forced: true }] })
    await until(() => expect(attachment(volume)).toMatchObject({ phase: 'Detached', epoch: 1 }))
    await expect(vm.machine.exited).resolves.toBe('it ended')
    // The server has heard it.
    server.say({ ...volume, attachments: [] })
    await until(() => expect(attachment(volume)).toBeNull())
  })

  it('that a VM of an earlier agent has are taken up; what nothing was written down of is taken away', async () => {
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    await restart([pod.uid])
    expect(attachment(volume)).toMatchObject({ phase: 'Attached', epoch: 1 })
    // Not before it is known whether it has it.
    server.unsay(`volume/${volume.uid}`)
    await clock.advance(60_000)
    expect(phase(volume)).not.toBe('Gone')
    server.say(volume)
    vm.disks.set('v0000000000000000000', { serial: 'v0000000000000000000', sizeBytes: 1, readOnly: false, layers: [], device: true })
    const plugs = vm.calls.filter((call) => call.startsWith('plug')).length
    up(vm, true)
    await until(() => expect([attachment(volume)?.usedBytes, vm.disks.size]).toEqual([5, 1]))
    expect(vm.calls.filter((call) => call.startsWith('plug'))).toHaveLength(plugs)
    await restart([pod.uid])
    volumes.pods.ended(pod.uid)
    await until(() => expect(attachment(volume)?.phase).toBe('Attaching'))
  })

  it('are removed for good, brought back and made whole once nothing has them open', async () => {
    const vm = new MemoryVm()
    const snapshotUid = randomUUID()
    const volume = await attachedVolume(vm)
    server.say({ ...volume, epoch: 2, attachments: [], revertTo: snapshotUid })
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ epoch: 2, revertedTo: snapshotUid }))
    expect(store.calls.slice(-2)).toEqual([`claim ${volume.uid}`, `revert ${volume.uid}`])
    server.say({ ...volume, epoch: 3, attachments: [], purge: true })
    await until(() => expect(phase(volume)).toBe('Purged'))
    expect([store.calls.at(-1), store.volumes.size]).toEqual([`remove ${volume.uid}`, 0])
    server.unsay(`volume/${volume.uid}`)
    await until(() => expect(phase(volume)).toBe('Gone'))
  })

  it('that a complete message does not name are let go', async () => {
    const [one, other] = [server.volume(), server.volume()]
    server.say(one, other)
    await until(() => expect([phase(one), phase(other)]).toEqual(['Ready', 'Ready']))
    volumes.take({ kind: 'volumeObjects', complete: true, set: [one], remove: [], more: true })
    expect(phase(other)).toBe('Ready')
    volumes.take({ kind: 'volumeObjects', complete: false, set: [], remove: [] })
    await until(() => expect([phase(one), phase(other)]).toEqual(['Ready', 'Gone']))
    expect([...volumes.reports().values()].filter((report) => report.phase !== 'Gone').map(({ uid }) => uid)).toEqual([one.uid])
  })

  it('have a pod that stands still for a full store go on once there is room, and tell so', async () => {
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    const serial = [...vm.disks.keys()][0] ?? ''
    let freeBytes = 0
    store.probe = () => Promise.resolve({ totalBytes: 2 ** 30, freeBytes })
    vm.fault({ serial, operation: 'write', noSpace: true, paused: true, reason: 'No space left on device' })
    await until(() => expect([attachment(volume)?.paused, told]).toEqual([true, ['VolumePaused']]))
    await clock.advance(5_000)
    expect(vm.calls).not.toContain('resume ')
    freeBytes = 2 ** 30
    await until(async () => {
      await clock.advance(3_000)
      expect([attachment(volume)?.paused, told]).toEqual([false, ['VolumePaused', 'VolumeResumed']])
    })
    expect(vm.calls).toContain('resume ')
  })

  it('whose guest is told of a full store go on, and their tenant is told now and then', async () => {
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    const full = { serial: serialOf(volume.uid), operation: 'write' as const, noSpace: true, paused: false, reason: 'No space left on device' }
    for (let i = 0; i < 5; i += 1) vm.fault(full)
    expect([attachment(volume)?.paused, told]).toEqual([false, ['StoreFull']])
    await clock.advance(61_000)
    vm.fault(full)
    vm.fault({ ...full, noSpace: false })
    expect([vm.calls.includes('resume '), told]).toEqual([false, ['StoreFull', 'StoreFull', 'VolumeError']])
  })

  it('have snapshots that are taken once their group is whole, and removed', async () => {
    const [one, other] = [server.volume(), server.volume()]
    const group = randomUUID()
    const [first, second] = [server.snapshot(one, { group, groupSize: 2 }), server.snapshot(other, { group, groupSize: 2 })]
    server.say(one, other, first)
    await until(() => expect([phase(one), phase(other)]).toEqual(['Ready', 'Ready']))
    expect(server.report('snapshot', first.uid)?.phase).toBe('Creating')
    server.say(second)
    await until(() => expect([server.report('snapshot', first.uid), server.report('snapshot', second.uid)]).toMatchObject([{ phase: 'Ready', consistency: 'CrashConsistent', sizeBytes: 64 * MiB }, { phase: 'Ready' }]))
    server.say({ ...first, state: 'remove' })
    await until(() => expect(server.report('snapshot', first.uid)?.phase).toBe('Purged'))
    store.failures.set('commitSnapshot', new VolumeError('TooManySnapshots', other.uid, 'too many'))
    const third = server.snapshot(other)
    server.say(third)
    await until(() => expect(server.report('snapshot', third.uid)).toMatchObject({ phase: 'Failed', reason: 'TooManySnapshots' }))
    expect(store.calls).toContain(`abortSnapshot ${other.uid}`)
    server.unsay(`snapshot/${third.uid}`)
    await until(() => expect(server.report('snapshot', third.uid)?.phase).toBe('Gone'))
  })
})
