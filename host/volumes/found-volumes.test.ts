import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { StillWritten } from '@/host/hypervisor/volume-disks'
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

/** A VM with a volume, found by an agent to which the store does not answer yet. */
async function foundWithoutStore() {
  const vm = new MemoryVm()
  const volume = await host.attachedVolume(vm)
  host.isStoreOpen = false
  await host.restart([host.pod.uid])
  host.server.say(volume)
  host.up(vm, true)
  return { vm, volume }
}

describe('the volumes of VMs that an earlier run of the agent has left', () => {
  it('that a VM of an earlier agent has are taken up; what nothing was written down of is taken away', async () => {
    const { pod, clock, server, phase, attachment, up, attachedVolume, restart } = host
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
    host.volumes.pods.ended(pod.uid)
    await until(() => expect(attachment(volume)?.phase).toBe('Attaching'))
  })

  it('are counted from when they are found, for an earlier agent told what they did before; those that it plugs in itself are counted from then', async () => {
    const { pod, server, attachedVolume, restart, up } = host
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    const counters = { readBytes: 1, writtenBytes: 2, readOperations: 3, writeOperations: 4, readMicroseconds: 5, writeMicroseconds: 6 }
    vi.spyOn(vm.machine.volumes, 'counters').mockImplementation(async () => new Map([[serialOf(volume.uid), counters]]))
    expect(await host.volumes.counters.read()).toMatchObject([{ podUid: pod.uid, counters, pluggedMs: expect.any(Number) as number }])
    await restart([pod.uid])
    server.say(volume)
    up(vm, true)
    await until(async () => expect(await host.volumes.counters.read()).toMatchObject([{ podUid: pod.uid, counters, pluggedMs: null }]))
  })

  it('that come while a VM of an earlier agent is asked what it has stay', async () => {
    const { pod, server, attachment, up } = host
    const vm = new MemoryVm()
    const volume = server.volume()
    server.say(volume)
    await until(() => expect(host.phase(volume)).toBe('Ready'))
    vi.spyOn(vm.machine.volumes, 'plugged').mockImplementationOnce(() => {
      server.say(server.attached(volume, pod, 'data'))
      return Promise.resolve([{ serial: serialOf(volume.uid), sizeBytes: 64 * MiB, readOnly: false, layers: [], device: true }])
    })
    up(vm, true)
    await until(() => expect(attachment(volume)?.phase).toBe('Attached'))
    expect(vm.calls.filter((call) => call.startsWith('unplug v'))).toEqual([])
  })

  it('are taken away from a VM of before the agent was started only once the store says which files it must not write any more', async () => {
    const { clock, pod, server, attachment } = host
    const { vm, volume } = await foundWithoutStore()
    await until(() => expect(vm.calls.filter((call) => call.startsWith('attach')).length).toBe(1))
    server.say({ ...volume, attachments: [], detaching: [{ podUid: pod.uid, forced: false }] })
    await until(() => expect(attachment(volume)).toMatchObject({ phase: 'Detaching', reason: 'Unreachable' }))
    expect(vm.calls.some((call) => call.startsWith('unplug v'))).toBe(false)
    host.isStoreOpen = true
    await until(async () => {
      await clock.advance(1_000)
      expect([attachment(volume)?.phase, vm.closed]).toEqual(['Detached', [`/${volume.uid}/1`]])
    })
  })

  it('are taken away by force from such a VM by its end, where the store does not come back', async () => {
    const { clock, pod, server, attachment } = host
    const { vm, volume } = await foundWithoutStore()
    let isEnded = false
    void vm.machine.exited.then(() => (isEnded = true))
    server.say({ ...volume, attachments: [], detaching: [{ podUid: pod.uid, forced: true }] })
    await until(() => expect(attachment(volume)?.reason).toBe('Unreachable'))
    expect(isEnded).toBe(false)
    await until(async () => {
      await clock.advance(5_000)
      expect([attachment(volume)?.phase, isEnded]).toEqual(['Detached', true])
    })
  })

  it('are taken away from such a VM by its end, where the store says for good that it may not have them', async () => {
    const { pod, store, server, attachment } = host
    const { vm, volume } = await foundWithoutStore()
    store.failures.set('image read', new VolumeError('Stale', volume.uid, 'it was claimed under a higher epoch'))
    host.isStoreOpen = true
    let isEnded = false
    void vm.machine.exited.then(() => (isEnded = true))
    server.say({ ...volume, attachments: [], detaching: [{ podUid: pod.uid, forced: false }] })
    await until(() => expect([attachment(volume)?.phase, isEnded]).toEqual(['Detached', true]))
  })

  it.each([true, false])('of which an earlier run of the agent has begun a snapshot are looked at once more: a VM that can still write what is frozen is ended (%s)', async (isHonest) => {
    const { pod, store, server, attachedVolume, restart, up, isAttached } = host
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    const serial = serialOf(volume.uid)
    const layer = (id: string, readOnly: boolean) => ({ id, path: `/${volume.uid}/${id}`, readOnly })
    let ids = ['2', '1']
    vi.spyOn(store, 'prepareSnapshot').mockImplementation(() => Promise.resolve({ kind: 'overlay', overlay: layer(ids[0] ?? '', false) }))
    vi.spyOn(store, 'image').mockImplementation((_uid, access) => Promise.resolve({ kind: 'layers', direct: false, layers: ids.map((id, i) => layer(id, access === 'read' || i > 0)) }))
    // An overlay that is in use is a layer as any other then, and the next one is another.
    vi.spyOn(store, 'abortSnapshot').mockImplementation(async () => void (ids = ['3', '2', '1']))
    vm.disks.set(serial, { ...vm.disks.get(serial)!, layers: ['2', '1'] })
    await restart([pod.uid])
    server.say(volume)
    up(vm, true)
    await isAttached(volume)
    if (!isHonest) vm.failures.set('confirm frozen', new StillWritten('QEMU keeps it open'))
    let isEnded = false
    void vm.machine.exited.then(() => (isEnded = true))
    const snapshot = server.snapshot(volume)
    server.say(snapshot)
    await until(async () => {
      if (isHonest) await host.clock.advance(1_000)
      expect([server.report('snapshot', snapshot.uid)?.phase, isEnded]).toEqual(isHonest ? ['Ready', false] : ['Creating', true])
    })
    expect(vm.calls.filter((call) => /^(snapshot|confirm frozen) /.test(call))).toEqual([`confirm frozen ${serial} /${volume.uid}/1`, ...(isHonest ? [`snapshot ${serial}`] : [])])
    if (!isHonest) return
    // Layers that were frozen some snapshots ago are looked at, too.
    server.say({ ...volume, attachments: [], detaching: [{ podUid: pod.uid, forced: false }] })
    await until(() => expect(vm.closed).toEqual(['3', '2', '1'].map((id) => layer(id, true).path)))
  })

  it('have it go on where it came to stand still before anybody listened', async () => {
    const { pod, server, attachedVolume, isAttached, restart, up } = host
    const vm = new MemoryVm()
    const volume = await attachedVolume(vm)
    await restart([pod.uid])
    server.say(volume)
    vm.isStopped = true
    up(vm, true)
    await isAttached(volume)
    await until(() => expect(vm.calls.filter((call) => call === 'resume ').length).toBe(1))
  })
})
