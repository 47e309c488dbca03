import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { storeTrouble } from '@/domain/volume/store-trouble'
import { testAssignment } from '@/host/pods/testing/assignment'
import { VolumeLedger } from '@/host/ledger/volumes'
import { GuestRefusal } from '@/host/pods/ports'
import { VolumeError } from './store'
import { MemoryHost, until } from './testing/memory-host'
import { MemoryVm } from './testing/memory-vm'
import { MiB } from './testing/volume-server'

let host: MemoryHost
beforeEach(async () => {
  host = await MemoryHost.open()
})
afterEach(() => host.close())

describe('the volumes of a host', () => {
  it('are made, claimed and written down before a pod gets one', async () => {
    const { pod, store, attachedVolume } = host
    const volume = await attachedVolume(new MemoryVm())
    expect(store.calls).toEqual([`create ${volume.uid}`, `claim ${volume.uid}`, `image write ${volume.uid}`, `confirmOpen ${volume.uid}`])
    await until(async () => {
      // A ledger that is opened removes what is half written: it is written again.
      await host.clock.advance(1_000)
      expect((await host.ledger()).volume(volume.uid)).toMatchObject({ epoch: 1, formatted: 'ext4', made: true, holds: [{ podUid: pod.uid, epoch: 1 }] })
    })
    await expect(host.volumes.pods.ready(pod.uid, { names: ['data'], assigned: () => [{ name: 'data', volumeUid: volume.uid, attachmentUid: randomUUID(), epoch: 1, readOnly: false }] }, () => {}, AbortSignal.timeout(20_000))).resolves.toEqual({ needsStorage: false })
  })

  it('are answered for once nothing has them open and what is under way has ended', async () => {
    const { store, server, phase, attachedVolume } = host
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
    expect((await host.ledger()).volume(volume.uid)).toMatchObject({ epoch: 1, object: null, holds: [] })
    const unknown = randomUUID()
    server.unsay(`volume/${unknown}`)
    expect(server.report('volume', unknown)).toMatchObject({ phase: 'Gone', epoch: 0 })
    // The next connection's complete report says so by not naming it.
    host.volumes.beginConnection()
    expect(host.volumes.reports().has(`volume/${unknown}`)).toBe(false)
  })

  it('are opened under no lower epoch than was ever known, not by the next agent either', async () => {
    const { pod, store, server, phase, up, restart } = host
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
    const { store, server } = host
    const volume = server.volume({ made: true })
    server.say(volume)
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ phase: 'Failed', reason: 'Damaged' }))
    expect(store.calls).toEqual([])
  })

  it('wait for the store, and are tried again when the server says something else', async () => {
    const { clock, store, server, phase } = host
    store.failures.set('create', new VolumeError('NoSpace', 'x', 'The store has no room left.'))
    const volume = server.volume()
    server.say(volume)
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ phase: 'Creating', reason: 'NoSpace', message: storeTrouble('NoSpace') }))
    store.failures.clear()
    await clock.advance(1_000)
    await until(() => expect(phase(volume)).toBe('Ready'))
  })

  it('that cannot be claimed stay what they are for everybody else, and are tried again less and less often', async () => {
    const { clock, store, server, phase } = host
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

  it('whose changes cannot be written down, or that cannot be let go, are tried again less and less often, and open nothing meanwhile', async () => {
    const { clock, store, server, phase } = host
    const [kept, fresh] = [server.volume(), server.volume()]
    server.say(kept)
    await until(() => expect(phase(kept)).toBe('Ready'))
    const save = vi.spyOn(VolumeLedger.prototype, 'save').mockImplementation(() => delay(1).then(() => Promise.reject(new Error('no space left on device'))))
    const tries = (volume: HostVolume): number => save.mock.calls.filter(([entry]) => entry.uid === volume.uid).length
    store.failures.set('release', new VolumeError('Conflict', kept.uid, 'it is open'))
    server.say(fresh)
    server.unsay(`volume/${kept.uid}`)
    await until(() => expect([tries(fresh) > 0, tries(kept) > 0]).toEqual([true, true]))
    for (let second = 0; second < 30; second += 1) await clock.advance(1_000)
    expect([tries(fresh) < 10, tries(kept) < 10, store.calls.includes(`create ${fresh.uid}`)]).toEqual([true, true, false])
    save.mockRestore()
    await until(async () => {
      await clock.advance(30_000)
      expect(store.calls).toContain(`release ${kept.uid}`)
    })
    for (let second = 0; second < 30; second += 1) await clock.advance(1_000)
    expect([store.calls.filter((call) => call === `release ${kept.uid}`).length < 10, phase(kept)]).toEqual([true, 'Ready'])
    await until(async () => {
      await clock.advance(1_000)
      expect(phase(fresh)).toBe('Ready')
    })
    store.failures.clear()
    await until(async () => {
      await clock.advance(30_000)
      expect(phase(kept)).toBe('Gone')
    })
  })

  it('are removed for good, brought back and made whole once nothing has them open', async () => {
    const { store, server, phase, attachedVolume } = host
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
    const { server, phase } = host
    const [one, other] = [server.volume(), server.volume()]
    server.say(one, other)
    await until(() => expect([phase(one), phase(other)]).toEqual(['Ready', 'Ready']))
    host.volumes.take({ kind: 'volumeObjects', complete: true, set: [one], remove: [], more: true })
    expect(phase(other)).toBe('Ready')
    host.volumes.take({ kind: 'volumeObjects', complete: false, set: [], remove: [] })
    await until(() => expect([phase(one), phase(other)]).toEqual(['Ready', 'Gone']))
    expect([...host.volumes.reports().values()].filter((report) => report.phase !== 'Gone').map(({ uid }) => uid)).toEqual([one.uid])
  })

  it('in a group snapshot have their pods go on when the virtual machine of one died, which is ended', async () => {
    const { server, attachedVolume } = host
    const [dead, other] = [new MemoryVm(), new MemoryVm()]
    const one = await attachedVolume(dead)
    const otherPod = testAssignment()
    // Its turn comes after.
    const two = server.attached(server.volume({ uid: 'ffffffff-0000-4000-8000-000000000000' }), otherPod, 'data')
    server.say(two)
    host.volumes.pods.up(otherPod.uid, other.machine, other.guest, false)
    await until(() => expect(server.attachment(two, otherPod)?.phase).toBe('Attached'))
    dead.failures.set('resume', new Error('the monitor is closed'))
    const group = randomUUID()
    const [first, second] = [server.snapshot(one, { group, groupSize: 2 }), server.snapshot(two, { group, groupSize: 2 })]
    server.say(first, second)
    await until(() => expect([first, second].map(({ uid }) => server.report('snapshot', uid)?.reason)).toEqual(['VolumeStalled', 'VolumeStalled']))
    expect([dead, other].map(({ calls }) => calls.filter((call) => /^(pause|resume)/.test(call)))).toEqual([['pause ', 'resume '], ['pause ', 'resume ']])
    await expect(dead.machine.exited).resolves.toBe('it ended')
    expect(server.attachment(two, otherPod)?.phase).toBe('Attached')
  })

  it('of which one of a group cannot be taken have none of it', async () => {
    const { store, server, phase } = host
    const [one, other] = [server.volume(), server.volume()]
    server.say(one, other)
    await until(() => expect([phase(one), phase(other)]).toEqual(['Ready', 'Ready']))
    const commit = store.commitSnapshot.bind(store)
    vi.spyOn(store, 'commitSnapshot').mockImplementation((uid, snapshotUid) => (uid === other.uid ? Promise.reject(new VolumeError('NoSpace', uid, 'no room')) : delay(20).then(() => commit(uid, snapshotUid))))
    const group = randomUUID()
    const snapshots = [server.snapshot(one, { group, groupSize: 2 }), server.snapshot(other, { group, groupSize: 2 })]
    server.say(...snapshots)
    await until(() => expect(snapshots.map(({ uid }) => server.report('snapshot', uid))).toMatchObject([{ phase: 'Creating', reason: 'NoSpace' }, { phase: 'Creating', reason: 'NoSpace' }]))
    expect([store.snapshots.size, store.calls.includes(`commitSnapshot ${one.uid}`)]).toEqual([0, true])
  })

  it('whose guest went on before a snapshot of several ended are told to be as after a power cut', async () => {
    const { clock, server, attachedVolume } = host
    const [quick, slow] = [new MemoryVm(), new MemoryVm()]
    const one = await attachedVolume(quick)
    const otherPod = testAssignment()
    const two = server.attached(server.volume({ uid: 'ffffffff-0000-4000-8000-000000000000' }), otherPod, 'data')
    server.say(two)
    host.volumes.pods.up(otherPod.uid, slow.machine, slow.guest, false)
    await until(() => expect(server.attachment(two, otherPod)?.phase).toBe('Attached'))
    vi.spyOn(quick.guest.volumes, 'freeze').mockImplementation(({ volumes }) => Promise.resolve([...volumes]))
    vi.spyOn(slow.guest.volumes, 'freeze').mockImplementation(({ volumes }) => clock.advance(11_000).then(() => [...volumes]))
    const group = randomUUID()
    const snapshots = [server.snapshot(one, { group, groupSize: 2, freeze: true }), server.snapshot(two, { group, groupSize: 2, freeze: true })]
    server.say(...snapshots)
    await until(() => expect(snapshots.map(({ uid }) => server.report('snapshot', uid)?.consistency)).toEqual(['CrashConsistent', 'CrashConsistent']))
    expect(snapshots.map(({ uid }) => server.report('snapshot', uid))).toMatchObject(Array(2).fill({ phase: 'Ready', reason: 'NotFrozen', message: 'Its pod went on after 10 s, before all was taken.' }))
    const alone = server.snapshot(one, { freeze: true })
    server.say(alone)
    await until(() => expect(server.report('snapshot', alone.uid)?.consistency).toBe('FilesystemConsistent'))
    expect(server.report('snapshot', alone.uid)?.reason).toBe('')
    vi.spyOn(quick.guest.volumes, 'freeze').mockRejectedValue(new GuestRefusal('Busy', 'a file system does not come to rest', 'freezeVolumes'))
    const refused = server.snapshot(one, { freeze: true })
    server.say(refused)
    await until(() => expect(server.report('snapshot', refused.uid)).toMatchObject({ phase: 'Ready', consistency: 'CrashConsistent', reason: 'NotFrozen', message: expect.stringContaining('a file system does not come to rest') as string }))
  })

  it('have snapshots that are taken once their group is whole, and removed', async () => {
    const { store, server, phase } = host
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
    await until(() => expect(server.report('snapshot', third.uid)).toMatchObject({ phase: 'Creating', reason: 'TooManySnapshots' }))
    expect(store.calls).toContain(`abortSnapshot ${other.uid}`)
    // Its layers are merged meanwhile.
    store.failures.delete('commitSnapshot')
    await until(async () => {
      await host.clock.advance(1_000)
      expect(server.report('snapshot', third.uid)).toMatchObject({ phase: 'Ready', reason: '' })
    })
    store.failures.set('commitSnapshot', new VolumeError('TooManySnapshots', other.uid, 'too many'))
    const fourth = server.snapshot(other)
    server.say(fourth)
    await until(async () => {
      await host.clock.advance(30_000)
      expect(server.report('snapshot', fourth.uid)).toMatchObject({ phase: 'Failed', reason: 'TooManySnapshots' })
    })
    server.unsay(`snapshot/${fourth.uid}`)
    await until(() => expect(server.report('snapshot', fourth.uid)?.phase).toBe('Gone'))
  })
  it('have a snapshot removed in the order of their steps: a claim that comes meanwhile waits for it', async () => {
    const { store, server, phase } = host
    const [volume, other] = [server.volume(), server.volume()]
    const snapshot = server.snapshot(volume)
    server.say(volume, snapshot)
    await until(() => expect(server.report('snapshot', snapshot.uid)?.phase).toBe('Ready'))
    let goOn = (): void => {}
    store.holds.set('removeSnapshot', new Promise((resolve) => (goOn = resolve)))
    server.say({ ...snapshot, state: 'remove' })
    await until(() => expect(store.calls).toContain(`removeSnapshot ${snapshot.uid}`))
    const claims = () => store.calls.filter((call) => call === `claim ${volume.uid}`).length
    server.say({ ...volume, epoch: 2 }, other)
    await until(() => expect(phase(other)).toBe('Ready'))
    expect(claims()).toBe(1)
    goOn()
    await until(() => expect([claims(), server.report('snapshot', snapshot.uid)?.phase]).toEqual([2, 'Purged']))
  })

  it('that are made of uploads say while others come first, and no longer', async () => {
    const { store, server } = host
    const steps: (() => void)[] = []
    const next = () => new Promise<void>((resolve) => steps.push(resolve))
    host.makeOfArchive = async (_store, { uid, sizeBytes, tenantId }, _upload, { onWait }) => {
      onWait(true)
      await next()
      onWait(false)
      await next()
      expect(tenantId).toBe(volume.tenantId)
      store.volumes.set(uid, { sizeBytes, epoch: 0, parent: false, content: '' })
    }
    const volume = server.volume({ origin: { kind: 'upload', uploadId: randomUUID(), format: 'raw', virtualBytes: MiB, bytes: MiB, digest: `sha256:${'0'.repeat(64)}` } })
    server.say(volume)
    const said = () => server.report('volume', volume.uid)
    await until(() => expect([steps.length, said()?.phase, said()?.reason]).toEqual([1, 'Creating', 'WaitsForTurn']))
    steps[0]?.()
    await until(() => expect([steps.length, said()?.phase, said()?.reason]).toEqual([2, 'Creating', '']))
    steps[1]?.()
    await until(() => expect(said()?.phase).toBe('Ready'))
  })
})
