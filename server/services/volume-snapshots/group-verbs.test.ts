import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startVolumeServer } from '../volumes/testing/volume-server'
import { cloneGroup, deleteGroup, previewGroup, previewGroupInput, revertGroup } from './group-verbs'

let test: Awaited<ReturnType<typeof startVolumeServer>>
let uids: string[] = []
const group = randomUUID()
beforeAll(async () => void (test = await startVolumeServer()))
afterAll(() => test.stop())
beforeEach(async () => {
  await test.clear()
  uids = []
  for (const name of ['files', 'logs']) {
    const { uid } = await test.volume(name, { hostId: test.hostId, epoch: 1n })
    uids.push(uid)
    await test.snapshot(`both-${name}`, uid, { groupUid: group, storedBytes: 1n << 20n, homeHostId: test.hostId, spec: { source: { volumeName: name }, consistency: 'CrashConsistent' } })
  }
})

type Verb = { verb: 'revert'; keepCurrent?: boolean } | { verb: 'clone'; suffix: string } | { verb: 'delete' }
const preview = (input: Verb, scope = test.ann) => previewGroup(test.server, scope, previewGroupInput.parse({ group, ...input }))
const textOf = async (input: Verb) => (await preview(input)).consequences.map(({ text }) => text).join('\n')
const revert = (more: object = {}, scope = test.ann) => revertGroup(test.server, scope, { group, keepCurrent: true, ...more })
const reverting = async () => (await test.db.volume.findMany({ orderBy: { name: 'asc' } })).map(({ revertTo }) => revertTo !== null)
const snapshots = async () => (await test.db.volumeSnapshot.findMany({ where: { deletedAt: null }, orderBy: { name: 'asc' } })).map(({ name }) => name)

it('all volumes of an instant go back to it together, after what follows was said', async () => {
  expect(await preview({ verb: 'revert' })).toMatchObject({ problem: null, consequences: expect.arrayContaining([{ text: 'All 2 volumes are again as they were at that instant: files, logs.', danger: true }, { text: expect.stringContaining('in a snapshot of its own of each'), danger: false }]) })
  expect(await textOf({ verb: 'revert', keepCurrent: false })).toContain('What was written since then is gone.')
  expect([await reverting(), await snapshots()]).toEqual([[false, false], ['both-files', 'both-logs']])
  expect((await revert()).items.map(({ metadata: { name }, status: { phase } }) => [name, phase])).toEqual([['files', 'Reverting'], ['logs', 'Reverting']])
  expect((await snapshots()).filter((name) => name.includes('before-revert'))).toHaveLength(2)
  expect((await test.audits('Volume')).map(([action, name]) => [action, name]).slice(-2)).toEqual([['volume.revert', 'files'], ['volume.revert', 'logs']])
  // Who asks again asks for what is under way.
  expect((await revert()).items).toHaveLength(2)
})

it('none goes back where one cannot, and the reason is said before', async () => {
  await test.attach(uids[1] ?? '', (await test.pod('web')).uid)
  expect(await preview({ verb: 'revert' })).toMatchObject({ problem: expect.stringContaining('"logs" cannot go back to a snapshot while the pod "web"') })
  await expect(revert()).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('"logs"') })
  expect([await reverting(), await snapshots()]).toEqual([[false, false], ['both-files', 'both-logs']])
})

it('a volume that is gone is left out, and one that another has the name of by now is not meant', async () => {
  await test.db.volumeSnapshot.update({ where: { tenantId_name: { tenantId: test.ann.tenantId, name: 'both-logs' } }, data: { volumeUid: null } })
  expect(await textOf({ verb: 'revert' })).toContain('Nothing goes back to both-logs: its volume is gone.')
  expect((await revert()).items.map(({ metadata }) => metadata.name)).toEqual(['files'])
  expect(await reverting()).toEqual([true, false])
  await test.db.volumeSnapshot.updateMany({ data: { volumeUid: null } })
  await expect(revert()).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('make new volumes of them') })
})

it('a volume that is deleted, and not restored, stays as it is, and that is said before', async () => {
  await test.db.volume.update({ where: { uid: uids[1] ?? '' }, data: { deletedAt: new Date() } })
  await test.snapshot('later', uids[1] ?? '', { takenAt: new Date('2026-03-02T00:00:00Z') })
  const seen = await preview({ verb: 'revert' })
  expect(seen.problem).toBeNull()
  const text = await textOf({ verb: 'revert' })
  for (const said of ['The volume is again as it was at that instant: files.', 'What is deleted is left as it is: logs. Restore it first where it is to go back, too.']) expect(text).toContain(said)
  expect(text).not.toContain('later')
  // One that is restored meanwhile was not looked at.
  await test.db.volume.update({ where: { uid: uids[1] ?? '' }, data: { deletedAt: null } })
  await expect(revert({ resourceVersion: seen.resourceVersion })).rejects.toMatchObject({ code: 'conflict' })
  await test.db.volume.update({ where: { uid: uids[1] ?? '' }, data: { deletedAt: new Date() } })
  expect((await revert()).items.map(({ metadata }) => metadata.name)).toEqual(['files'])
  expect(await reverting()).toEqual([true, false])
  await test.db.volume.updateMany({ data: { deletedAt: new Date() } })
  await expect(revert()).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('restore those that can be restored') })
})

it('what was changed since it was looked at is not lost unseen', async () => {
  const { resourceVersion } = await preview({ verb: 'revert', keepCurrent: false })
  await test.db.volume.update({ where: { uid: uids[0] ?? '' }, data: { labels: { a: 'b' } } })
  await expect(revert({ keepCurrent: false, resourceVersion })).rejects.toMatchObject({ code: 'conflict' })
  await revert({ keepCurrent: false, resourceVersion: (await preview({ verb: 'revert', keepCurrent: false })).resourceVersion })
  expect(await reverting()).toEqual([true, true])
})

it('a new volume is made of each, or none is', async () => {
  const clone = (suffix: string) => cloneGroup(test.server, test.ann, { group, suffix })
  expect(await textOf({ verb: 'clone', suffix: 'copy' })).toContain('2 volumes are made, with what their sources had at that instant: files-copy, logs-copy.')
  await test.volume('logs-used')
  await expect(clone('used')).rejects.toMatchObject({ problems: [{ path: 'suffix', message: 'a volume "logs-used" exists: choose another one' }] })
  expect(await test.db.volume.count({ where: { name: 'files-used' } })).toBe(0)
  expect((await clone('copy')).items.map(({ metadata: { name }, spec: { source, size }, status: { storageClass } }) => [name, source, size, storageClass])).toEqual([
    ['files-copy', { kind: 'Snapshot', name: 'both-files' }, '1024Mi', 'local'], ['logs-copy', { kind: 'Snapshot', name: 'both-logs' }, '1024Mi', 'local'],
  ])
  await test.db.tenant.updateMany({ data: { volumeQuota: 6 } })
  expect(await preview({ verb: 'clone', suffix: 'more' })).toMatchObject({ problem: expect.stringContaining('may have 6') })
})

it('all of an instant are deleted together, or none is', async () => {
  const text = await textOf({ verb: 'delete' })
  for (const said of ['2 snapshots go: both-files, both-logs.', 'cannot go back to that instant any more: files, logs.', '2 MiB of the quota', 'They cannot be restored.']) expect(text).toContain(said)
  await test.db.volume.update({ where: { uid: uids[1] ?? '' }, data: { revertTo: (await test.db.volumeSnapshot.findFirstOrThrow({ where: { name: 'both-logs' } })).uid } })
  expect(await preview({ verb: 'delete' })).toMatchObject({ problem: expect.stringContaining('"both-logs" cannot be deleted while the volume "logs" is going back') })
  await expect(deleteGroup(test.server, test.ann, { group })).rejects.toMatchObject({ code: 'failed_precondition' })
  expect(await snapshots()).toEqual(['both-files', 'both-logs'])
  await test.db.volume.update({ where: { uid: uids[1] ?? '' }, data: { revertTo: null } })
  await deleteGroup(test.server, test.ann, { group })
  expect(await snapshots()).toEqual([])
  await expect(preview({ verb: 'delete' })).rejects.toMatchObject({ code: 'not_found' })
})

it('another tenant’s group is not found', async () => {
  await expect(preview({ verb: 'delete' }, test.bob)).rejects.toMatchObject({ code: 'not_found' })
  await expect(revert({}, test.bob)).rejects.toMatchObject({ code: 'not_found' })
  await expect(cloneGroup(test.server, test.bob, { group, suffix: 'copy' })).rejects.toMatchObject({ code: 'not_found' })
  await expect(deleteGroup(test.server, test.bob, { group })).rejects.toMatchObject({ code: 'not_found' })
})
