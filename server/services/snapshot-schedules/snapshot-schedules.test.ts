import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inTransaction } from '@/server/store/database'
import { startVolumeServer } from '../volumes/testing/volume-server'
import { previewScheduleInput, previewSnapshotSchedule } from './schedule-preview'
import { getSnapshotSchedule, listSchedulesInput, listSnapshotSchedules } from './schedule-view'
import { applySnapshotSchedule, changeSnapshotSchedule, createScheduleInput, createSnapshotSchedule, removeSnapshotScheduleOf, updateScheduleInput } from './snapshot-schedules'

let test: Awaited<ReturnType<typeof startVolumeServer>>
beforeAll(async () => {
  test = await startVolumeServer()
})
afterAll(() => test.stop())
beforeEach(() => test.clear())

const nightly = { volumes: { names: ['data'] }, every: '1d', keep: { daily: 7 } }
const create = (name: string, spec: object = {}, more: object = {}, scope = test.ann) => createSnapshotSchedule(test.server, scope, createScheduleInput.parse({ name, spec: { ...nightly, ...spec }, ...more }))
const update = (name: string, change: object) => changeSnapshotSchedule(test.server, test.ann, updateScheduleInput.parse({ name, ...change }))
const get = (name: string, scope = test.ann) => getSnapshotSchedule(test.server, scope, { name })
const list = async (scope = test.ann) => (await listSnapshotSchedules(test.server, scope, listSchedulesInput.parse({}))).items.map(({ metadata }) => metadata.name)
const remove = (name: string, more: object = {}, scope = test.ann) => removeSnapshotScheduleOf(test.server, scope, { name, ...more })
const preview = (spec: object = {}, name?: string) => previewSnapshotSchedule(test.server, test.ann, previewScheduleInput.parse({ name, spec: { ...nightly, ...spec } }))
const at = (path: string, message: string) => ({ code: 'failed_precondition', problems: [expect.objectContaining({ path, message: expect.stringContaining(message) })] })

describe('snapshot schedules', () => {
  it('are made once, and say when they run next', async () => {
    const made = await create('nightly', {}, { requestId: 'r-1' })
    expect(await create('nightly', {}, { requestId: 'r-1' })).toEqual(made)
    const next = new Date(made.status.nextAt ?? '')
    expect([next.getTime() % 86_400_000, next.getTime() > Date.now(), made.status.lastAt, made.status.snapshots]).toEqual([0, true, null, 0])
    await expect(create('nightly')).rejects.toMatchObject({ code: 'already_exists' })
    expect((await create('off', { suspended: true })).status.nextAt).toBeNull()
    await create('nightly', {}, {}, test.bob)
    expect([await list(), await list(test.bob)]).toEqual([['nightly', 'off'], ['nightly']])
    expect(await test.audits('SnapshotSchedule')).toEqual([['snapshotSchedule.create', 'nightly', 'every 1d, keeps daily 7'], ['snapshotSchedule.create', 'off', 'every 1d, keeps daily 7, suspended']])
  })

  it('keep no more than the store of a volume does', async () => {
    await test.volume('data', { labels: { tier: 'db' } })
    await test.volume('shared', { labels: { tier: 'web' } }, 'ceph')
    for (const volumes of [{ names: ['shared', 'data'] }, { selector: { matchLabels: { tier: 'db' } } }, { selector: { matchExpressions: [{ key: 'tier', operator: 'In', values: ['db', 'web'] }] } }])
      await expect(create('s', { volumes, keep: { hourly: 14, daily: 2 } })).rejects.toMatchObject(at('spec.keep', 'keeps up to 15 of a volume, and the store of the volume "data" keeps 15 of one: keep 14 at most'))
    await create('much', { volumes: { selector: { matchLabels: { tier: 'web' } } }, keep: { hourly: 24, daily: 7, weekly: 4 } })
    await create('fits', { keep: { hourly: 12, daily: 3 } })
    await expect(update('fits', { spec: { ...nightly, keep: { last: 15 } } })).rejects.toMatchObject(at('spec.keep', 'keeps up to 15'))
    const pod = await test.pod('web')
    await test.attach((await test.db.volume.findFirstOrThrow({ where: { name: 'data' } })).uid, pod.uid)
    await expect(create('of-pod', { volumes: { pod: { name: 'web' } }, keep: { last: 20 } })).rejects.toMatchObject(at('spec.keep', 'of the volume "data"'))
  })

  it('change, and run at other times where their interval changed', async () => {
    const made = await create('nightly')
    const same = await update('nightly', { spec: { ...nightly, keep: { daily: 3 } }, resourceVersion: made.metadata.resourceVersion })
    expect([same.metadata.generation, same.status.nextAt]).toEqual([2, made.status.nextAt])
    await expect(update('nightly', { labels: {}, resourceVersion: made.metadata.resourceVersion })).rejects.toMatchObject({ code: 'conflict' })
    const sooner = await update('nightly', { spec: { ...nightly, every: '5m' } })
    expect(Date.parse(sooner.status.nextAt ?? '') - Date.now()).toBeLessThanOrEqual(300_000)
    expect((await update('nightly', { spec: { ...nightly, suspended: true } })).status.nextAt).toBeNull()
    const before = await test.db.auditEntry.count()
    await update('nightly', { labels: {} })
    expect(await test.db.auditEntry.count()).toBe(before)
    await expect(update('nothing', {})).rejects.toMatchObject({ code: 'not_found' })
  })

  it('that end leave what they took', async () => {
    await create('nightly')
    const { uid } = await test.db.snapshotSchedule.findFirstOrThrow()
    const { uid: volumeUid } = await test.volume('data')
    await test.snapshot('s', volumeUid, { scheduleUid: uid })
    expect((await get('nightly')).status.snapshots).toBe(1)
    await expect(remove('nightly', { resourceVersion: '1' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(remove('nightly', {}, test.bob)).rejects.toMatchObject({ code: 'not_found' })
    await remove('nightly')
    await expect(get('nightly')).rejects.toMatchObject({ code: 'not_found' })
    expect(await test.db.volumeSnapshot.findFirst()).toMatchObject({ name: 's', scheduleUid: null, deletedAt: null })
    expect((await test.audits('SnapshotSchedule')).at(-1)).toEqual(['snapshotSchedule.delete', 'nightly', '1 snapshots stay'])
  })

  it('of manifests are made, changed, and left as they are', async () => {
    const apply = (spec: object) => inTransaction(test.db, (tx) => applySnapshotSchedule(tx, test.ann, { kind: 'SnapshotSchedule', metadata: { name: 's', labels: {}, annotations: {} }, spec: createScheduleInput.shape.spec.parse({ ...nightly, ...spec }) }))
    expect([await apply({}), await apply({}), await apply({ every: '2d' })]).toEqual(['created', 'unchanged', 'configured'])
  })

  it('are looked at before they are made or changed', async () => {
    const { uid: volumeUid } = await test.volume('data')
    await test.volume('fresh', { storedPhase: 'Absent', labels: { a: 'b' } })
    const seen = await preview({ volumes: { names: ['fresh', 'data', 'nothing'] } })
    expect(seen).toMatchObject({ volumes: [{ name: 'data', problem: null }, { name: 'fresh', problem: 'nothing of the volume "fresh" is stored yet: wait until it is Available' }], missing: ['nothing'], mostKept: 7, dropped: [] })
    expect(seen.next.map((one) => new Date(one).getTime() - new Date(seen.next[0] ?? '').getTime())).toEqual([0, 1, 2, 3, 4].map((days) => days * 86_400_000))
    expect((await preview({ volumes: { pod: { name: 'web' } }, suspended: true }))).toMatchObject({ next: [], volumes: [], missing: ['web'] })
    expect((await preview({ volumes: { selector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } } })).volumes.map(({ name }) => name)).toEqual(['fresh'])
    await create('nightly')
    const { uid: scheduleUid } = await test.db.snapshotSchedule.findFirstOrThrow()
    for (const day of ['01', '02', '03']) await test.snapshot(`s${day}`, volumeUid, { scheduleUid, takenAt: new Date(`2026-03-${day}T00:00:00Z`) })
    await test.snapshot('own', volumeUid)
    expect((await preview({ keep: { daily: 1 } }, 'nightly')).dropped.toSorted()).toEqual(['s01', 's02'])
    expect(await test.db.volumeSnapshot.count()).toBe(4)
  })
})
