import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { inTransaction } from '@/server/store/database'
import { readHostVolumes } from '@/server/store/volume-state'
import { startVolumeServer } from './testing/volume-server'
import { cancelRevert, previewRevert, revertVolume, revertVolumeInput } from './volume-revert'
import { volumeViewOf } from './volume-view'

let test: Awaited<ReturnType<typeof startVolumeServer>>
let uid = ''
let to = ''
beforeAll(async () => {
  test = await startVolumeServer()
})
afterAll(() => test.stop())
beforeEach(async () => {
  await test.clear()
  uid = (await test.volume('data', { hostId: test.hostId, epoch: 1n })).uid
  to = (await test.snapshot('monday', uid)).uid
})

const revert = (more: object = {}, scope = test.ann) => revertVolume(test.server, scope, revertVolumeInput.parse({ name: 'data', snapshot: 'monday', ...more }))
const preview = (snapshot = 'monday') => previewRevert(test.server, test.ann, { name: 'data', snapshot })
const set = (data: object) => test.db.volume.update({ where: { uid }, data })
const row = () => test.db.volume.findUniqueOrThrow({ where: { uid } })
const told = async () => (await inTransaction(test.db, (tx) => readHostVolumes(tx, test.hostId, null))).volumes[0]?.revertTo
const kept = () => test.db.volumeSnapshot.findFirstOrThrow({ where: { name: { contains: 'before-revert' } } })

it('a volume goes back once what it has now is kept', async () => {
  expect((await revert()).status.phase).toBe('Reverting')
  const { uid: before, name, phase } = await kept()
  expect([name.startsWith('data-before-revert-'), phase, await row(), await told()]).toMatchObject([true, 'Asked', { revertTo: to, revertAfter: before }, null])
  expect((await revert()).status).toMatchObject({ phase: 'Reverting', reverting: { snapshot: 'monday', keptFirst: name } })
  // Also while nothing is heard of its host, which its phase says then.
  await test.db.host.updateMany({ data: { phase: 'Unknown' } })
  expect((await volumeViewOf(test.db, test.ann, 'data')).status).toMatchObject({ phase: 'Lost', reverting: { snapshot: 'monday', keptFirst: name } })
  await test.db.host.updateMany({ data: { phase: 'Ready' } })
  await test.db.volumeSnapshot.update({ where: { uid: before }, data: { phase: 'Ready', takenAt: new Date() } })
  expect((await volumeViewOf(test.db, test.ann, 'data')).status.reverting).toEqual({ snapshot: 'monday', keptFirst: null })
  expect([await row(), await told()]).toMatchObject([{ revertTo: to, revertAfter: null }, to])
  expect((await test.audits('Volume')).at(-1)).toEqual(['volume.revert', 'data', `to monday, keeps what it had in ${name}`])
  expect(await test.events()).toEqual([`Normal RevertRequested: Ann lets it go back to its snapshot "monday"; what it has now is kept first, in "${name}".`])
})

it('a volume stays as it is where what it has now could not be kept', async () => {
  for (const end of [(at: string) => test.db.volumeSnapshot.update({ where: { uid: at }, data: { phase: 'Failed' } }), (at: string) => test.db.volumeSnapshot.delete({ where: { uid: at } })]) {
    await revert()
    const before = await kept()
    await end(before.uid)
    expect(await row()).toMatchObject({ revertTo: null, revertAfter: null })
    expect(await test.db.event.findFirst({ where: { objectUid: uid, type: 'Warning' } })).toMatchObject({ type: 'Warning', reason: 'RevertGivenUp', message: expect.stringContaining(`the snapshot "${before.name}" of what it has now could not be taken`) })
    await test.db.volumeSnapshot.deleteMany({ where: { uid: before.uid } })
    await test.db.event.deleteMany()
  }
})

it('going back is called off while what it has now is being kept, and not once its host is told', async () => {
  const cancel = () => cancelRevert(test.server, test.ann, { name: 'data' })
  await expect(cancel()).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('is not going back') })
  await revert()
  expect((await cancel()).status).toMatchObject({ phase: 'Available', reverting: null })
  await test.db.volumeSnapshot.update({ where: { uid: (await kept()).uid }, data: { phase: 'Ready', takenAt: new Date() } })
  expect([await row(), await told()]).toMatchObject([{ revertTo: null, revertAfter: null }, null])
  expect((await test.audits('Volume')).at(-1)).toEqual(['volume.cancelRevert', 'data', ''])
  expect((await test.events()).at(-1)).toBe('Normal RevertCancelled: Ann lets it stay as it is, and go back to no snapshot.')
  await revert({ keepCurrent: false })
  await expect(cancel()).rejects.toMatchObject({ message: expect.stringContaining('cannot be called off') })
  expect(await told()).toBe(to)
})

it('a volume goes back at once where nothing is to be kept', async () => {
  await revert({ keepCurrent: false })
  expect([await row(), await told(), await test.db.volumeSnapshot.count()]).toMatchObject([{ revertTo: to, revertAfter: null }, to, 1])
})

it('a volume that somebody has, or that is not at rest, does not go back', async () => {
  const refused = (message: string) => expect(revert(), message).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining(message) })
  const pod = await test.pod('web')
  await test.attach(uid, pod.uid)
  await refused('while the pod "web" in namespace "default" has it or waits for it: delete that pod or detach the volume, or make a new volume of the snapshot')
  expect(await preview()).toMatchObject({ problem: expect.stringContaining('has it or waits for it') })
  await test.db.volumeAttachment.deleteMany()
  await test.attach(uid, randomUUID(), { phase: 'Lost' })
  await refused('while a pod that is gone and whose host has not let go yet has it')
  await test.db.volumeAttachment.deleteMany()
  for (const [data, message] of [[{ deletedAt: new Date() }, 'is deleted: restore it first'], [{ storedPhase: 'Creating' }, 'is not made yet'], [{ storedSizeBytes: 1n }, 'is growing'], [{ revertTo: randomUUID() }, 'is going back to a snapshot already']] as const) {
    await set({ deletedAt: null, storedPhase: 'Ready', storedSizeBytes: 1n << 30n, revertTo: null, ...data })
    await refused(message)
  }
  await set({ revertTo: null })
  await test.snapshot('running', uid, { phase: 'Taking' })
  await refused('A snapshot of the volume "data" is being taken')
  await test.db.volumeSnapshot.deleteMany({ where: { name: 'running' } })
  await test.db.host.updateMany({ data: { phase: 'Unknown' } })
  await refused('has not been heard of')
  expect(await test.db.volumeSnapshot.count()).toBe(1)
})

it('a volume goes back to a snapshot of its own alone, that is there', async () => {
  const refused = (message: string, more: object = {}) => expect(revert(more), message).rejects.toMatchObject({ problems: [expect.objectContaining({ path: 'snapshot', message: expect.stringContaining(message) })] })
  await refused('there is no snapshot "nothing"', { snapshot: 'nothing' })
  const other = await test.volume('other')
  await test.snapshot('theirs', other.uid)
  await refused('is one of another volume: make a new volume of it instead', { snapshot: 'theirs' })
  await test.snapshot('failed', uid, { phase: 'Failed' })
  await refused('could not be taken', { snapshot: 'failed' })
  await test.snapshot('going', uid, { deletedAt: new Date() })
  await refused('is being deleted', { snapshot: 'going' })
  await expect(revert({}, test.bob)).rejects.toMatchObject({ code: 'not_found' })
  await expect(revert({ resourceVersion: '1' })).rejects.toMatchObject({ code: 'conflict' })
})

it('a volume that has as many snapshots as it may goes back without another one', async () => {
  for (let i = 0; i < 14; i += 1) await test.snapshot(`s${i}`, uid)
  await expect(revert()).rejects.toMatchObject({ problems: [{ path: 'keepCurrent', message: expect.stringContaining('has 15 snapshots, which is the most that its store keeps of one volume: delete some that nobody needs. Or revert without one') }] })
  await revert({ keepCurrent: false })
})

it('what going back would mean is said before', async () => {
  await test.snapshot('tuesday', uid, { takenAt: new Date('2026-03-02T00:00:00Z') })
  expect(await preview()).toEqual({ problem: null, lostSince: '2026-03-01T00:00:00.000Z', stays: ['tuesday'], sizeBytes: 2 ** 30, storedBytes: null })
  expect(await preview('nothing')).toMatchObject({ problem: 'there is no snapshot "nothing": name another one', lostSince: null, stays: [] })
  await expect(previewRevert(test.server, test.bob, { name: 'data', snapshot: 'monday' })).rejects.toMatchObject({ code: 'not_found' })
})
