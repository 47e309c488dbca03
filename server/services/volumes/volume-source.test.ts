import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startVolumeServer } from './testing/volume-server'
import { createVolume, createVolumeInput } from './volumes'

let server: Awaited<ReturnType<typeof startVolumeServer>>
beforeAll(async () => void (server = await startVolumeServer()))
afterAll(() => server.stop())
beforeEach(() => server.clear())

const create = (spec: object) => createVolume(server.server, server.ann, createVolumeInput.parse({ name: 'copy', spec: { size: '1Gi', ...spec } }))
const clone = () => createVolume(server.server, server.ann, createVolumeInput.parse({ name: 'copy', spec: { size: '1Gi', source: { kind: 'Volume', name: 'data' } } }))

it('nothing is cloned of a volume of which no snapshot could be taken, and why is said at once', async () => {
  const { uid } = await server.volume('data', { hostId: server.hostId, epoch: 1n })
  const refused = (message: string) => expect(clone()).rejects.toMatchObject({ problems: [{ path: 'spec.source.name', message: expect.stringContaining(message) }] })
  await server.db.host.updateMany({ data: { phase: 'Unknown' } })
  await refused('is cloned of a snapshot of it: the host that has the volume "data" has not been heard of')
  await server.db.host.updateMany({ data: { phase: 'Ready' } })
  await server.db.volume.update({ where: { uid }, data: { report: { attachments: [{ paused: true }] } } })
  await refused('stands still, for its store is full')
  await server.db.volume.update({ where: { uid }, data: { report: {}, storedPhase: 'Failed' } })
  await refused('failed, as its conditions say')
  await server.db.volume.update({ where: { uid }, data: { storedPhase: 'Ready' } })
  for (let i = 0; i < 15; i += 1) await server.snapshot(`s-${i}`, uid, { storedBytes: 1n })
  await refused('has 15 snapshots, which is the most that its store keeps of one volume')
  await server.db.volumeSnapshot.deleteMany()
  expect((await clone()).metadata.name).toBe('copy')
})

it('a copy claims no other file system than what it is made of has', async () => {
  const { uid } = await server.volume('data', { formatted: 'ext4' })
  await server.snapshot('taken', uid, { content: 'ext4', homeHostId: server.hostId })
  for (const [source, what] of [[{ kind: 'Snapshot', name: 'taken' }, 'the snapshot "taken"'], [{ kind: 'Volume', name: 'data' }, 'the volume "data"']] as const) {
    await expect(create({ fsType: 'xfs', source })).rejects.toMatchObject({ problems: [{ path: 'spec.fsType', message: `is xfs, and ${what} has ext4: leave it out` }] })
  }
  // As a device it can be looked at, and repaired.
  await create({ volumeMode: 'Block', source: { kind: 'Snapshot', name: 'taken' } })
  await server.db.volume.deleteMany({ where: { name: 'copy' } })
  expect((await create({ fsType: 'ext4', source: { kind: 'Snapshot', name: 'taken' } })).spec.fsType).toBe('ext4')
})

it('what has nothing on it yet is no source for readers, nor is a volume without the files of its image one for anybody', async () => {
  const { uid } = await server.volume('data')
  await server.snapshot('blank', uid, { content: 'blank', homeHostId: server.hostId })
  const readers = { accessMode: 'ReadOnlyMany' }
  for (const source of [{ kind: 'Snapshot', name: 'blank' }, { kind: 'Volume', name: 'data' }]) {
    await expect(create({ ...readers, source })).rejects.toMatchObject({ problems: [{ path: 'spec.accessMode', message: expect.stringContaining('is blank, so that there is nothing to read') }] })
  }
  await create({ source: { kind: 'Snapshot', name: 'blank' } })
  expect(await server.db.volume.findFirst({ where: { name: 'copy' } })).toMatchObject({ sourceBlank: true })
  await server.db.volume.deleteMany({ where: { name: 'copy' } })
  await server.volume('files', { spec: { size: '1Gi', volumeMode: 'Filesystem', source: { kind: 'Image', reference: 'registry.example/data:1' } } })
  await expect(create({ source: { kind: 'Volume', name: 'files' } })).rejects.toMatchObject({ problems: [{ path: 'spec.source.name', message: expect.stringContaining('the files of its image are not in the volume "files" yet') }] })
})
