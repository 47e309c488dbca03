import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { AttachVolumeResult } from '@/contracts/guest/v1/volumes'
import { GuestRefusal } from '@/host/pods/ports'
import { serialOf } from './open-image'
import { MemoryHost, until } from './testing/memory-host'
import { MemoryVm } from './testing/memory-vm'
import { MiB } from './testing/volume-server'

let host: MemoryHost
beforeEach(async () => {
  host = await MemoryHost.open()
})
afterEach(() => host.close())

const mounted: AttachVolumeResult = { device: '/dev/vdc', fsType: 'ext4', formatted: false, checked: 'clean', fsBytes: 100 * MiB, usedBytes: MiB, milliseconds: 1 }

it('that a file system was repaired before it was mounted is told to its pod', async () => {
  const vm = new MemoryVm()
  vi.spyOn(vm.guest.volumes, 'attach').mockResolvedValueOnce({ ...mounted, checked: 'repaired' })
  await host.attachedVolume(vm)
  expect(host.told).toEqual(['FilesystemRepaired'])
})

it('that a file system takes no more writes stands on its attachment with what to do, until it is mounted anew, and is told to its pod once', async () => {
  const vm = new MemoryVm()
  const volume = await host.attachedVolume(vm)
  const say = (halted: boolean) => host.volumes.takeUsage(host.pod.uid, [{ name: 'data', fsBytes: 100 * MiB, usedBytes: MiB, halted }])
  say(false)
  expect(host.attachment(volume)?.reason).toBe('')
  say(true)
  say(true)
  expect(host.attachment(volume)).toMatchObject({ phase: 'Attached', reason: 'FilesystemHalted', message: expect.stringContaining('Detach the volume and attach it again') as string })
  expect(host.told).toEqual(['FilesystemHalted'])
  vm.end()
  await until(() => expect(host.attachment(volume)?.phase).not.toBe('Attached'))
  host.up(new MemoryVm())
  await host.isAttached(volume)
  expect(host.attachment(volume)?.reason).toBe('')
})

it('that a guest could not write all out is told to its pod, of a volume that is taken away and of those of a pod that ends, and holds up neither', async () => {
  const vm = new MemoryVm()
  vm.notWritten = 'Input/output error'
  const volume = await host.attachedVolume(vm)
  host.server.say({ ...volume, attachments: [], detaching: [{ podUid: host.pod.uid, forced: false }] })
  await until(() => expect(host.attachment(volume)?.phase).toBe('Detached'))
  expect(host.told).toEqual(['VolumeNotWrittenOut'])
  host.server.say(volume)
  await host.isAttached(volume)
  expect(await host.volumes.pods.detachAll(host.pod.uid, 1_000)).toEqual([])
  expect(host.told).toEqual(['VolumeNotWrittenOut', 'VolumeNotWrittenOut'])
})

it('a volume whose file system its guest refuses is taken away again, so that a snapshot of it can be taken', async () => {
  const { server, pod, attachment, up } = host
  const vm = new MemoryVm()
  vi.spyOn(vm.guest.volumes, 'attach').mockRejectedValue(new GuestRefusal('FilesystemDamaged', 'the file system has damage that is not repaired by itself'))
  const volume = server.attached(server.volume({ formatted: true }), pod, 'data')
  const snapshot = server.snapshot(volume)
  server.say(volume, snapshot)
  up(vm)
  await until(() => expect(attachment(volume)).toMatchObject({ phase: 'Failed', reason: 'FilesystemDamaged' }))
  await until(() => expect(server.report('snapshot', snapshot.uid)?.phase).toBe('Ready'))
  expect([vm.calls.includes(`unplug ${serialOf(volume.uid)}`), vm.disks.size]).toEqual([true, 0])
})

it('a reader whose journal its guest could not replay is given its disk anew with the next try', async () => {
  const { server, pod, clock, isAttached, up } = host
  const vm = new MemoryVm()
  const volume = server.attached(server.volume({ keeper: false, formatted: true }), pod, 'data', { readOnly: true })
  vi.spyOn(vm.guest.volumes, 'attach').mockRejectedValueOnce(new GuestRefusal('Conflict', 'its journal cannot be replayed on a disk that is read-only', serialOf(volume.uid)))
  host.store.volumes.set(volume.uid, { sizeBytes: 64 * MiB, epoch: 1, parent: false, content: '' })
  server.say(volume)
  up(vm)
  await until(() => expect(vm.calls).toContain(`unplug ${serialOf(volume.uid)}`))
  await clock.advance(60_000)
  await isAttached(volume)
  expect(vm.calls.filter((call) => call === `plug ${serialOf(volume.uid)}`)).toHaveLength(2)
})

it('what files leave that are deleted is given back at once, but where the bytes or the operations of a second are bounded, of which it would count', async () => {
  const { server, pod, isAttached, up } = host
  const vm = new MemoryVm()
  const attach = vi.spyOn(vm.guest.volumes, 'attach')
  const free = server.attached(server.volume(), pod, 'free')
  const bounded = server.attached(server.volume({ rates: { ...free.rates, bytesPerSecond: MiB } }), pod, 'bounded')
  const counted = server.attached(server.volume({ rates: { ...free.rates, iops: 100 } }), pod, 'counted')
  server.say(free, bounded, counted)
  up(vm)
  await isAttached(free)
  await isAttached(bounded)
  await isAttached(counted)
  expect(Object.fromEntries(attach.mock.calls.map(([{ volume, discard }]) => [volume, discard]))).toEqual({ free: true, bounded: false, counted: false })
})
