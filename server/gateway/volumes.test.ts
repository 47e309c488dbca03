import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { volumeSpec } from '@/domain/volume/spec'
import { wrapStoreKey } from '@/server/services/volume-stores/store-key'
import { connectHost } from './testing/connected-host'
import { VolumeGateway } from './testing/volume-gateway'

let gateway: VolumeGateway
beforeAll(async () => {
  gateway = await VolumeGateway.start()
})
afterAll(() => gateway.stop())
let host: Awaited<ReturnType<VolumeGateway['connect']>>
beforeEach(async () => {
  host = await gateway.connect('h1')
})
afterEach(async () => expect(await gateway.clear()).toEqual([]))

const soon = <T>(read: () => T) => expect.poll(read, { timeout: 30_000, interval: 20 })

/** What was told of it, oldest first. */
const eventsOf = async (objectUid: string) => (await gateway.server.db.event.findMany({ where: { objectUid }, orderBy: { firstTimestamp: 'asc' } })).map(({ type, reason, message }) => `${type} ${reason}: ${message}`)

describe('a host', () => {
  it('is told of its volumes after it has said what it has, makes them, and what it says comes into their rows', async () => {
    const uid = await gateway.volumeOf()
    expect(host.told.size).toBe(0)
    await host.begin()
    await soon(() => host.volume(uid)).toMatchObject({ keeper: true, epoch: 1, sizeBytes: 2 ** 30, origin: { kind: 'blank' }, made: false, mode: 'filesystem', fsType: 'ext4', rates: { iops: 500 }, onFull: 'pause', attachments: [] })
    expect(host.told.get(`store/${gateway.place.storeId}`)).toMatchObject({ store: { type: 'file', folder: null, shared: false } })
    await soon(() => gateway.row(uid)).toMatchObject({ storedPhase: 'Ready', storedBytes: 4096n, storedSizeBytes: 1n << 30n, formatted: null })
    await soon(() => gateway.server.db.volumeStoreHost.findMany({ where: { hostId: host.hostId } })).toMatchObject([{ reachable: true, totalBytes: 2n ** 40n, freeBytes: 2n ** 39n }])
    await gateway.server.db.volume.update({ where: { uid }, data: { sizeBytes: 2n << 30n } })
    await soon(() => gateway.row(uid)).toMatchObject({ storedSizeBytes: 2n << 30n })
    expect(host.volume(uid)).toMatchObject({ made: true })
    expect(await eventsOf(uid)).toEqual(['Normal Ready: It is there.', 'Normal Grown: It has 2 GiB, and had 1 GiB.'])
  })

  it('gives a pod its volume, of which the pod is told with its assignment, and takes it back when the right is over', async () => {
    await host.begin()
    const podUid = await gateway.podOf('web')
    const uid = await gateway.volumeOf()
    const attachmentUid = await gateway.give(uid, podUid)
    await soon(() => gateway.phases(uid)).toEqual(['Attached'])
    await soon(() => host.assignments()[0]?.volumes).toEqual([{ name: 'data', volumeUid: uid, attachmentUid, epoch: 1, readOnly: false }])
    expect(host.seen.indexOf('volumeObjects')).toBeGreaterThanOrEqual(0)
    await soon(() => gateway.row(uid)).toMatchObject({ formatted: 'ext4', report: { attachments: [{ podUid, device: '/dev/vdc', fsBytes: 2 ** 30 }] } })
    await soon(() => gateway.server.db.event.findMany({ where: { objectUid: podUid } })).toMatchObject([{ reason: 'VolumeAttached', message: expect.stringMatching(/^Volume "[-0-9a-f]+" is attached, at \/data in the container "a"\.$/) }])
    await gateway.server.db.volumeAttachment.update({ where: { uid: attachmentUid }, data: { phase: 'Detaching' } })
    await soon(() => gateway.phases(uid)).toEqual([])
    expect(await eventsOf(uid)).toEqual(['Normal Ready: It is there.', 'Normal Attached: The pod "web" in namespace "shop" has it, at /data in the container "a".', 'Normal Detached: The pod "web" in namespace "shop" has it no more.'])
    expect(host.openBy(uid)).toEqual([])
    expect(host.removed).not.toContain(`volume/${uid}`)
  })

  it('keeps a volume until it has answered, and is told nothing of it before', async () => {
    await host.begin()
    const uid = await gateway.volumeOf()
    const attachmentUid = await gateway.give(uid)
    await soon(() => gateway.phases(uid)).toEqual(['Attached'])
    host.holdAnswers()
    await gateway.server.db.$transaction([gateway.server.db.volumeAttachment.update({ where: { uid: attachmentUid }, data: { phase: 'Detaching' } }), gateway.server.db.volume.update({ where: { uid }, data: { leaving: true } })])
    await soon(() => host.removed).toContain(`volume/${uid}`)
    // It is asked back: too early.
    await gateway.server.db.volume.update({ where: { uid }, data: { leaving: false } })
    const other = await gateway.volumeOf()
    await soon(() => host.told.has(`volume/${other}`)).toBe(true)
    expect(host.told.has(`volume/${uid}`)).toBe(false)
    expect(await gateway.row(uid)).toMatchObject({ hostId: host.hostId, attachments: [{ phase: 'Detaching' }] })
    await host.answersAgain()
    await soon(() => host.told.has(`volume/${uid}`)).toBe(true)
    await soon(() => gateway.phases(uid)).toEqual([])
    await gateway.server.db.volume.update({ where: { uid }, data: { leaving: true } })
    await soon(() => gateway.row(uid)).toMatchObject({ hostId: null, leaving: false, epoch: 1n })
  })

  it('whose agent starts anew says what it has: what is over goes, what is not stays open, and what it has no more is free', async () => {
    await host.begin()
    const [stays, ends, gone] = [await gateway.volumeOf(), await gateway.volumeOf(), await gateway.volumeOf()]
    await gateway.give(stays)
    const ending = await gateway.give(ends)
    for (const uid of [stays, ends]) await soon(() => gateway.phases(uid)).toEqual(['Attached'])
    await soon(() => gateway.row(gone)).toMatchObject({ storedPhase: 'Ready' })
    host.close()
    await gateway.server.db.volumeAttachment.update({ where: { uid: ending }, data: { phase: 'Detaching' } })
    await gateway.server.db.volume.update({ where: { uid: gone }, data: { leaving: true } })
    host.disk.volumes.delete(gone)
    const before = host.openBy(stays)
    const again = await gateway.connect('h1', host.disk)
    await again.begin()
    await soon(() => gateway.phases(ends)).toEqual([])
    await soon(() => gateway.row(gone)).toMatchObject({ hostId: null })
    expect(again.openBy(stays)).toEqual(before)
    expect(again.removed).not.toContain(`volume/${stays}`)
    expect(await gateway.phases(stays)).toEqual(['Attached'])
  })

  it('that was taken for lost keeps what it has, and has it again by its rows once it is heard of', async () => {
    await host.begin()
    const uid = await gateway.volumeOf({ formatted: 'ext4', storedPhase: 'Ready' })
    const attachmentUid = await gateway.give(uid)
    await soon(() => gateway.phases(uid)).toEqual(['Attached'])
    await gateway.server.db.host.update({ where: { id: host.hostId }, data: { phase: 'Unknown' } })
    await gateway.server.db.volumeAttachment.update({ where: { uid: attachmentUid }, data: { phase: 'Lost' } })
    const other = await gateway.volumeOf()
    await soon(() => gateway.row(other)).toMatchObject({ storedPhase: 'Ready' })
    expect(host.openBy(uid)).toHaveLength(1)
    expect(await gateway.phases(uid)).toEqual(['Lost'])
    await host.heartbeat()
    await soon(() => gateway.phases(uid)).toEqual(['Attached'])
  })

  it('that comes back without what it had frees it, and closes what another one has taken over', async () => {
    await host.begin()
    const [lost, taken] = [await gateway.volumeOf(), await gateway.volumeOf()]
    for (const uid of [lost, taken]) await gateway.give(uid)
    for (const uid of [lost, taken]) await soon(() => gateway.phases(uid)).toEqual(['Attached'])
    host.close()
    const second = await gateway.connect('h2')
    await gateway.server.db.volumeAttachment.updateMany({ data: { phase: 'Lost' } })
    await gateway.server.db.volume.update({ where: { uid: taken }, data: { hostId: second.hostId, epoch: 2n, fence: { hostId: host.hostId, epoch: 1 } } })
    await second.begin()
    await soon(() => gateway.row(taken)).toMatchObject({ report: { fenced: { epoch: 2 } } })
    expect(second.volume(taken)).toMatchObject({ keeper: true, fence: { hostId: host.hostId, epoch: 1 } })
    host.disk.volumes.get(lost)?.open.clear()
    host.disk.volumes.get(lost)?.rights.clear()
    const again = await gateway.connect('h1', host.disk)
    await again.begin()
    await soon(() => again.openBy(taken)).toEqual([])
    for (const uid of [lost, taken]) await soon(() => gateway.phases(uid)).toEqual([])
    expect(await gateway.row(taken)).toMatchObject({ hostId: second.hostId, report: { fenced: { epoch: 2 } } })
  })

  it('reads what another one keeps, and says nothing of it but its own pods', async () => {
    await host.begin()
    const second = await gateway.connect('h2')
    await second.begin()
    const uid = await gateway.volumeOf({ spec: volumeSpec.parse({ size: '1Gi', accessMode: 'ReadOnlyMany', source: { kind: 'Snapshot', name: 's' } }), sourceSnapshotUid: randomUUID() })
    await soon(() => gateway.row(uid)).toMatchObject({ storedPhase: 'Ready' })
    const reader = await gateway.give(uid, null, { hostId: second.hostId, readOnly: true })
    await soon(() => gateway.phases(uid)).toEqual(['Attached'])
    expect(second.volume(uid)).toMatchObject({ keeper: false, fence: null, purge: false, attachments: [{ readOnly: true }] })
    await gateway.server.db.volumeAttachment.update({ where: { uid: reader }, data: { phase: 'Detaching', forced: true } })
    await soon(() => gateway.phases(uid)).toEqual([])
    await soon(() => second.removed).toContain(`volume/${uid}`)
    expect((await eventsOf(uid)).at(-1)).toMatch(/^Warning DetachedByForce: The pod ".+" in namespace "shop" has it no more\. It was taken by force/)
    expect(host.removed).toEqual([])
  })

  it('purges, goes back to a snapshot, takes and removes snapshots as it is told', async () => {
    await host.begin()
    const uid = await gateway.volumeOf({ formatted: 'ext4' })
    const snapshot = (data: object) => gateway.server.db.volumeSnapshot.create({ data: { tenantId: gateway.tenantId, name: randomUUID(), spec: { source: { volumeName: 'v' } }, volumeUid: uid, storeId: gateway.place.storeId, sizeBytes: 1n << 30n, phase: 'Taking', ...data } })
    const groupUid = randomUUID()
    // A host whose clock is decades behind: retention would take the newest snapshot for the oldest.
    const late = randomUUID()
    host.disk.snapshots.set(late, { takenAt: '2001-01-01T00:00:00.000Z', held: true })
    const [one, two] = [await snapshot({ uid: late, groupUid }), await snapshot({ groupUid, spec: { source: { volumeName: 'v' }, consistency: 'FilesystemConsistent' } })]
    await soon(() => gateway.server.db.volumeSnapshot.findMany({ where: { volumeUid: uid } })).toMatchObject([{ phase: 'Ready', consistency: 'CrashConsistent', stallMs: 3, storedBytes: 4096n, takenAt: one.createdAt }, { phase: 'Ready' }])
    await soon(() => host.told.get(`snapshot/${two.uid}`)).toMatchObject({ group: groupUid, groupSize: 2, freeze: true, state: 'ready' })
    await gateway.server.db.volume.update({ where: { uid }, data: { revertTo: one.uid } })
    await soon(() => gateway.row(uid)).toMatchObject({ revertTo: null, formatted: 'ext4' })
    expect((await eventsOf(uid)).at(-1)).toBe(`Normal Reverted: It is as it was when its snapshot "${one.name}" was taken.`)
    await gateway.server.db.volumeSnapshot.update({ where: { uid: one.uid }, data: { phase: 'Deleting' } })
    await soon(() => gateway.server.db.volumeSnapshot.count()).toBe(1)
    await soon(() => host.removed).toContain(`snapshot/${one.uid}`)
    host.fail(uid, 'NoSpace', 'the store has 1 MiB')
    const failing = await snapshot({})
    host.fail(failing.uid, 'NoSpace', 'no room')
    await gateway.server.db.volumeSnapshot.update({ where: { uid: failing.uid }, data: { groupUid } })
    await gateway.server.db.volume.update({ where: { uid }, data: { deletedAt: new Date(), purging: true } })
    await soon(() => gateway.row(uid)).toMatchObject({ storedPhase: 'Failed', report: { reason: 'NoSpace' } })
    await soon(() => gateway.server.db.event.findMany({ where: { objectUid: uid, type: 'Warning' } })).toMatchObject([{ reason: 'NoSpace', message: 'the store has 1 MiB' }])
  })

  it('says where a pod stands still, and why one does not get its volume', async () => {
    await host.begin()
    const podUid = await gateway.podOf('full')
    const uid = await gateway.volumeOf()
    await gateway.give(uid, podUid)
    await soon(() => gateway.phases(uid)).toEqual(['Attached'])
    await host.pause(uid, true)
    await soon(() => gateway.row(uid)).toMatchObject({ report: { attachments: [{ paused: true }] } })
    await host.pause(uid, false)
    await soon(async () => (await gateway.server.db.event.findMany({ where: { objectUid: podUid }, orderBy: { lastTimestamp: 'asc' } })).map(({ reason }) => reason)).toEqual(['VolumeAttached', 'VolumePaused', 'VolumeResumed'])
  })

  it('is given the key of its store before the store, each once, and no log nor row says it', async () => {
    const spec = { kind: 'rbd', monitors: ['192.0.2.1:3300'], pool: 'volumes', user: 'hypernetes', networks: ['192.0.2.0/24'] }
    const { uid } = await gateway.server.db.volumeStore.create({ data: { name: 'ceph', spec } })
    const put = (key: string) => gateway.server.db.volumeStore.update({ where: { uid }, data: { wrappedKey: wrapStoreKey(gateway.server.server.keyRing, uid, key) } })
    await put('first-key')
    await host.begin()
    await soon(() => host.told.has(`store/${uid}`)).toBe(true)
    expect(host.told.get(`store/${uid}`)).toMatchObject({ store: { type: 'rbd', pool: 'volumes', keyRevision: host.secrets.get(uid)?.revision } })
    expect(host.secrets.get(uid)?.key).toBe('first-key')
    expect(host.seen.filter((kind) => kind === 'storeSecrets' || kind === 'volumeObjects').slice(0, 2)).toEqual(['storeSecrets', 'volumeObjects'])
    await put('second-key')
    await soon(() => host.secrets.get(uid)?.key).toBe('second-key')
    await gateway.server.db.volumeStore.delete({ where: { uid } })
    await soon(() => host.told.has(`store/${uid}`)).toBe(false)
  })

  it('that has a volume under a higher number than its row is told nothing of it', async () => {
    const uid = await gateway.volumeOf()
    const fine = await gateway.volumeOf()
    host.disk.volumes.set(uid, { epoch: 7, rights: new Map(), open: new Map(), made: true, sizeBytes: 1, formatted: null, fenced: null, revertedTo: null, held: true })
    await host.begin()
    await soon(() => host.told.has(`volume/${fine}`)).toBe(true)
    expect(host.told.has(`volume/${uid}`)).toBe(false)
    expect(await gateway.row(uid)).toMatchObject({ hostId: host.hostId, storedPhase: 'Absent' })
    expect(await gateway.server.db.event.findMany({ where: { objectUid: uid } })).toMatchObject([{ type: 'Warning', reason: 'EpochMismatch', message: expect.stringContaining('Host "h1" has it under the fencing number 7, and the database knows 1 at most') }])
  })

  it('of which a tenant holds a volume for long is waited for by no other volume', async () => {
    await host.begin()
    const [held, free] = [await gateway.volumeOf(), await gateway.volumeOf()]
    for (const uid of [held, free]) await soon(() => gateway.row(uid)).toMatchObject({ storedPhase: 'Ready' })
    for (const uid of [held, free]) await gateway.give(uid)
    for (const uid of [held, free]) await soon(() => gateway.phases(uid)).toEqual(['Attached'])
    let end = () => {}
    const ended = new Promise<void>((resolve) => (end = resolve))
    let begun = () => {}
    const begins = new Promise<void>((resolve) => (begun = resolve))
    const manifest = gateway.server.db.$transaction(async (tx) => {
      await tx.$queryRaw`select 1 from "Volume" where "uid" = ${held}::uuid for update`
      begun()
      await ended
    }, { timeout: 120_000 })
    await begins
    for (const uid of [held, free]) await host.pause(uid, true)
    await soon(() => gateway.row(free)).toMatchObject({ report: { attachments: [{ paused: true }] } })
    expect(await gateway.row(held)).toMatchObject({ report: { attachments: [{ paused: false }] } })
    end()
    await manifest
    await soon(() => gateway.row(held)).toMatchObject({ report: { attachments: [{ paused: true }] } })
  })

  it('is heard at once of what is new, also where it has said of very much else what it has', async () => {
    const many = await Promise.all(Array.from({ length: 150 }, () => gateway.volumeOf({ storedPhase: 'Creating' })))
    await host.begin()
    await soon(() => host.told.size).toBe(many.length + 1)
    for (const uid of many) await soon(() => gateway.row(uid)).toMatchObject({ storedPhase: 'Ready' })
    host.close()
    await gateway.server.db.volume.updateMany({ data: { storedBytes: null } })
    const again = await gateway.connect('h1', host.disk)
    const [last = ''] = many.slice(-1)
    again.fail(last, 'NoSpace', 'no room')
    await Promise.all([again.begin(), again.pause(last, true)])
    await soon(() => gateway.row(last)).toMatchObject({ storedPhase: 'Failed' })
    await soon(() => gateway.server.db.volume.count({ where: { storedBytes: null } })).toBe(0)
    const news = await gateway.row(last)
    expect(await gateway.server.db.volume.count({ where: { revision: { gt: news?.revision ?? 0n } } }), 'stored after what is new').toBeGreaterThan(0)
  })

  it('of before volumes is told nothing of them', async () => {
    const old = await connectHost(gateway.server, gateway.sessions, 'h3', ['networkObjects'])
    await old.reportVolumes([], { complete: true })
    const uid = await gateway.volumeOf({ hostId: old.hostId })
    expect((await old.next()).kind).toBe('desired')
    await old.reportVolumes([{ kind: 'volume', uid, epoch: 1, phase: 'Ready', reason: '', message: '' }])
    expect(await gateway.row(uid)).toMatchObject({ storedPhase: 'Absent', report: null })
    old.close()
  })
})
