import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { inTransaction } from '@/server/store/database'
import { startVolumeServer } from '../volumes/testing/volume-server'
import { changeVolume, updateVolumeInput } from '../volumes/volumes'
import { previewScheduleInput, previewSnapshotSchedule } from './schedule-preview'
import { getScheduleManifest, getSnapshotSchedule, listScheduleManifests, listSchedulesInput, listSnapshotSchedules } from './schedule-view'
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
    expect([next.getTime() > Date.now(), next.getTime() - Date.now() <= 86_400_000, made.status.lastAt, made.status.snapshots]).toEqual([true, true, null, 0])
    // By its tenant and name: the same was told before, and is told of one that is made anew.
    expect((await preview({}, 'nightly')).next[0]).toBe(made.status.nextAt)
    await remove('nightly')
    expect((await preview({}, 'nightly')).next[0]).toBe(made.status.nextAt)
    expect((await create('nightly')).status.nextAt).toBe(made.status.nextAt)
    await expect(create('nightly')).rejects.toMatchObject({ code: 'already_exists' })
    expect((await create('off', { suspended: true })).status.nextAt).toBeNull()
    expect((await create('nightly', {}, {}, test.bob)).status.nextAt).not.toBe(made.status.nextAt)
    expect([await list(), await list(test.bob)]).toEqual([['nightly', 'off'], ['nightly']])
    expect(await test.audits('SnapshotSchedule')).toEqual([['snapshotSchedule.create', 'nightly', 'every 1d, keeps daily 7'], ['snapshotSchedule.delete', 'nightly', ''], ['snapshotSchedule.create', 'nightly', 'every 1d, keeps daily 7'], ['snapshotSchedule.create', 'off', 'every 1d, keeps daily 7, suspended']])
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

  it('run by the clock of a time zone, where they say so', async () => {
    const spec = { every: undefined, schedule: '30 2 * * *', timeZone: 'Asia/Tokyo' }
    const made = await create('clock', spec)
    expect([made.spec, made.status.nextAt]).toEqual([expect.objectContaining({ schedule: '30 2 * * *', timeZone: 'Asia/Tokyo' }), expect.stringMatching(/T17:30:00\.000Z$/)])
    expect(made.spec).not.toHaveProperty('every')
    expect((await preview(spec)).next).toHaveLength(5)
    expect((await preview(spec)).next[0]).toBe(made.status.nextAt)
    const later = await update('clock', { spec: { ...nightly, ...spec, timeZone: undefined } })
    expect(later.status.nextAt).toMatch(/T02:30:00\.000Z$/)
    expect((await test.audits('SnapshotSchedule')).slice(-2).map(([, , detail]) => detail)).toEqual(['at "30 2 * * *" Asia/Tokyo, keeps daily 7', 'at "30 2 * * *" UTC, keeps daily 7'])
    // The same in other words: it runs as before.
    expect((await update('clock', { spec: { ...nightly, ...spec, timeZone: 'UTC' } })).status.nextAt).toBe(later.status.nextAt)
  })

  it('that keep more of one volume together than its store does are refused, whichever way they mean it', async () => {
    const { uid } = await test.volume('data', { labels: { tier: 'db' } })
    await test.volume('shared', { labels: { tier: 'db' } }, 'ceph')
    const pod = await test.pod('web')
    await test.attach(uid, pod.uid)
    const [byName, byLabels, ofPod] = [{ names: ['data', 'shared'] }, { selector: { matchLabels: { tier: 'db' } } }, { pod: { name: 'web' } }]
    const words = 'the schedules "daily" (7) and "hourly" (12) keep up to 19 of the volume "data" together, and its store keeps 15: keep 13 at most in all'
    for (const first of [byName, byLabels, ofPod]) {
      await create('hourly', { volumes: first, every: '1h', keep: { hourly: 12 } })
      for (const volumes of [byName, byLabels, ofPod]) {
        await expect(create('daily', { volumes })).rejects.toMatchObject(at('spec.keep', words))
        expect((await preview({ volumes }, 'daily')).crowded).toEqual([{ volume: 'data', most: 15, schedules: [{ name: 'daily', keeps: 7 }, { name: 'hourly', keeps: 12 }] }])
      }
      await create('daily', { keep: { daily: 1 } })
      await expect(update('daily', { spec: { ...nightly, keep: { daily: 2 } } })).rejects.toMatchObject(at('spec.keep', 'keep up to 14 of the volume "data" together'))
      await expect(update('hourly', { spec: { ...nightly, volumes: first, keep: { last: 13 } } })).rejects.toMatchObject(at('spec.keep', 'the schedules "hourly" (13) and "daily" (1)'))
      for (const name of ['hourly', 'daily']) await remove(name)
    }
    // Only what a schedule takes counts: not one that is suspended, of other volumes or of another tenant.
    await create('hourly', { keep: { hourly: 12 }, suspended: true })
    await create('other', { keep: { hourly: 12 }, volumes: { names: ['other'] } })
    await create('hourly', { keep: { hourly: 12 } }, {}, test.bob)
    await create('daily')
    await expect(update('hourly', { spec: { ...nightly, keep: { hourly: 12 } } })).rejects.toMatchObject(at('spec.keep', 'keep up to 19'))
    expect((await preview({ keep: { hourly: 12 } })).crowded).toMatchObject([{ schedules: [{ name: 'this one' }, { name: 'daily' }] }])
  })

  it('that keep too much together already may be made to keep less', async () => {
    for (const name of ['a', 'b']) await create(name, { keep: { last: 12 } })
    await test.volume('data')
    await expect(update('a', { spec: { ...nightly, keep: { last: 13 } } })).rejects.toMatchObject(at('spec.keep', 'keep up to 25'))
    expect((await update('a', { spec: { ...nightly, keep: { last: 10 } } })).spec.keep.last).toBe(10)
    expect((await update('a', { spec: { ...nightly, keep: { last: 10 }, every: '2d' } })).spec.every).toBe('2d')
    expect((await preview({ keep: { last: 10 } }, 'a')).crowded).toHaveLength(1)
  })

  it('that a version of before made at midnight run then, and from then on at times of their own', async () => {
    const made = await create('nightly')
    const midnight = new Date(Math.ceil((Date.now() + 1) / 86_400_000) * 86_400_000)
    await test.db.snapshotSchedule.updateMany({ data: { nextAt: midnight } })
    expect((await preview({}, 'nightly')).next.slice(0, 2)).toEqual([midnight.toISOString(), expect.not.stringContaining('T00:00:00.000Z')])
    expect((await preview({ every: '12h' }, 'nightly')).next[0]).not.toBe(midnight.toISOString())
    expect((await update('nightly', { labels: { a: 'b' }, resourceVersion: (await get('nightly')).metadata.resourceVersion })).status.nextAt).toBe(midnight.toISOString())
    expect(made.status.nextAt).not.toBe(midnight.toISOString())
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

  it('that cannot be read stand beside the others with why, are written anew, renamed in and deleted', async () => {
    await test.volume('data')
    await create('nightly')
    const unknown = { suspended: { until: '2027-01-01' }, more: 'of a newer version' }
    const { uid } = await test.db.snapshotSchedule.create({ data: { tenantId: test.ann.tenantId, name: 'newer', spec: { ...nightly, ...unknown }, nextAt: new Date('2026-01-01T00:00:00Z'), lastMessage: 'said' } })
    const listed = await listSnapshotSchedules(test.server, test.ann, listSchedulesInput.parse({}))
    expect([listed.total, listed.items.map(({ metadata }) => metadata.name), listed.unreadable]).toMatchObject([2, ['nightly'], [{ metadata: { name: 'newer' }, problem: expect.stringContaining('spec.suspended: must be true or false'), status: { lastMessage: 'said' } }]])
    await expect(get('newer')).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('spec.suspended: must be true or false') })
    await expect(update('newer', { labels: { a: 'b' } })).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('or delete it') })
    // Its manifest is what stands in it.
    expect([await getScheduleManifest(test.server, test.ann, { name: 'newer' }), (await listScheduleManifests(test.server, test.ann, listSchedulesInput.parse({}))).items]).toMatchObject([{ spec: unknown }, [{ spec: unknown }, { spec: { suspended: false } }]])
    expect((await preview({}, 'newer')).next).toHaveLength(5)
    await changeVolume(test.server, test.ann, updateVolumeInput.parse({ name: 'data', newName: 'files' }))
    expect(await test.db.snapshotSchedule.findUniqueOrThrow({ where: { uid } })).toMatchObject({ spec: { volumes: { names: ['files'] }, ...unknown } })
    const anew = await update('newer', { spec: nightly })
    expect([anew.spec.suspended, anew.status.lastMessage, Date.parse(anew.status.nextAt ?? '') > Date.now(), anew.metadata.uid]).toEqual([false, '', true, uid])
    await test.db.snapshotSchedule.update({ where: { uid }, data: { spec: unknown } })
    expect(await inTransaction(test.db, (tx) => applySnapshotSchedule(tx, test.ann, { kind: 'SnapshotSchedule', metadata: { name: 'newer', labels: {}, annotations: {} }, spec: snapshotScheduleSpec.parse(nightly) }))).toBe('configured')
    await test.db.snapshotSchedule.update({ where: { uid }, data: { spec: unknown } })
    await remove('newer')
    expect(await list()).toEqual(['nightly'])
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
    const byClock = { every: undefined, schedule: '0 4 * * 1-5', timeZone: 'Europe/Berlin' }
    expect([await apply({}), await apply({}), await apply({ every: '2d' }), await apply(byClock), await apply(byClock)]).toEqual(['created', 'unchanged', 'configured', 'configured', 'unchanged'])
  })

  it('are looked at before they are made or changed', async () => {
    const { uid: volumeUid } = await test.volume('data')
    await test.volume('fresh', { storedPhase: 'Absent', labels: { a: 'b' } })
    const seen = await preview({ volumes: { names: ['fresh', 'data', 'nothing'] } }, 'new')
    expect(seen).toMatchObject({ volumes: [{ name: 'data', problem: null }, { name: 'fresh', problem: 'nothing of the volume "fresh" is stored yet: wait until it is Available' }], missing: ['nothing'], mostKept: 7, dropped: [], crowded: [] })
    // At which times an interval runs is told once it has a name.
    expect((await preview()).next).toEqual([])
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
