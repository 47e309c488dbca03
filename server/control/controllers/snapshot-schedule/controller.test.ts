import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startVolumeServer } from '@/server/services/volumes/testing/volume-server'
import { volumesOfSchedule } from '@/server/store/snapshot-schedules'
import { createScheduleController, runSchedule } from './controller'

let test: Awaited<ReturnType<typeof startVolumeServer>>
beforeAll(async () => {
  test = await startVolumeServer()
})
afterAll(() => test.stop())
beforeEach(() => test.clear())

const quotas = { volumes: 100, bytes: 2 ** 40, snapshots: 100 }
describe('snapshot schedules', () => {
  const due = { nextAt: new Date('2026-01-01T00:00:00Z') }
  const schedule = (spec: object, data: object = {}) => test.db.snapshotSchedule.create({ data: { tenantId: test.ann.tenantId, name: 'nightly', spec: { volumes: { names: ['data'] }, every: '1d', keep: { last: 2 }, consistency: 'CrashConsistent', suspended: false, ...spec }, ...due, ...data } })
  const run = async () => {
    for (const uid of await createScheduleController({ quotas }).allKeys({ db: test.db, log: test.server.log, feed: test.server.feed })) await runSchedule(test.db, uid, { quotas })
  }
  const row = () => test.db.snapshotSchedule.findFirstOrThrow()
  const taken = async () => (await test.db.volumeSnapshot.findMany({ where: { scheduleUid: { not: null } }, orderBy: { name: 'asc' } })).map(({ name, phase, groupUid, deletedAt }) => ({ name, phase, grouped: groupUid !== null, deleted: deletedAt !== null }))

  it('take what is due once, and not again before the next time', async () => {
    await test.volume('data')
    await schedule({})
    await run()
    await run()
    const { lastAt, nextAt, lastMessage } = await row()
    const wait = (nextAt?.getTime() ?? 0) - (lastAt?.getTime() ?? 0)
    expect([lastMessage, wait > 0, wait <= 86_400_000]).toEqual(['', true, true])
    expect(await taken()).toEqual([{ name: expect.stringMatching(/^nightly-\d{8}t\d{6}z-data$/), phase: 'Asked', grouped: false, deleted: false }])
    expect((await test.audits('SnapshotSchedule')).at(-1)).toEqual(['snapshotSchedule.run', 'nightly', 'takes 1'])
  })

  it('that were missed, as nobody ran them, run once, and next at a time that comes', async () => {
    await test.volume('data')
    for (const spec of [{ every: '5m' }, { every: undefined, schedule: '*/5 * * * *', timeZone: 'Europe/Berlin' }]) {
      await schedule(spec, { nextAt: new Date('2026-01-01T00:00:00Z'), lastAt: new Date('2025-12-31T23:55:00Z') })
      for (let time = 0; time < 3; time += 1) await run()
      const { lastAt, nextAt } = await row()
      const wait = (nextAt?.getTime() ?? 0) - (lastAt?.getTime() ?? 0)
      expect([(await taken()).length, wait > 0, wait <= 300_000]).toEqual([1, true, true])
      await test.db.volumeSnapshot.deleteMany()
      await test.db.snapshotSchedule.deleteMany()
    }
  })

  it('say that they keep more of a volume together than its store does, while it has room still and once it has none', async () => {
    const { uid } = await test.volume('data')
    await test.volume('alone', { labels: { backup: 'yes' } })
    await schedule({ keep: { last: 7 } })
    await schedule({ volumes: { selector: { matchLabels: { backup: 'yes' } } }, keep: { last: 12 } }, { name: 'hourly' })
    const said = async () => (await test.db.snapshotSchedule.findMany({ orderBy: { name: 'asc' } })).map(({ lastMessage }) => lastMessage)
    await run()
    expect(await said()).toEqual(['', ''])
    await test.db.volume.update({ where: { uid }, data: { labels: { backup: 'yes' } } })
    await test.db.volumeSnapshot.deleteMany()
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    const words = 'The schedules "hourly" (12) and "nightly" (7) keep up to 19 of the volume "data" together, and its store keeps 15: keep 13 at most in all, for each takes one before another one goes, or let one of them take it.'
    // The second one waits for the first one's, which is asked for just now; both are told.
    expect(await said()).toEqual([words, words])
    expect(await test.db.event.findMany({ where: { reason: 'TooManyKept' }, select: { objectName: true, type: true, message: true }, orderBy: { objectName: 'asc' } })).toEqual(['hourly', 'nightly'].map((objectName) => ({ objectName, type: 'Warning', message: words })))
    expect(await test.db.event.count({ where: { reason: 'SnapshotsNotTaken' } })).toBe(0)
    await test.db.volumeSnapshot.updateMany({ data: { phase: 'Ready' } })
    for (let n = await test.db.volumeSnapshot.count({ where: { volumeUid: uid } }); n < 15; n += 1) await test.snapshot(`own-${n}`, uid)
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    expect((await said())[1]).toBe(`The volume "data" has 15 snapshots, which is the most that its store keeps of one volume: delete some that nobody needs. ${words}`)
  })

  it('are not in the way of others where they cannot be read, which is told once', async () => {
    await test.volume('data')
    const unreadable = [{ every: undefined, schedule: '0 3 * * *', timeZone: 'Nowhere/None' }, { suspended: { until: '2027-01-01' } }, { volumes: { of: 'a newer version' } }]
    for (const [n, spec] of unreadable.entries()) await schedule(spec, { name: `newer-${n}` })
    const { uid } = await schedule({})
    await test.snapshot('earlier', (await test.db.volume.findFirstOrThrow()).uid, { scheduleUid: (await test.db.snapshotSchedule.findFirstOrThrow({ where: { name: 'newer-1' } })).uid })
    for (let time = 0; time < 2; time += 1) await run()
    const rows = await test.db.snapshotSchedule.findMany({ orderBy: { name: 'asc' } })
    expect(rows.map(({ lastMessage }) => lastMessage.slice(0, 60))).toEqual([...unreadable.map((_, n) => `The schedule "newer-${n}" cannot be read by this version of Hyp`), ''])
    // They stay due, for the version that can read them.
    expect(rows.map(({ nextAt }) => nextAt?.getTime() === due.nextAt.getTime())).toEqual([true, true, true, false])
    expect(await test.db.volumeSnapshot.count({ where: { scheduleUid: uid } })).toBe(1)
    const events = await test.db.event.findMany({ where: { reason: 'Unreadable' }, orderBy: { objectName: 'asc' } })
    expect(events.map(({ objectName, message }) => [objectName, message.includes('spec.')])).toEqual([['newer-0', true], ['newer-1', true], ['newer-2', true]])
    const controller = createScheduleController({ quotas })
    await controller.reconcile({ db: test.db, log: test.server.log, feed: test.server.feed }, `snapshot:${(await test.db.volumeSnapshot.findFirstOrThrow({ where: { name: 'earlier' } })).uid}`)
    expect(await test.db.volumeSnapshot.count({ where: { deletedAt: { not: null } } })).toBe(0)
  })

  it('say what they could not take, and take the rest', async () => {
    await test.volume('data')
    const { uid } = await test.volume('log', { storedPhase: 'Creating' })
    await schedule({ volumes: { names: ['data', 'log', 'nothing'] } })
    await run()
    expect([(await taken()).length, (await row()).lastMessage]).toEqual([1, 'There is no volume "nothing". Nothing of the volume "log" is stored yet: wait until it is Available.'])
    expect(await test.db.event.findFirst()).toMatchObject({ objectKind: 'SnapshotSchedule', objectName: 'nightly', type: 'Warning', reason: 'SnapshotsNotTaken' })
    await test.db.volume.update({ where: { uid }, data: { storedPhase: 'Ready' } })
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    expect([(await taken()).length, (await row()).lastMessage]).toEqual([2, 'There is no volume "nothing". The last snapshot of the volume "data" is not taken yet.'])
    await test.db.tenant.updateMany({ data: { snapshotQuota: 2 } })
    await test.db.volumeSnapshot.updateMany({ data: { phase: 'Ready' } })
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    expect([(await taken()).length, (await row()).lastMessage]).toEqual([2, expect.stringContaining('may have 2, so 2 more do not fit')])
  })

  it('take all that a pod has at one instant, or nothing', async () => {
    await schedule({ volumes: { pod: { namespace: 'default', name: 'web' } }, consistency: 'FilesystemConsistent' })
    await run()
    expect((await row()).lastMessage).toBe('There is no pod "web" in namespace "default".')
    const pod = await test.pod('web')
    for (const name of ['data', 'log']) await test.attach((await test.volume(name, name === 'log' ? { report: { attachments: [{ paused: true }] } } : {})).uid, pod.uid)
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    expect([await taken(), (await row()).lastMessage]).toEqual([[], expect.stringContaining('has the volume "log" stands still')])
    await test.db.volume.updateMany({ data: { report: {} } })
    // All of one instant, or nothing: what comes to it just now is of it, too.
    const { uid } = await test.attach((await test.volume('more')).uid, pod.uid, { phase: 'Attaching' })
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    expect([await taken(), (await row()).lastMessage]).toEqual([[], 'The volume "more" is being attached: wait until the pod has it.'])
    await test.db.volumeAttachment.update({ where: { uid }, data: { reason: 'VolumeStalled' } })
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    expect(await taken()).toEqual([])
    // What its host does not attach until somebody does something ends no backups of the others.
    await test.db.volumeAttachment.update({ where: { uid }, data: { reason: 'FilesystemDamaged' } })
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    expect([await taken(), (await row()).lastMessage]).toEqual([[expect.objectContaining({ grouped: true }), expect.objectContaining({ grouped: true })], 'The volume "more" is left out, as it could not be attached (FilesystemDamaged): detach it, or do what its attachment says.'])
    expect((await test.db.event.findMany({ where: { reason: 'SnapshotsNotTaken' } })).filter(({ message }) => message.includes('is left out'))).toHaveLength(1)
    await test.db.volumeSnapshot.deleteMany()
    await test.db.volumeAttachment.update({ where: { uid }, data: { phase: 'Lost' } })
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    expect([await taken(), (await row()).lastMessage]).toEqual([[], expect.stringContaining('take them once that host is back')])
    await test.db.volumeAttachment.delete({ where: { uid } })
    await test.db.snapshotSchedule.updateMany({ data: due })
    await run()
    expect(await taken()).toMatchObject([{ grouped: true }, { grouped: true }])
  })

  it('delete what no rule keeps, of their own alone, and nothing that a volume needs', async () => {
    const { uid } = await test.volume('data')
    const { uid: scheduleUid } = await schedule({})
    for (const day of [1, 2, 3, 4, 5]) await test.snapshot(`s${day}`, uid, { scheduleUid, takenAt: new Date(`2026-03-0${day}T00:00:00Z`) })
    await test.snapshot('own', uid, { takenAt: new Date('2026-02-01T00:00:00Z') })
    const needed = await test.db.volumeSnapshot.findFirstOrThrow({ where: { name: 's2' } })
    await test.volume('clone', { sourceSnapshotUid: needed.uid, storedPhase: 'Absent' })
    await run()
    expect((await taken()).filter(({ deleted }) => deleted).map(({ name }) => name)).toEqual(['s1', 's3'])
    expect(await test.db.volumeSnapshot.findFirst({ where: { name: 'own' } })).toMatchObject({ deletedAt: null })
    expect((await test.audits('SnapshotSchedule')).at(-1)?.[2]).toBe('takes 1, deletes s3, s1')
  })

  it('that keep as many as they may take one at every run: what goes is gone before the next one', async () => {
    await test.volume('data')
    const { uid } = await schedule({ keep: { last: 14 } })
    const controller = createScheduleController({ quotas })
    const ctx = { db: test.db, log: test.server.log, feed: test.server.feed }
    const messages = new Set<string>()
    for (let day = 1; day <= 20; day += 1) {
      await test.db.snapshotSchedule.updateMany({ data: due })
      await run()
      messages.add((await row()).lastMessage)
      // A host takes what was asked for, and removes what is deleted before the schedule runs again.
      const asked = await test.db.volumeSnapshot.findFirst({ where: { phase: 'Asked' } })
      expect(asked?.scheduleUid).toBe(uid)
      await test.db.volumeSnapshot.updateMany({ where: { phase: 'Asked' }, data: { phase: 'Ready', name: `s${day}`, takenAt: new Date(Date.UTC(2026, 0, day)) } })
      for (const key of controller.keysOf({ cursor: { epoch: '', xid: '0', seq: '0' }, kind: 'VolumeSnapshot', uid: asked?.uid ?? '', tenantId: test.ann.tenantId, namespace: null, name: `s${day}`, action: 'modified', oldLabels: null, newLabels: null })) await controller.reconcile(ctx, key)
      await test.db.volumeSnapshot.deleteMany({ where: { deletedAt: { not: null } } })
    }
    expect([...messages]).toEqual([''])
    expect((await test.db.volumeSnapshot.findMany({ orderBy: { takenAt: 'asc' } })).map(({ name }) => name)).toEqual(Array.from({ length: 14 }, (_, n) => `s${n + 7}`))
    expect((await test.audits('SnapshotSchedule')).at(-1)?.[2]).toBe('deletes s6')
  })

  it('say that one is less consistent than they asked for, once', async () => {
    await test.volume('data')
    await schedule({ consistency: 'FilesystemConsistent' })
    await run()
    const { uid, name } = await test.db.volumeSnapshot.findFirstOrThrow()
    await test.db.volumeSnapshot.update({ where: { uid }, data: { phase: 'Ready', takenAt: new Date(), reason: 'NotFrozen' } })
    const { nextAt } = await row()
    for (let time = 0; time < 2; time += 1) await createScheduleController({ quotas }).reconcile({ db: test.db, log: test.server.log, feed: test.server.feed }, `snapshot:${uid}`)
    expect(await row()).toMatchObject({ nextAt, lastMessage: `The snapshot "${name}" is not FilesystemConsistent, as it says.` })
  })

  it('leave alone what is left of volumes that are gone, whichever they were', async () => {
    const { uid: scheduleUid } = await schedule({})
    for (const volume of ['a', 'b']) for (const day of [1, 2, 3]) await test.snapshot(`${volume}${day}`, null, { scheduleUid, takenAt: new Date(`2026-03-0${day}T00:00:00Z`) })
    await run()
    expect((await taken()).map(({ deleted }) => deleted)).toEqual(Array(6).fill(false))
  })

  it('by labels take of all that have them, or say that there are more', async () => {
    const { uid } = await schedule({ volumes: { selector: { matchLabels: { backup: 'yes' }, matchExpressions: [] } } })
    for (let n = 0; n < 51; n += 1) await test.volume(`data-${n}`, { labels: { backup: 'yes' } })
    await run()
    expect([(await taken()).length, (await row()).lastMessage]).toEqual([51, ''])
    expect(await volumesOfSchedule(test.db, test.ann, { selector: { matchLabels: { backup: 'yes' }, matchExpressions: [] } }, 50)).toMatchObject({ uids: { length: 50 }, left: true })
    expect((await test.db.volumeSnapshot.findFirst())?.scheduleUid).toBe(uid)
  })

  it('that are suspended do nothing, and one without a time is given one', async () => {
    await test.volume('data')
    await schedule({ suspended: true })
    await run()
    expect(await taken()).toEqual([])
    await test.db.snapshotSchedule.deleteMany()
    await schedule({}, { nextAt: null })
    await run()
    expect([await taken(), (await row()).nextAt, (await row()).lastAt]).toEqual([[], expect.any(Date), null])
  })
})
