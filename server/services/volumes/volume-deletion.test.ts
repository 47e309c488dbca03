import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startVolumeServer } from './testing/volume-server'
import { removeVolume, restoreVolume } from './volume-deletion'
import { getVolume } from './volume-view'
import { changeVolume, createVolume, createVolumeInput, updateVolumeInput } from './volumes'

let test: Awaited<ReturnType<typeof startVolumeServer>>
beforeAll(async () => void (test = await startVolumeServer()))
afterAll(() => test.stop())
beforeEach(() => test.clear())

const create = (name: string) => createVolume(test.server, test.ann, createVolumeInput.parse({ name, spec: { size: '1Gi' } }))
const update = (name: string, size: string) => changeVolume(test.server, test.ann, updateVolumeInput.parse({ name, size }))
const get = (name: string) => getVolume(test.server, test.ann, { name })
const remove = (name: string) => removeVolume(test.server, test.ann, { name })
const restore = (name: string, more: object = {}) => restoreVolume(test.server, test.ann, { name, ...more })
const set = (name: string, data: object) => test.db.volume.updateMany({ where: { name }, data })
const attach = async (name: string, podUid: string, data: object) => test.attach((await test.db.volume.findFirstOrThrow({ where: { name } })).uid, podUid, data)

describe('volumes', () => {
  it('that no pod has are deleted, and restored with all they were', async () => {
    const made = await create('data')
    // The clock of this process may be anywhere: the database's judges when the time is over.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 48 * 3_600_000 })
    const gone = await remove('data').finally(() => vi.useRealTimers())
    expect(Math.abs(Date.parse(gone.metadata.deletionTimestamp ?? '') - Date.now())).toBeLessThan(3_600_000)
    expect(await remove('data')).toEqual(gone)
    expect(gone).toMatchObject({ status: { phase: 'Deleted' }, metadata: { deletionTimestamp: expect.any(String) } })
    const grace = Date.parse(gone.status.restorableUntil ?? '') - Date.parse(gone.metadata.deletionTimestamp ?? '')
    expect(grace).toBe(24 * 3_600_000)
    await expect(update('data', '2Gi')).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('is deleted: restore it first') })
    const { metadata } = await restore('data')
    expect(metadata).toMatchObject({ uid: made.metadata.uid, deletionTimestamp: null })
    await expect(restore('data')).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('is not deleted') })
    expect((await test.db.auditEntry.findMany({ where: { kind: 'Volume', name: 'data', action: { in: ['volume.delete', 'volume.restore'] } }, orderBy: { id: 'desc' }, take: 2 })).map(({ action }) => action)).toEqual(['volume.restore', 'volume.delete'])
  })

  it('that were deleted leave their name free, and come back under another where it is taken', async () => {
    const first = await create('data')
    await remove('data')
    await create('data')
    expect((await get('data')).metadata.deletionTimestamp).toBeNull()
    await expect(restore('data')).rejects.toMatchObject({ message: expect.stringContaining('to restore an earlier one of this name, name its uid') })
    const uid = first.metadata.uid
    await expect(restore('data', { uid })).rejects.toMatchObject({ code: 'already_exists' })
    expect((await restore('data', { uid, newName: 'old' })).metadata).toMatchObject({ name: 'old', uid })
    await remove('old')
    await set('old', { purging: true })
    expect((await get('old')).status).toMatchObject({ phase: 'Deleted', restorableUntil: null })
    await expect(restore('old')).rejects.toMatchObject({ code: 'gone', message: expect.stringContaining('is being removed for good') })
  })

  it('that are used are not deleted, and who uses them is said', async () => {
    await create('data')
    const pod = await test.pod('web')
    await attach('data', pod.uid, { phase: 'Waiting', hostId: null, epoch: null })
    await expect(remove('data')).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('is used by the pod "web" in namespace "default": delete what uses it first') })
    await test.db.volumeAttachment.deleteMany()
    await attach('data', randomUUID(), { phase: 'Lost' })
    await expect(remove('data')).rejects.toMatchObject({ message: expect.stringContaining('a pod that is gone, of which the host "h1" has not let go yet') })
    await test.db.volumeAttachment.deleteMany()
    await test.db.pod.delete({ where: { uid: pod.uid } })
    const { uid: claimUid } = await test.db.volumeClaim.create({ data: { tenantId: test.ann.tenantId, namespace: 'shop', name: 'c', spec: {} } })
    await set('data', { claimUid })
    await expect(remove('data')).rejects.toMatchObject({ message: expect.stringContaining('is the one of the PersistentVolumeClaim "c" in namespace "shop": delete the claim') })
    expect((await get('data')).status.claim).toEqual({ namespace: 'shop', name: 'c' })
  })
})
