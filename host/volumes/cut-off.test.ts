import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { VolumeError } from './store'
import { MemoryHost, until } from './testing/memory-host'
import { MemoryVm } from './testing/memory-vm'

let host: MemoryHost
beforeEach(async () => {
  host = await MemoryHost.open()
})
afterEach(() => host.close())

const ofSnapshot = { origin: { kind: 'snapshot' as const, snapshotUid: randomUUID(), volumeUid: null } }
const waits = (): Promise<void> => new Promise<void>(() => {})

const asked = (volume: HostVolume): string[] => host.store.calls.map((call) => call.replace(` ${volume.uid}`, ''))
/** Its store is asked this, in this order, and nothing else since the last. */
async function isAsked(volume: HostVolume, ...calls: string[]): Promise<void> {
  await until(() => expect(asked(volume)).toEqual(calls))
  host.store.calls.splice(0)
}

async function ready(more: Partial<HostVolume> = {}): Promise<HostVolume> {
  const volume = host.server.volume(more)
  host.server.say(volume)
  await until(() => expect(host.phase(volume)).toBe('Ready'))
  host.store.calls.splice(0)
  return volume
}

describe('what is done to the image of a volume and is cut off', () => {
  it('is done again at once where there was no room for it, which leaves nothing in the store', async () => {
    const volume = await ready()
    host.store.failures.set('grow', new VolumeError('NoSpace', volume.uid, 'No room.'))
    host.server.say({ ...volume, sizeBytes: 2 * volume.sizeBytes })
    await until(() => expect(host.server.report('volume', volume.uid)).toMatchObject({ reason: 'NoSpace' }))
    host.store.calls.splice(0)
    for (let second = 0; second < 40; second += 1) await host.clock.advance(1_000)
    await until(() => expect(asked(volume)).toContain('grow'))
    expect(asked(volume)).not.toContain('release')
  })


  it('is done again once whoever did it is cleared away, and is waited for as long as if it had not been', async () => {
    const { clock, store, server } = host
    const volume = await ready()
    const snapshotUid = randomUUID()
    store.failures.set('revert', new VolumeError('Conflict', volume.uid, 'It is open.'))
    server.say({ ...volume, revertTo: snapshotUid })
    const isTold = () => expect(server.report('volume', volume.uid)).toMatchObject({ phase: 'Ready', reason: 'Conflict', message: 'It is open.', revertedTo: null })
    await until(isTold)
    await isAsked(volume, 'revert')
    await clock.advance(1_000)
    await isAsked(volume, 'release', 'claim', 'revert')
    isTold()
    for (let second = 0; second < 30; second += 1) await clock.advance(1_000)
    const tries = asked(volume).filter((call) => call === 'revert').length
    expect([tries > 2, tries < 10]).toEqual([true, true])
    isTold()
    store.failures.clear()
    await clock.advance(30_000)
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ reason: '', revertedTo: snapshotUid }))
  })

  it('by the end of the agent is done again by the next one once it is cleared away', async () => {
    const { store, server, phase, restart } = host
    const volume = await ready(ofSnapshot)
    const snapshotUid = randomUUID()
    for (const call of ['revert', 'flatten']) store.holds.set(call, waits())
    server.say({ ...volume, revertTo: snapshotUid })
    await isAsked(volume, 'revert')
    await restart([])
    await isAsked(volume, 'release', 'claim', 'revert')
    store.holds.delete('revert')
    await restart([])
    await until(() => expect(server.report('volume', volume.uid)?.revertedTo).toBe(snapshotUid))
    await isAsked(volume, 'release', 'claim', 'revert')
    server.say({ ...volume, revertTo: null, flatten: true })
    await isAsked(volume, 'flatten')
    await restart([])
    await isAsked(volume, 'release', 'claim', 'flatten')
    // What the purge itself cuts off, and what cuts off the purge.
    store.failures.set('remove', new VolumeError('Unreachable', volume.uid, 'it does not answer'))
    server.say({ ...volume, purge: true })
    await isAsked(volume, 'release', 'claim', 'remove')
    store.failures.clear()
    await restart([])
    await until(() => expect(phase(volume)).toBe('Purged'))
    await isAsked(volume, 'release', 'claim', 'remove')
  })

  it('of a snapshot is cleared away before anybody opens the volume, and what is left of the snapshot goes after that', async () => {
    const { clock, store, server } = host
    const volume = await ready()
    const snapshot = server.snapshot(volume)
    store.failures.set('commitSnapshot', new VolumeError('Unreachable', volume.uid, 'It was ended.'))
    server.say(snapshot)
    await until(() => expect(asked(volume)).toEqual(expect.arrayContaining(['release', 'claim'])))
    expect(asked(volume)).toEqual([`findSnapshot ${snapshot.uid}`, 'prepareSnapshot', 'commitSnapshot', 'release', 'claim'])
    store.calls.splice(0)
    store.failures.clear()
    await clock.advance(1_000)
    await until(() => expect(server.report('snapshot', snapshot.uid)?.phase).toBe('Ready'))
    store.calls.splice(0)
    store.failures.set('removeSnapshot', new VolumeError('Unreachable', volume.uid, 'It was ended.'))
    server.say({ ...snapshot, state: 'remove' })
    await isAsked(volume, 'abortSnapshot', `removeSnapshot ${snapshot.uid}`, 'release', 'claim')
  })

  it('of a snapshot, and a lock that an earlier agent left, is cleared away beside pods that read, which go on; all who have it open are where it goes back or goes', async () => {
    const { store, server, restart, pod, up, isAttached } = host
    const whom = vi.spyOn(store, 'release')
    const volume = await ready()
    const [vm, read] = [new MemoryVm(), server.attached(volume, pod, 'data', { readOnly: true })]
    server.say(read)
    up(vm)
    await isAttached(volume)
    store.calls.splice(0)
    store.failures.set('commitSnapshot', new VolumeError('Unreachable', volume.uid, 'It was ended.'))
    const snapshot = server.snapshot(volume)
    server.say(snapshot)
    await until(() => expect(asked(volume)).toEqual(expect.arrayContaining(['release', 'claim'])))
    server.unsay(`snapshot/${snapshot.uid}`)
    store.failures.clear()
    store.locked.add(volume.uid)
    await restart([pod.uid])
    up(vm, true)
    await until(() => expect(store.locked.size).toBe(0))
    await isAttached(volume)
    expect([...new Set(whom.mock.calls.map((call: unknown[]) => call[2]))]).toEqual(['writers'])
    store.failures.set('revert', new VolumeError('Conflict', volume.uid, 'It is open.'))
    server.say({ ...volume, revertTo: randomUUID(), detaching: [{ podUid: pod.uid, forced: true }] })
    await until(() => expect(server.report('volume', volume.uid)).toMatchObject({ reason: 'Conflict' }))
    await host.clock.advance(1_000)
    await until(() => expect(whom).toHaveBeenLastCalledWith(volume.uid, volume.epoch, 'everybody'))
  })

  it('of a snapshot is left to the pod that writes to it, which has its lock', async () => {
    const { store, server } = host
    const volume = await host.attachedVolume(new MemoryVm())
    store.calls.splice(0)
    store.failures.set('commitSnapshot', new VolumeError('Unreachable', volume.uid, 'It was ended.'))
    const snapshot = server.snapshot(volume)
    server.say(snapshot)
    await until(() => expect(asked(volume)).toContain('abortSnapshot'))
    await host.clock.advance(60_000)
    expect(asked(volume)).not.toContain('release')
  })

  it('by the end of the agent once all was done is cleared away by the next one, if it is not open', async () => {
    const { store, server, restart, pod, up, isAttached } = host
    const volume = await ready()
    store.locked.add(volume.uid)
    await restart([])
    await isAsked(volume, 'release', 'claim')
    await restart([])
    await isAsked(volume, 'claim')
    const vm = new MemoryVm()
    server.say(server.attached(volume, pod, 'data'))
    up(vm)
    await isAttached(volume)
    store.calls.splice(0)
    store.locked.add(volume.uid)
    await restart([pod.uid])
    up(vm, true)
    await isAttached(volume)
    await until(() => expect(asked(volume)).toContain('claim'))
    await host.clock.advance(60_000)
    expect(asked(volume)).not.toContain('release')
  })

  it('clears away nothing where all was done, or where a pod of this host has it open', async () => {
    const { pod, store, server, isAttached, up, restart } = host
    const done = await ready()
    await restart([])
    await isAsked(done, 'claim')
    server.unsay(`volume/${done.uid}`)
    await until(() => expect(host.phase(done)).toBe('Gone'))
    store.calls.splice(0)
    const vm = new MemoryVm()
    const volume = server.attached(server.volume(ofSnapshot), pod, 'data')
    server.say(volume)
    up(vm)
    await isAttached(volume)
    server.say({ ...volume, flatten: true })
    await restart([pod.uid])
    up(vm, true)
    await isAttached(volume)
    await until(() => expect(store.calls).toContain(`claim ${volume.uid}`))
    await host.clock.advance(60_000)
    expect(store.calls.filter((call) => /^(release|flatten)/.test(call))).toEqual([])
  })
})
