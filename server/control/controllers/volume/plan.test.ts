import { describe, expect, it } from 'vitest'
import { planVolume, type Action } from './plan'
import type { World, WorldAttachment, WorldHost, WorldPod, WorldStore, WorldVolume } from './world'

const rbd: WorldStore = { kind: 'rbd' }
const local: WorldStore = { kind: 'file', shared: false }
const shared: WorldStore = { kind: 'file', shared: true }
const volume = (over: Partial<WorldVolume> = {}): WorldVolume => ({ uid: 'v', name: 'data', store: rbd, accessMode: 'ReadWriteOnce', epoch: 4, hostId: 'h1', leaving: false, fence: null, fencedBelow: 0, homeHostId: over.store === local ? 'h1' : null, deleted: false, purgeAt: null, due: false, purging: false, stored: 'Ready', problem: '', trouble: null, growing: false, source: 'Ready', sourceSays: '', newBytes: 0, revertTo: null, work: false, idle: false, ...over })
const pod = (uid: string, hostId: string | null, over: Partial<WorldPod> = {}): WorldPod => ({ uid, namespace: 'shop', name: uid, hostId, holds: true, names: true, readOnly: false, ...over })
const host = (id: string, over: Partial<WorldHost> = {}): WorldHost => ({ id, name: id, ready: true, lost: false, declared: false, reaches: true, away: false, kept: 0, freeBytes: null, ...over })
const silent = { ready: false, lost: true }
const waits = (podUid: string, over: Partial<WorldAttachment> = {}): WorldAttachment => ({ uid: `a-${podUid}`, podUid, hostId: null, epoch: null, readOnly: false, phase: 'Waiting', wanted: true, problem: '', ...over })
const has = (podUid: string, hostId: string, over: Partial<WorldAttachment> = {}): WorldAttachment => waits(podUid, { hostId, epoch: 4, phase: 'Attached', ...over })
const world = (over: Partial<World>): World => ({ volume: volume(), attachments: [], pods: [], hosts: [host('h1'), host('h2')], ...over })
const plan = (over: Partial<World>): Action[] => planVolume(world(over)).actions
const said = (over: Partial<World>, podUid: string | null) => planVolume(world(over)).verdicts.find((one) => one.podUid === podUid)
const right = (hostId: string, epoch: number, over: object = {}) => ({ hostId, epoch, fence: null, home: null, ...over })

describe('a pod', () => {
  it('asks for a volume that its spec names once it has a host, and no more once it is over or the volume is deleted', () => {
    expect(plan({ pods: [pod('p', 'h1'), pod('q', null), pod('r', 'h1', { holds: false }), pod('s', 'h1', { names: false })] })).toEqual([{ kind: 'createAttachment', podUid: 'p', readOnly: false }])
    expect(plan({ volume: volume({ deleted: true }), pods: [pod('p', 'h1')] })).toEqual([])
    expect(plan({ attachments: [waits('p')], pods: [pod('p', 'h1', { holds: false })] })).toEqual([{ kind: 'dropAttachment', uid: 'a-p', was: 'Waiting' }])
  })
  it('has it on its keeper under the next number, and nobody beside it', () => {
    expect(plan({ attachments: [waits('p')], pods: [pod('p', 'h1')] })).toEqual([{ kind: 'bind', uid: 'a-p', hostId: 'h1', epoch: 5, right: right('h1', 5) }])
    for (const phase of ['Attaching', 'Attached', 'Detaching'] as const) expect(plan({ attachments: [has('q', 'h1', { phase }), waits('p')], pods: [pod('p', 'h1'), pod('q', 'h1')] }).filter(({ kind }) => kind !== 'detach'), phase).toEqual([])
    expect(said({ attachments: [has('q', 'h1'), waits('p')], pods: [pod('p', 'h1'), pod('q', 'h1')] }, 'p')).toMatchObject({ status: 'False', reason: 'VolumeInUse', message: 'Volume "data" is attached to pod "q" in namespace "shop": delete that pod, or clone the volume.' })
  })
  it('is detached when it is over or was asked to be, and its row stays until its host has said so', () => {
    const detach = [{ kind: 'detach', uid: 'a-p', was: 'Attached' }]
    expect(plan({ attachments: [has('p', 'h1')], pods: [] })).toEqual(detach)
    expect(plan({ attachments: [has('p', 'h1')], pods: [pod('p', 'h1', { holds: false })] })).toEqual(detach)
    expect(plan({ attachments: [has('p', 'h1', { wanted: false })], pods: [pod('p', 'h1')] })).toEqual(detach)
    expect(plan({ attachments: [has('p', 'h1', { phase: 'Detaching' })] })).toEqual([])
    // Its host was silent, and is back.
    expect(plan({ attachments: [has('p', 'h1', { phase: 'Lost', wanted: false })], pods: [pod('p', 'h1')] })).toEqual([{ kind: 'detach', uid: 'a-p', was: 'Lost' }])
    expect(plan({ attachments: [has('p', 'h1', { phase: 'Lost' })], pods: [pod('p', 'h1')] })).toEqual([])
  })
  it('is next in the order of asking; one whose host is silent holds up nobody', () => {
    const attachments = [waits('p'), waits('q')]
    expect(plan({ attachments, pods: [pod('p', 'h1'), pod('q', 'h1')] })).toMatchObject([{ kind: 'bind', uid: 'a-p' }])
    expect(plan({ volume: volume({ hostId: null }), attachments, pods: [pod('p', 'h1'), pod('q', 'h2')], hosts: [host('h1', { ready: false }), host('h2')] })).toMatchObject([{ kind: 'bind', uid: 'a-q', hostId: 'h2' }])
    expect(said({ attachments, pods: [pod('p', 'h1'), pod('q', 'h1')] }, 'q')).toMatchObject({ reason: 'VolumeInUse', message: expect.stringContaining('is given to pod "p"') as string })
  })
})

describe('readers', () => {
  const many = (over: Partial<WorldVolume> = {}) => volume({ accessMode: 'ReadOnlyMany', ...over })
  const [reads, reading] = [waits('p', { readOnly: true }), has('q', 'h1', { readOnly: true })]
  const pods = [pod('p', 'h2', { readOnly: true }), pod('q', 'h1', { readOnly: true })]
  it('read beside each other on any host, under the number that there is, and keep the volume not', () => {
    expect(plan({ volume: many(), attachments: [reading, reads], pods })).toEqual([{ kind: 'bind', uid: 'a-p', hostId: 'h2', epoch: 4, right: null }])
    expect(plan({ volume: volume(), attachments: [reading, reads], pods })).toEqual([])
  })
  it('read not what is not made, what somebody writes, or what somebody may write that is not shut out yet', () => {
    expect(plan({ volume: many({ stored: 'Absent', hostId: null, work: true }), attachments: [reads], pods: pods.slice(0, 1) })).toMatchObject([{ kind: 'keep', right: { hostId: 'h2', epoch: 5 } }])
    expect(plan({ volume: many(), attachments: [has('w', 'h1'), reads], pods: [...pods, pod('w', 'h1')] })).toEqual([{ kind: 'createAttachment', podUid: 'q', readOnly: true }])
    expect(plan({ volume: many({ fence: { hostId: 'h3', epoch: 3 } }), attachments: [reads, reading], pods })).toEqual([])
    expect(plan({ volume: many({ fence: { hostId: 'h3', epoch: 3 }, fencedBelow: 4 }), attachments: [reads, reading], pods })).toMatchObject([{ kind: 'bind' }])
  })
  it('come after a keeper, which stays beside them: snapshots are taken and removed meanwhile', () => {
    const first = { attachments: [reads], pods: pods.slice(0, 1) }
    for (const store of [rbd, shared]) expect(plan({ ...first, volume: many({ store, hostId: null }) })).toEqual([{ kind: 'keep', right: right('h2', 5) }])
    expect(plan({ ...first, volume: many() })).toMatchObject([{ kind: 'bind', hostId: 'h2', epoch: 4, right: null }])
    // It was told to let go: it is waited for. One of which nothing is heard stays, for while pods read nobody becomes it.
    expect(plan({ ...first, volume: many({ leaving: true }) })).toEqual([])
    const gone = [host('h1', silent), host('h2')]
    expect(plan({ ...first, volume: many({ store: shared, leaving: true }), hosts: gone })).toEqual([{ kind: 'keep', right: right('h1', 5) }])
    expect(plan({ ...first, volume: many({ store: shared, epoch: 5 }), hosts: gone })).toEqual([{ kind: 'bind', uid: 'a-p', hostId: 'h2', epoch: 5, right: null }])
    expect(plan({ attachments: [reading, reads], pods, volume: many({ store: shared, leaving: true }), hosts: [host('h1'), host('h2'), host('h3', silent)] })).toMatchObject([{ kind: 'bind', epoch: 4 }])
    // It is lost: another one takes over first, which shuts it out, or which an operator's word lets.
    const lost = [host('h1', silent), host('h2')]
    expect(plan({ ...first, volume: many({ leaving: true }), hosts: lost })).toEqual([{ kind: 'keep', right: right('h2', 5, { fence: { hostId: 'h1', epoch: 4 } }) }])
    expect(plan({ ...first, volume: many({ hostId: 'h2', epoch: 5, fence: { hostId: 'h1', epoch: 4 } }), hosts: lost })).toEqual([])
    expect(plan({ ...first, volume: many({ hostId: 'h2', epoch: 5, fence: { hostId: 'h1', epoch: 4 }, fencedBelow: 5 }), hosts: lost })).toMatchObject([{ kind: 'bind', hostId: 'h2', epoch: 5 }])
    expect(plan({ ...first, volume: many({ store: shared }), hosts: [host('h1', { ...silent, declared: true }), host('h2')] })).toEqual([{ kind: 'keep', right: right('h2', 5) }])
    expect(plan({ attachments: [has('r', 'h2', { readOnly: true }), reads], pods: [...first.pods, pod('r', 'h2', { readOnly: true })], volume: many(), hosts: lost })).toMatchObject([{ kind: 'bind', uid: 'a-p' }])
    // In Ceph a keeper that comes beside them would shut them out.
    expect(plan({ attachments: [reading], pods: pods.slice(1), volume: many({ hostId: null, work: true }) })).toEqual([])
    expect(said({ attachments: [reading], pods: pods.slice(1), volume: many({ growing: true }) }, null)).toMatchObject({ status: 'False', reason: 'Growing', message: expect.stringContaining('it grows once none does') as string })
  })
  it('are as many as a host can be told of, and one more is told so', () => {
    const all = Array.from({ length: 501 }, (_, i) => pod(`p${i}`, 'h1', { readOnly: true }))
    expect(plan({ volume: many(), pods: all }).filter(({ kind }) => kind === 'createAttachment')).toHaveLength(500)
    const full = { volume: many(), pods: all, attachments: all.slice(0, 500).map(({ uid }) => has(uid, 'h1', { readOnly: true })) }
    expect([plan(full), said(full, 'p500')?.reason]).toEqual([[], 'TooManyPods'])
  })
  it('keep a writer out until the last is gone; one whose host is silent is not waited for', () => {
    expect(plan({ volume: many(), attachments: [reading, waits('w')], pods: [...pods, pod('w', 'h1')] }).filter(({ kind }) => kind !== 'createAttachment')).toEqual([])
    const hosts = [host('h1', silent), host('h2')]
    expect(plan({ volume: many(), attachments: [reading], hosts })).toEqual([{ kind: 'lose', uid: 'a-q', was: 'Attached' }])
    expect(plan({ volume: many(), attachments: [{ ...reading, phase: 'Lost' }], hosts })).toEqual([{ kind: 'dropAttachment', uid: 'a-q', was: 'Lost' }])
  })
})

describe('a volume that shall go to another host', () => {
  const moves = { attachments: [waits('p')], pods: [pod('p', 'h2')] }
  it('leaves its keeper first, which has to say so', () => {
    expect(plan(moves)).toEqual([{ kind: 'leave' }])
    expect(plan({ ...moves, volume: volume({ leaving: true }) })).toEqual([])
    expect(plan({ ...moves, volume: volume({ hostId: null }) })).toEqual([{ kind: 'bind', uid: 'a-p', hostId: 'h2', epoch: 5, right: right('h2', 5) }])
    expect(said({ ...moves, volume: volume({ leaving: true }) }, 'p')).toMatchObject({ reason: 'Moving', message: expect.stringContaining('is about to leave host "h1"') as string })
  })
  it('is never taken from a host that is not ready, but not silent for its time', () => {
    expect(plan({ ...moves, hosts: [host('h1', { ready: false }), host('h2')] })).toEqual([{ kind: 'leave' }])
  })
  const lost = { attachments: [has('o', 'h1', { phase: 'Lost' as const }), waits('p')], pods: [pod('o', 'h1'), pod('p', 'h2')], hosts: [host('h1', silent), host('h2')] }
  it('in Ceph is taken from a silent host, by one that shuts it out before anybody there has it', () => {
    expect(plan({ ...lost, attachments: [has('o', 'h1'), waits('p')] })).toEqual([{ kind: 'lose', uid: 'a-o', was: 'Attached' }])
    expect(plan(lost)).toEqual([{ kind: 'keep', right: right('h2', 5, { fence: { hostId: 'h1', epoch: 4 } }) }])
    const taken = volume({ hostId: 'h2', epoch: 5, fence: { hostId: 'h1', epoch: 4 } })
    expect(plan({ ...lost, volume: taken })).toEqual([])
    expect(said({ ...lost, volume: taken }, 'p')).toMatchObject({ reason: 'Fencing', message: expect.stringContaining('is taken over from host "h1"') as string })
    expect(plan({ ...lost, volume: { ...taken, fencedBelow: 5 } })).toEqual([{ kind: 'dropAttachment', uid: 'a-o', was: 'Lost' }])
    expect(plan({ ...lost, volume: { ...taken, fencedBelow: 5 }, attachments: [waits('p')], pods: [pod('p', 'h2')] })).toEqual([{ kind: 'bind', uid: 'a-p', hostId: 'h2', epoch: 6, right: right('h2', 6) }])
    expect(plan({ ...lost, hosts: [...lost.hosts, host('h3')], attachments: lost.attachments.slice(0, 1) })).toEqual([{ kind: 'createAttachment', podUid: 'p', readOnly: false }])
  })
  it('keeps its fence where the keeper that should have shut somebody out lets go before it has', () => {
    const fence = { hostId: 'h1', epoch: 4 }
    expect(plan({ ...moves, volume: volume({ hostId: null, epoch: 5, fence }) })).toMatchObject([{ kind: 'bind', right: { epoch: 6, fence } }])
    expect(plan({ ...moves, volume: volume({ hostId: null, epoch: 5, fence, fencedBelow: 5 }) })).toMatchObject([{ kind: 'bind', right: { epoch: 6, fence: null } }])
    expect(plan({ ...moves, volume: volume({ hostId: 'h3', epoch: 5, fence }), hosts: [host('h2'), host('h3', silent)] })).toMatchObject([{ kind: 'keep', right: { epoch: 6, fence: { hostId: 'h3', epoch: 5 } } }])
  })
  it('in files waits for its host, or in a shared folder for an operator', () => {
    for (const store of [shared, local]) expect(plan({ ...lost, volume: volume({ store }) })).toEqual([])
    expect(said({ ...lost, volume: volume({ store: shared }) }, 'p')).toMatchObject({ reason: 'VolumeInUse', message: expect.stringContaining('an operator declares it lost') as string })
    const declared = [host('h1', { ...silent, declared: true }), host('h2')]
    expect(plan({ ...lost, volume: volume({ store: shared }), hosts: declared })).toEqual([{ kind: 'dropAttachment', uid: 'a-o', was: 'Lost' }])
    expect(plan({ ...moves, volume: volume({ store: shared }), hosts: declared })).toEqual([{ kind: 'keep', right: right('h2', 5) }])
    expect(plan({ ...moves, volume: volume({ store: local }), hosts: declared })).toEqual([])
    expect(said({ ...moves, volume: volume({ store: local }), hosts: declared }, null)).toMatchObject({ status: 'Unknown', reason: 'HostLost', message: expect.stringContaining('readmitted with its disk') as string })
    expect(said({ ...moves, volume: volume({ store: local }) }, 'p')).toMatchObject({ reason: 'ElsewhereOnDisk' })
  })
  it('on a disk has its home where it was first', () => {
    expect(plan({ ...moves, volume: volume({ store: local, hostId: null, homeHostId: null, epoch: 0, stored: 'Absent' }) })).toEqual([{ kind: 'bind', uid: 'a-p', hostId: 'h2', epoch: 1, right: right('h2', 1, { home: 'h2' }) }])
  })
})

describe('a volume that no pod has', () => {
  it('has a keeper while there is work, and none once it rests', () => {
    const free = volume({ hostId: null, work: true })
    expect(plan({ volume: free, hosts: [host('h1', { kept: 2 }), host('h2', { kept: 1 }), host('h3', { reaches: false })] })).toEqual([{ kind: 'keep', right: right('h2', 5) }])
    expect(plan({ volume: volume({ work: true, leaving: true }) })).toEqual([])
    expect(plan({ volume: volume({ idle: true }) })).toEqual([{ kind: 'leave' }])
    expect(plan({ volume: volume({ idle: true, store: local }) })).toEqual([])
    // Nobody can be shut out of a shared folder: to let go in time is the only way.
    expect(plan({ volume: volume({ idle: true, store: shared }) })).toEqual([{ kind: 'leave' }])
    expect(plan({ volume: volume({ idle: true }), hosts: [host('h1', silent)] })).toEqual([])
  })
  it('leaves a keeper that has not reached the store for its time where another one does, and says so where none does', () => {
    const hosts = [host('h1', { reaches: false, away: true }), host('h2')]
    expect(plan({ volume: volume({ work: true }), hosts: [host('h1', { reaches: false }), host('h2')] })).toEqual([])
    for (const store of [rbd, shared]) expect(plan({ volume: volume({ store, work: true }), hosts })).toEqual([{ kind: 'leave' }])
    expect(plan({ volume: volume({ deleted: true, purging: true }), hosts })).toEqual([{ kind: 'leave' }])
    expect(plan({ volume: volume({ work: true, leaving: true }), hosts })).toEqual([])
    expect(plan({ volume: volume({ work: true, store: local }), hosts })).toEqual([])
    expect(plan({ volume: volume({ work: true }), hosts, attachments: [has('p', 'h1')], pods: [pod('p', 'h1')] })).toEqual([])
    expect(said({ volume: volume({ work: true, store: local }), hosts }, null)).toMatchObject({ status: 'False', reason: 'StoreUnreachable', message: expect.stringContaining('Host "h1", which keeps it, does not reach its store') as string })
    expect(said({ volume: volume({ deleted: true, purging: true }), hosts: hosts.slice(0, 1) }, null)).toMatchObject({ reason: 'Purging', message: expect.stringContaining('does not reach its store') as string })
  })
  it('that is deleted has a keeper while its snapshots need one, and is given to nobody', () => {
    const deleted = { deleted: true, hostId: null, work: true }
    expect(plan({ volume: volume(deleted), attachments: [waits('p')], pods: [pod('p', 'h1')] })).toMatchObject([{ kind: 'keep' }])
    expect(plan({ volume: volume({ deleted: true, idle: true }) })).toEqual([{ kind: 'leave' }])
  })
  it('goes back to a snapshot before anybody gets it', () => {
    const attachments = [waits('p')]
    expect(plan({ volume: volume({ revertTo: 's', work: true }), attachments, pods: [pod('p', 'h2')] })).toEqual([])
    expect(said({ volume: volume({ revertTo: 's' }), attachments, pods: [pod('p', 'h2')] }, 'p')).toMatchObject({ reason: 'Reverting' })
  })
  it('that could not be made is given to nobody, and says why', () => {
    const failed = { volume: volume({ stored: 'Failed', problem: 'The archive holds 3 GiB, and the volume 2 GiB.' }), attachments: [waits('p')], pods: [pod('p', 'h1')] }
    expect(plan(failed)).toEqual([])
    expect(said(failed, 'p')).toMatchObject({ reason: 'VolumeFailed', message: 'Volume "data": The archive holds 3 GiB, and the volume 2 GiB.' })
  })
})

describe('what its keeper could not do, and tries again', () => {
  const trouble = { reason: 'NoSpace', message: 'the store "ceph" is full' }
  const told = (over: Partial<WorldVolume>) => said({ volume: volume({ trouble, ...over }) }, null)
  const says = 'Host "h1" says: the store "ceph" is full. It is tried again by itself.'
  it('says why what it is made of is not there', () => {
    const made = (source: 'Pending' | 'Failed') => said({ volume: volume({ stored: 'Absent', source, sourceSays: 'Its store has no room left' }) }, null)
    expect(made('Pending')).toMatchObject({ reason: 'SourcePending', message: 'The snapshot that it is made of is being taken. Its store has no room left.' })
    expect(made('Failed')).toMatchObject({ reason: 'SourceFailed', message: 'The snapshot that it is made of could not be taken. Its store has no room left. Delete this volume, and make another one.' })
  })

  it('is told with what it is about', () => {
    expect(told({ growing: true })).toMatchObject({ status: 'False', reason: 'NoSpace', message: `It is there, and has not grown. ${says}` })
    expect(told({ stored: 'Creating', work: true })).toMatchObject({ status: 'False', reason: 'Creating', message: `It is being made on host "h1". ${says}` })
    expect(told({ revertTo: 's' })).toMatchObject({ reason: 'Reverting', message: expect.stringContaining(says) as string })
    expect(told({ deleted: true, purging: true })).toMatchObject({ reason: 'Purging', message: `It is being removed for good. ${says}` })
    expect(told({ fence: { hostId: 'h2', epoch: 3 } })).toMatchObject({ reason: 'Fencing', message: expect.stringContaining(says) as string })
    expect(said({ volume: volume({ trouble, fence: { hostId: 'h2', epoch: 3 } }), attachments: [waits('p')], pods: [pod('p', 'h1')] }, 'p')).toMatchObject({ reason: 'Fencing', message: expect.stringContaining(says) as string })
  })
  it('is that nobody removes it: its host is silent, or none reaches its store', () => {
    const purged = { deleted: true, purging: true }
    expect(said({ volume: volume({ ...purged, store: local }), hosts: [host('h1', silent)] }, null)).toMatchObject({ reason: 'Purging', message: expect.stringContaining('on the disk of host "h1", which has not been heard of') as string })
    expect(said({ volume: volume({ ...purged, hostId: null }), hosts: [host('h1', { reaches: false })] }, null)).toMatchObject({ reason: 'Purging', message: expect.stringContaining('No host that is ready reaches its store') as string })
  })
})

describe('a deleted volume', () => {
  const deleted = (over: Partial<WorldVolume> = {}) => volume({ deleted: true, due: true, ...over })
  it('stays with who has it, and is given to nobody else', () => {
    expect(plan({ volume: deleted(), attachments: [has('p', 'h1'), waits('q')], pods: [pod('p', 'h1'), pod('q', 'h1')] })).toEqual([])
    expect(said({ volume: deleted(), attachments: [waits('q')], pods: [pod('q', 'h1')] }, 'q')).toMatchObject({ reason: 'VolumeDeleted', message: expect.stringContaining('Restore it') as string })
  })
  it('is purged by a keeper once its time is over and nobody has it, and its row goes when that is done', () => {
    expect(plan({ volume: deleted({ due: false }) })).toEqual([])
    expect(plan({ volume: deleted() })).toEqual([{ kind: 'beginPurge' }])
    expect(plan({ volume: deleted({ purging: true }), attachments: [waits('q')], pods: [pod('q', 'h1')] })).toEqual([{ kind: 'dropAttachment', uid: 'a-q', was: 'Waiting' }])
    expect(plan({ volume: deleted({ purging: true, hostId: null }) })).toMatchObject([{ kind: 'keep', right: { hostId: 'h1', epoch: 5 } }])
    expect(plan({ volume: deleted({ purging: true }) })).toEqual([])
    expect(plan({ volume: deleted({ purging: true, stored: 'Purged' }) })).toEqual([{ kind: 'remove' }])
  })
  it('that no host was ever told of, or whose disk an operator has given up, just goes', () => {
    expect(plan({ volume: deleted({ purging: true, epoch: 0, hostId: null, stored: 'Absent' }) })).toEqual([{ kind: 'remove' }])
    expect(plan({ volume: deleted({ purging: true, store: local }), hosts: [host('h1', { ...silent, declared: true })] })).toEqual([{ kind: 'remove' }])
    expect(plan({ volume: deleted({ purging: true, store: local }), hosts: [host('h1', silent)] })).toEqual([])
    expect(plan({ volume: deleted({ purging: true }), hosts: [host('h1', silent), host('h2')] })).toMatchObject([{ kind: 'keep', right: { hostId: 'h2', fence: { hostId: 'h1', epoch: 4 } } }])
  })
})
