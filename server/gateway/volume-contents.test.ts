import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { volumeSpec } from '@/domain/volume/spec'
import { VolumeGateway } from './testing/volume-gateway'

let gateway: VolumeGateway
beforeAll(async () => {
  gateway = await VolumeGateway.start()
})
afterAll(() => gateway.stop())
let host: Awaited<ReturnType<VolumeGateway['connect']>>
beforeEach(async () => {
  host = await gateway.connect('h1')
  await host.begin()
})
afterEach(async () => expect(await gateway.clear()).toEqual([]))

const soon = <T>(read: () => T) => expect.poll(read, { timeout: 30_000, interval: 20 })
const db = () => gateway.server.db

async function made(data: object = {}): Promise<string> {
  const uid = await gateway.volumeOf(data)
  await soon(() => gateway.row(uid)).toMatchObject({ storedPhase: 'Ready' })
  return uid
}
/** Asks for a snapshot of the volume. */
const ask = async (volumeUid: string): Promise<string> =>
  (await db().volumeSnapshot.create({ data: { tenantId: gateway.tenantId, name: randomUUID(), spec: { source: { volumeName: 'v' }, consistency: 'CrashConsistent' }, volumeUid, storeId: gateway.place.storeId, sizeBytes: 1n << 30n, phase: 'Taking' } })).uid
async function taken(volumeUid: string): Promise<{ uid: string; content: string | null }> {
  const uid = await ask(volumeUid)
  await soon(() => db().volumeSnapshot.findUnique({ where: { uid } })).toMatchObject({ phase: 'Ready' })
  return db().volumeSnapshot.findUniqueOrThrow({ where: { uid }, select: { uid: true, content: true } })
}
/** Given to a pod, and taken from it: it has a file system then. */
async function used(uid: string): Promise<void> {
  const right = await gateway.give(uid)
  await soon(() => gateway.phases(uid)).toEqual(['Attached'])
  await db().volumeAttachment.update({ where: { uid: right }, data: { phase: 'Detaching' } })
  await soon(() => gateway.phases(uid)).toEqual([])
}
/** Of a snapshot: the row is as a service makes it, which knows what the snapshot has where that is taken. */
const copyOf = (snapshot: { uid: string; content?: string | null }, data: object = {}) => gateway.volumeOf({ sourceSnapshotUid: snapshot.uid, sourceBlank: snapshot.content === 'blank', ...data })

it('what is made of a volume on which nothing ever stood may be given a file system, and what is made of that, too', async () => {
  const volume = await made()
  // Of a clone the snapshot is taken only after its row is there; nobody keeps it until then.
  const hidden = await ask(volume)
  const clone = await copyOf({ uid: hidden }, { hostId: null, epoch: 0n })
  await soon(() => gateway.row(clone)).toMatchObject({ sourceBlank: true })
  await db().volume.update({ where: { uid: clone }, data: { hostId: host.hostId, epoch: 1n } })
  await soon(() => host.volume(clone)).toMatchObject({ origin: { kind: 'snapshot', snapshotUid: hidden, blank: true }, formatted: false })
  await soon(() => gateway.row(clone)).toMatchObject({ storedPhase: 'Ready' })
  const second = await taken(clone)
  expect(second.content).toBe('blank')
  const copy = await copyOf(second)
  await soon(() => host.volume(copy)).toMatchObject({ origin: { blank: true } })
  await used(volume)
  expect((await taken(volume)).content, 'it has one now').toBe('ext4')
})

it('nothing is said to be blank that may have bytes: an archive, a copy of one, a block device, what was written to before', async () => {
  const upload = await made({ sourceUploadId: randomUUID() })
  const ofUpload = await taken(upload)
  const copy = await copyOf(ofUpload)
  await soon(() => host.volume(copy)).toMatchObject({ origin: { kind: 'snapshot', blank: false } })
  await soon(() => gateway.row(copy)).toMatchObject({ storedPhase: 'Ready' })
  const block = await made({ spec: volumeSpec.parse({ size: '1Gi', volumeMode: 'Block' }) })
  // Its keeper was told that there is one, and has not seen it itself.
  const formatted = await made({ formatted: 'xfs' })
  expect([ofUpload.content, (await taken(copy)).content, (await taken(block)).content, (await taken(formatted)).content]).toEqual([null, null, null, 'xfs'])
})

it('a volume that went back has what its snapshot has: nothing, or its file system, which no later pod makes anew', async () => {
  const volume = await made()
  const before = await taken(volume)
  await used(volume)
  const after = await taken(volume)
  const back = async (revertTo: string) => {
    await db().volume.update({ where: { uid: volume }, data: { revertTo, epoch: { increment: 1n } } })
    await soon(() => gateway.row(volume)).toMatchObject({ revertTo: null })
    return (await gateway.row(volume))?.formatted
  }
  expect([before.content, after.content]).toEqual(['blank', 'ext4'])
  expect(await back(before.uid)).toBeNull()
  await soon(() => host.volume(volume)).toMatchObject({ formatted: false })
  expect(await back(after.uid)).toBe('ext4')
  await soon(() => host.volume(volume)).toMatchObject({ formatted: true })
  await db().volumeSnapshot.update({ where: { uid: before.uid }, data: { content: null } })
  expect(await back(before.uid), 'nobody knows').toBe('ext4')
})
