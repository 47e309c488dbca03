import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { VmError } from '@/host/hypervisor/machine'
import { GuestRefusal } from '@/host/pods/ports'
import { serialOf } from './open-image'
import { VolumeError } from './store'
import { MemoryHost, until } from './testing/memory-host'
import { MemoryVm } from './testing/memory-vm'
import { MiB } from './testing/volume-server'

let host: MemoryHost
beforeEach(async () => {
  host = await MemoryHost.open()
})
afterEach(() => host.close())

describe('the volumes of pods', () => {
  it('are filled with the files of an image by the first pod that writes to them, and tried again where that image cannot be had', async () => {
    const { pod, clock, server, images, attachment, isAttached, up } = host
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

  it('are asked of their guest before it is shown the disk, and where that fails tried again once the guest has given up', async () => {
    const { pod, clock, server, attachment, isAttached, up } = host
    const vm = new MemoryVm()
    const volume = server.attached(server.volume(), pod, 'data')
    let giveUp = () => {}
    vi.spyOn(vm.guest.volumes, 'attach').mockImplementationOnce(() => new Promise((_, reject) => (giveUp = () => reject(new GuestRefusal('DiskNotFound', 'no disk has this serial')))))
    const plug = vi.spyOn(vm.machine.volumes, 'plug').mockImplementationOnce(async (_, confirmed) => {
      await confirmed?.()
      throw new VmError('QEMU has no place for the disk')
    })
    server.say(volume)
    up(vm)
    await until(() => expect(vm.guest.volumes.attach).toHaveBeenCalledOnce())
    await clock.advance(60_000)
    expect([plug.mock.calls.length, attachment(volume)?.message]).toEqual([1, ''])
    giveUp()
    await until(() => expect(attachment(volume)).toMatchObject({ phase: 'Attaching', message: expect.stringContaining('It is tried again') as string }))
    await clock.advance(60_000)
    await isAttached(volume)
    expect(vm.calls.slice(0, 2)).toEqual([`plug ${serialOf(volume.uid)}`, 'attach data'])
  })

  it('that are copies have the file system that stands on them, whatever their class gives to new ones', async () => {
    const { pod, server, isAttached, up } = host
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

  it.each([{ kind: 'upload', uploadId: randomUUID(), format: 'raw', virtualBytes: MiB, bytes: MiB, digest: `sha256:${'0'.repeat(64)}` } as const, { kind: 'snapshot', snapshotUid: randomUUID() } as const])('of which nobody knows what is on them have no file system made over it: $kind', async (origin) => {
    const { pod, store, server, attachment, up } = host
    const vm = new MemoryVm()
    const asked: boolean[] = []
    vi.spyOn(vm.guest.volumes, 'attach').mockImplementation(({ format }) => {
      asked.push(format)
      return Promise.reject(new GuestRefusal('FilesystemDamaged', 'the volume had a file system, and its disk is blank'))
    })
    const volume = server.attached(server.volume({ origin, made: true }), pod, 'data')
    store.volumes.set(volume.uid, { sizeBytes: volume.sizeBytes, epoch: 0, parent: false, content: '' })
    server.say(volume)
    up(vm)
    await until(() => expect(attachment(volume)).toMatchObject({ phase: 'Failed', reason: 'UnknownFilesystem', message: expect.stringContaining(origin.kind) as string }))
    expect(new Set(asked)).toEqual(new Set([false]))
  })

  it('that are copies of what never had anything on it are given a file system, and their snapshots say what they have', async () => {
    const { pod, server, isAttached, up } = host
    const vm = new MemoryVm()
    const attach = vi.spyOn(vm.guest.volumes, 'attach')
    const volume = server.attached(server.volume({ origin: { kind: 'snapshot', snapshotUid: randomUUID(), blank: true } }), pod, 'data')
    const [idle, known] = [server.volume(), server.volume({ formatted: true })]
    server.say(volume, idle, known)
    up(vm)
    await isAttached(volume)
    expect(attach.mock.calls.map(([{ format }]) => format)).toEqual([true])
    const snapshots = [volume, idle, known].map((one) => server.snapshot(one))
    server.say(...snapshots)
    await until(() => expect(snapshots.map(({ uid }) => server.report('snapshot', uid)?.phase)).toEqual(['Ready', 'Ready', 'Ready']))
    expect(snapshots.map(({ uid }) => server.report('snapshot', uid)?.formatted), 'its own, nothing, and one that this host has not seen').toEqual(['ext4', null, undefined])
    // Back at a time before, what it has is the server's to know.
    server.say({ ...volume, epoch: 2, attachments: [], revertTo: snapshots[0]?.uid ?? '' })
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ epoch: 2, revertedTo: snapshots[0]?.uid, formatted: null }))
  })

  it('that are only read are opened so on hosts that do not keep them, once they are there, and are neither made nor claimed', async () => {
    const { pod, clock, store, server, attachment, isAttached, up } = host
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
    const { pod, store, server, attachedVolume } = host
    const vm = new MemoryVm()
    let volume = await attachedVolume(vm)
    volume = { ...volume, sizeBytes: 128 * MiB, rates: { ...volume.rates, iops: 100 }, attachments: volume.attachments.map((one) => ({ ...one, mounts: [{ container: 'main', path: '/data', subPath: '', readOnly: false }] })) }
    server.say(volume)
    await until(() => expect(vm.calls).toContain('mount main /data'))
    expect([store.volumes.get(volume.uid)?.sizeBytes, vm.calls.filter((call) => /^(grow|limit|grow guest) /.test(call)).length]).toEqual([128 * MiB, 3])
    host.volumes.pods.containerStarted(pod.uid, 'main')
    await until(() => expect(vm.calls.filter((call) => call === 'mount main /data')).toHaveLength(2))
  })

  it('of mode block come as nodes of containers that run, and into each of their starts', async () => {
    const { pod, server, isAttached, up } = host
    const vm = new MemoryVm()
    const volume = server.attached(server.volume({ mode: 'block' }), pod, 'hot', { mounts: [{ container: 'main', path: '/dev/data', subPath: '', readOnly: false }] })
    server.say(volume)
    up(vm)
    await isAttached(volume)
    await until(() => expect(vm.calls).toContain('add device main /dev/data'))
    host.volumes.pods.containerStarted(pod.uid, 'main')
    await until(() => expect(vm.calls.filter((call) => /device|mount/.test(call))).toEqual(['add device main /dev/data', 'add device main /dev/data']))
  })

  it.each(['filesystem', 'block'] as const)('have no snapshot taken between the growth of their disk and that of the volume (%s)', async (mode) => {
    const { clock, pod, store, server, isAttached, up } = host
    const vm = new MemoryVm()
    const volume = server.attached(server.volume({ mode }), pod, 'data')
    server.say(volume)
    up(vm)
    await isAttached(volume)
    store.failures.set('grow', new VolumeError('NoSpace', volume.uid, 'no room'))
    server.say({ ...volume, sizeBytes: 128 * MiB })
    await until(() => expect([store.calls.includes(`grow ${volume.uid}`), vm.disks.get(serialOf(volume.uid))?.sizeBytes]).toEqual([true, 128 * MiB]))
    const snapshot = server.snapshot(volume)
    server.say(snapshot)
    await clock.advance(1_000)
    expect([store.calls.filter((call) => call.startsWith('prepareSnapshot')), server.report('snapshot', snapshot.uid)?.phase]).toEqual([[], 'Creating'])
    store.failures.delete('grow')
    await until(async () => {
      await clock.advance(30_000)
      expect(server.report('snapshot', snapshot.uid)?.phase).toBe('Ready')
    })
    expect([store.volumes.get(volume.uid)?.sizeBytes, store.snapshots.get(snapshot.uid)?.sizeBytes, vm.calls.filter((call) => call.startsWith('grow v')).length]).toEqual([128 * MiB, 128 * MiB, 1])
  })

  it('are taken away with the guest, which may say who is in the way; by force without it, by the end of the VM at last', async () => {
    const { pod, server, attachment, attachedVolume } = host
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

  it('are cleared of what a VM that died has left in their store before the next one gets them, and before they are let go', async () => {
    const { pod, store, server, phase, attachment, isAttached, up, attachedVolume, restart } = host
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    const since = (): string[] => store.calls.splice(0).map((call) => call.replace(` ${volume.uid}`, ''))
    since()
    vm.end()
    await until(() => expect(attachment(volume)?.phase).toBe('Attaching'))
    up(new MemoryVm())
    await isAttached(volume)
    expect(since()).toEqual(['release', 'claim', 'image write', 'confirmOpen'])
    // One that died while no agent ran, and one while it was given the volume.
    await restart([])
    const dying = new MemoryVm()
    dying.plugging = () => {
      dying.end()
      return dying.machine.exited.then(() => Promise.reject(new Error('it is gone')))
    }
    up(dying)
    await until(() => expect([attachment(volume)?.phase, dying.calls.length]).toEqual(['Attaching', 1]))
    await until(() => expect(store.calls.filter((call) => call.startsWith('claim'))).toHaveLength(2))
    expect(since()).toEqual(['release', 'claim', 'image write', 'release', 'claim'])
    // A reader leaves nothing, and of one whose store was not open yet the earlier agent's word counts.
    up(new MemoryVm())
    await isAttached(volume)
    store.failures.set('claim', new VolumeError('Unreachable', volume.uid, 'it does not answer'))
    await restart([pod.uid])
    server.unsay(`volume/${volume.uid}`)
    host.volumes.pods.ended(pod.uid)
    await until(() => expect(phase(volume)).toBe('Gone'))
    expect(since().at(-1)).toBe('release')
  })

  it('are looked after in their store alone: a guest that is slow holds nothing of them up', async () => {
    const { clock, store, attachedVolume } = host
    const vm = new MemoryVm()
    await attachedVolume(vm)
    const describe = vi.spyOn(store, 'describe')
    await until(async () => {
      await clock.advance(60_000)
      expect(describe.mock.calls.length).toBeGreaterThan(1)
    })
    expect(vm.calls.filter((call) => call.startsWith('attach'))).toHaveLength(1)
  })

  it('that are taken away from their host while a guest does not answer end its VM after a while, and one that is only detached does not', async () => {
    const { pod, clock, server, phase, attachment, up } = host
    const vm = new MemoryVm()
    const isEnded = vi.fn()
    void vm.machine.exited.then(isEnded)
    const attach = vi.spyOn(vm.guest.volumes, 'attach').mockImplementation(() => vm.machine.exited.then(() => Promise.reject(new Error('the guest is gone'))))
    const volume = server.attached(server.volume(), pod, 'data')
    server.say(volume)
    up(vm)
    await until(() => expect(attach).toHaveBeenCalled())
    server.say({ ...volume, attachments: [], detaching: [{ podUid: pod.uid, forced: false }] })
    await clock.advance(60_000)
    expect([isEnded.mock.calls.length, attachment(volume)?.phase]).toEqual([0, 'Detaching'])
    server.unsay(`volume/${volume.uid}`)
    await until(async () => {
      await clock.advance(5_000)
      expect([isEnded.mock.calls.length, phase(volume)]).toEqual([1, 'Gone'])
    })
  })
})
