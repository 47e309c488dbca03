import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serialOf } from './open-image'
import { MemoryHost, until } from './testing/memory-host'
import { MemoryVm } from './testing/memory-vm'

let host: MemoryHost
beforeEach(async () => {
  host = await MemoryHost.open()
})
afterEach(() => host.close())

describe('volumes whose disks tell of errors', () => {
  it('have a pod that stands still for a full store go on once there is room, and tell so', async () => {
    const { clock, pod, store, told, attachment, attachedVolume } = host
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    const serial = [...vm.disks.keys()][0] ?? ''
    let freeBytes = 0
    const still: boolean[] = []
    vm.guest.standStill = (isStill) => void still.push(isStill)
    store.probe = () => Promise.resolve({ totalBytes: 2 ** 30, freeBytes })
    vm.fault({ serial, operation: 'write', noSpace: true, paused: true, reason: 'No space left on device' })
    await until(() => expect([attachment(volume)?.paused, told]).toEqual([true, ['VolumePaused']]))
    expect([still, host.volumes.pods.pausedBecause(pod.uid)]).toEqual([[true], expect.stringMatching(/^The pod stands still: the store of its volume ".*" has no room left\. .*delete volumes or snapshots/)])
    await clock.advance(5_000)
    expect(vm.calls).not.toContain('resume ')
    freeBytes = 2 ** 30
    await until(async () => {
      await clock.advance(3_000)
      expect([attachment(volume)?.paused, told]).toEqual([false, ['VolumePaused', 'VolumeResumed']])
    })
    expect(vm.calls).toContain('resume ')
    expect([still.at(-1), host.volumes.pods.pausedBecause(pod.uid)]).toEqual([false, null])
  })

  it('whose guest is told of a full store go on, and their tenant is told now and then', async () => {
    const { clock, told, attachment, attachedVolume } = host
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

  it('of which their pod has none are believed of no virtual machine: nothing is told or kept of them', async () => {
    const { clock, told, pod, server, attachedVolume } = host
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    const other = server.volume()
    server.say(other)
    for (const serial of ['v0000000000000000000', serialOf(other.uid)]) for (const paused of [true, false]) vm.fault({ serial, operation: 'write', noSpace: false, paused, reason: 'Input/output error' })
    await clock.advance(60_000)
    await new Promise(setImmediate)
    expect([told, host.volumes.pods.isPaused(pod.uid), vm.calls.includes('resume ')]).toEqual([[], false, false])
    vm.fault({ serial: serialOf(volume.uid), operation: 'write', noSpace: false, paused: false, reason: 'Input/output error' })
    expect(told).toEqual(['VolumeError'])
  })
})
