import { expect, it } from 'vitest'
import { limitsWithin, type VolumeLimits } from '@/domain/volume/limits'
import type { VolumeView } from '@/domain/volume/view'
import { usageOf } from './usage'
import { heldLines, limitLines, problemOf, sourceText, uploadText } from './words'

const gib = 2 ** 30
const status = { phase: 'InUse', sizeBytes: 10 * gib, storedBytes: null, filesystem: null, formatted: null, conditions: [], attachments: [], host: null, homeHost: null } satisfies Partial<VolumeView['status']>

it('a bar has what is known', () => {
  expect(usageOf(status)).toEqual({ written: null, used: null, tone: 'accent', text: '10 GiB' })
  expect(usageOf({ ...status, storedBytes: 5 * gib })).toEqual({ written: 0.5, used: null, tone: 'accent', text: '10 GiB, 5 GiB beside snapshots' })
  expect(usageOf({ ...status, storedBytes: 12 * gib, filesystem: { type: 'ext4', totalBytes: 8 * gib, usedBytes: 2 * gib } })).toEqual({ written: 1, used: 0.25, tone: 'accent', text: '2 GiB of 10 GiB' })
})
it('a file system that is nearly full is said to be, and one whose store is full is an error', () => {
  const used = (share: number) => usageOf({ ...status, filesystem: { type: 'xfs', totalBytes: 10 * gib, usedBytes: share * 10 * gib } }).tone
  expect([0.5, 0.95, 0.99].map(used)).toEqual(['accent', 'notice', 'error'])
  expect(usageOf({ ...status, phase: 'Full' }).tone).toBe('error')
})
it('limits are told with their bursts', () => {
  expect(limitLines({})).toEqual([])
  expect(limitLines({ iops: 500, iopsBurst: 2000, bytesPerSecond: '100Mi', burstSeconds: 30 })).toEqual(['500 operations a second, 2,000 operations a second for 30 s', '100 MiB a second'])
})
it('limits are those that hold, with what is the class’s', () => {
  const told = (own: VolumeLimits, ofClass: VolumeLimits) => heldLines(limitsWithin(own, ofClass), own).map(({ text, note }) => (note === null ? text : `${text} (${note})`))
  expect(told({}, {})).toEqual([])
  expect(told({ iops: 1000 }, { iops: 100, bytesPerSecond: '10Mi' })).toEqual(['100 operations a second (of its class; its own is 1,000 operations a second)', '10 MiB a second (of its class)'])
  expect(told({ bytesPerSecond: '1Mi', bytesPerSecondBurst: '2Mi' }, { iops: 100, bytesPerSecond: '10Mi' })).toEqual(['100 operations a second (of its class)', '1 MiB a second', '2 MiB a second in a burst', 'A burst lasts 60 s'])
  expect(told({ iops: 100, iopsBurst: 200 }, { iops: 50 })).toEqual(['50 operations a second (of its class; its own is 100 operations a second)', 'No burst (of its class; its own is 200 operations a second in a burst)'])
})
it('what is wrong names what to do, in the server’s words where it has some', () => {
  const condition = { type: 'Ready', status: 'False' as const, reason: 'NoRoom', message: 'The store "local" has no room.', lastTransitionTime: '2026-11-26T00:00:00Z' }
  expect(problemOf(status)).toBeNull()
  expect(problemOf({ ...status, phase: 'Full' })?.message).toContain('Nothing is lost')
  expect(problemOf({ ...status, phase: 'Failed', conditions: [condition] })).toMatchObject({ tone: 'error', message: condition.message })
  expect(problemOf({ ...status, phase: 'Failed', formatted: 'ext4', conditions: [condition] })).toMatchObject({ title: 'It is damaged, or not in its store any more', message: condition.message })
  expect(problemOf({ ...status, phase: 'Failed', storedBytes: 5 })?.message).toContain('Do not delete it yet')
  // A condition that was written before its host was silent says nothing of that.
  expect([condition, { ...condition, reason: 'HostLost', message: 'Its data is on the disk of host "a".' }].map((one) => problemOf({ ...status, phase: 'Lost', conditions: [one] })?.message)).toEqual([expect.stringMatching(/^Nothing else may open it/), 'Its data is on the disk of host "a".'])
  const unmade = { ...condition, reason: 'Creating', message: 'It is made once a pod that names it has a host.' }
  expect(problemOf({ ...status, phase: 'Pending', conditions: [unmade] })).toEqual({ tone: 'info', title: 'It is not made yet', message: unmade.message })
  expect(problemOf({ ...status, phase: 'Pending', conditions: [condition] })).toEqual({ tone: 'notice', title: 'It cannot be made now', message: condition.message })
  const room = { ...condition, type: 'FilesystemRoom', reason: 'FilesystemNearlyFull', message: '9.5 GiB of the 10 GiB of its file system are taken: let it grow.' }
  expect(problemOf({ ...status, conditions: [room] })).toEqual({ tone: 'notice', title: 'Its file system is nearly full', message: room.message })
  expect(problemOf({ ...status, phase: 'Failed', conditions: [room, condition] })?.message).toBe(condition.message)
  const waiting = { pod: { namespace: 'default', name: 'web' }, podUid: 'u', name: 'data', hot: false, mounts: [], devices: [], readOnly: false, phase: 'Waiting' as const, host: null, reason: 'InUse', message: 'It is attached to pod db: delete it, or clone the volume.', since: '', paused: false }
  expect(problemOf({ ...status, attachments: [waiting] })).toEqual({ tone: 'notice', title: 'Pod web does not have it yet', message: waiting.message })
  const busy = { ...waiting, phase: 'Detaching' as const, message: 'The volume cannot be taken out: sh (process 160) has it open.' }
  expect(problemOf({ ...status, attachments: [busy] })).toEqual({ tone: 'error', title: 'Pod web has not let go of it', message: busy.message, held: busy })
  expect(problemOf({ ...status, attachments: [{ ...waiting, phase: 'Attached' }] })?.title).toBe('Pod web has it, and something is wrong')
})
it('what a volume is made of is told', () => {
  expect([{ kind: 'Blank' } as const, { kind: 'Snapshot', name: 'old' } as const, { kind: 'Image', reference: 'busybox:1' } as const].map(sourceText)).toEqual(['Nothing: it began empty', 'Snapshot old', 'Files of busybox:1'])
})
it('an upload is told by what is known of it', () => {
  expect([uploadText({ format: 'raw', bytes: gib, virtualBytes: gib }), uploadText({ format: 'qcow2', bytes: gib, virtualBytes: 4 * gib })]).toEqual(['raw, 1 GiB', 'qcow2, 1 GiB, a disk of 4 GiB'])
})
