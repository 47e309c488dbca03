import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { volumeReport } from '@/contracts/host/v1/volumes'
import { startVolumeServer } from '@/server/services/volumes/testing/volume-server'
import { inTransaction } from './database'
import { storeSnapshotReport } from './volume-reports'

let test: Awaited<ReturnType<typeof startVolumeServer>>
beforeAll(async () => void (test = await startVolumeServer()))
afterAll(() => test.stop())
beforeEach(() => test.clear())

const ready = { kind: 'snapshot', epoch: 0, phase: 'Ready', reason: '', message: '', consistency: 'CrashConsistent', stallMs: 7, takenAt: '2026-03-01T00:00:00.000Z', formatted: 'ext4', sizeBytes: 1 << 30, storedBytes: 4096 }
/** A snapshot of a volume that a host of the tenant keeps is taken, as that says. */
async function told(report: object, { consistency = 'FilesystemConsistent', volume = {} }: { consistency?: string; volume?: object } = {}) {
  await test.clear()
  const of = await test.volume('data', { hostId: test.hostId, formatted: 'ext4', ...volume })
  const { uid } = await test.snapshot('taken', of.uid, { phase: 'Taking', takenAt: null, spec: { source: { volumeName: 'data' }, consistency } })
  await inTransaction(test.db, (tx) => storeSnapshotReport(tx, test.hostId, volumeReport.parse({ ...ready, uid, ...report })))
  const { phase, reason, message } = await test.db.volumeSnapshot.findUniqueOrThrow({ where: { uid } })
  const events = await test.db.event.findMany({ where: { objectUid: uid } })
  expect(events.map((event) => [event.reason, event.message])).toEqual(reason === '' ? [] : [[reason, message]])
  return { phase, reason, message }
}

it('a snapshot that is tried again says why, and an event each new reason; what it waits for its controller says', async () => {
  const of = await test.volume('data', { hostId: test.hostId })
  const { uid } = await test.snapshot('tried', of.uid, { phase: 'Taking', takenAt: null })
  const says = async (report: object) => {
    await inTransaction(test.db, (tx) => storeSnapshotReport(tx, test.hostId, volumeReport.parse({ kind: 'snapshot', uid, epoch: 0, phase: 'Creating', reason: '', message: '', ...report })))
    const { phase, reason, message, remains } = await test.db.volumeSnapshot.findUniqueOrThrow({ where: { uid } })
    return [phase, reason, message, remains, (await test.db.event.findMany({ where: { objectUid: uid } })).map((event) => event.reason)]
  }
  expect(await says({})).toEqual(['Taking', '', '', false, []])
  expect(await says({ reason: 'Unreachable', message: 'Its store does not answer.' })).toEqual(['Taking', 'Unreachable', 'Its store does not answer.', false, ['Unreachable']])
  expect(await says({ reason: 'Unreachable', message: 'Not yet.' })).toEqual(['Taking', 'Unreachable', 'Not yet.', false, ['Unreachable']])
  expect(await says({})).toEqual(['Taking', '', '', false, ['Unreachable']])
  await test.db.volumeSnapshot.update({ where: { uid }, data: { reason: 'HostSilent', message: 'It waits.' } })
  expect((await says({})).slice(0, 3)).toEqual(['Taking', 'HostSilent', 'It waits.'])
  // An agent of before may have left some of it.
  expect(await says({ phase: 'Failed', reason: 'NoSpace', message: 'No room.' })).toEqual(['Failed', 'NoSpace', 'No room.', true, ['Unreachable', 'NoSpace']])
  expect((await says({ phase: 'Creating' })).slice(0, 4)).toEqual(['Failed', 'NoSpace', 'No room.', true])
  expect((await says({ phase: 'Purged' })).slice(0, 4)).toEqual(['Failed', 'NoSpace', 'No room.', false])
})

it('a snapshot that is there before its controller knew where lies where its volume does', async () => {
  const of = await test.volume('data', { hostId: test.hostId, homeHostId: test.hostId })
  for (const [name, report] of [['taken', ready], ['failed', { ...ready, phase: 'Failed', reason: 'NoSpace', message: 'No room.' }]] as const) {
    const { uid } = await test.snapshot(name, of.uid, { phase: 'Asked', homeHostId: null, takenAt: null })
    await inTransaction(test.db, (tx) => storeSnapshotReport(tx, test.hostId, volumeReport.parse({ ...report, uid })))
    expect(await test.db.volumeSnapshot.findUnique({ where: { uid } })).toMatchObject({ phase: report.phase, homeHostId: test.hostId })
  }
})

it('a snapshot that is less consistent than it was asked to be is taken, and says so and why', async () => {
  expect(await told({ reason: 'NotFrozen', message: 'Its pod went on after 10 s, before all was taken.' })).toEqual({ phase: 'Ready', reason: 'NotFrozen', message: expect.stringMatching(/^It is CrashConsistent, .* FilesystemConsistent\. Its pod went on after 10 s, before all was taken\. Take it again/) })
  // An agent of before does not say why.
  expect(await told({})).toMatchObject({ reason: 'NotFrozen', message: expect.stringContaining("Its pod's file systems did not come to rest in time.") })
  const asAsked = { phase: 'Ready', reason: '', message: '' }
  expect(await told({ consistency: 'FilesystemConsistent' })).toEqual(asAsked)
  expect(await told({}, { consistency: 'CrashConsistent' })).toEqual(asAsked)
  // Nobody wrote to it; or it is a block device in a group with file systems.
  expect(await told({ stallMs: 0 })).toEqual(asAsked)
  expect(await told({}, { volume: { spec: { size: '1Gi', volumeMode: 'Block' } } })).toEqual(asAsked)
})
