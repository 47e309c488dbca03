import { expect, it } from 'vitest'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { axisOf, marksOf } from './timeline-marks'

const hour = 3_600_000
const start = Date.parse('2026-11-26T00:00:00Z')
const snapshot = (name: string, hours: number, over: Partial<VolumeSnapshotView['status']> = {}): VolumeSnapshotView => ({
  metadata: { name, uid: name, labels: {}, annotations: {}, generation: 1, resourceVersion: '1', creationTimestamp: new Date(start + hours * hour).toISOString(), deletionTimestamp: null },
  spec: { source: { volumeName: 'data' }, consistency: 'CrashConsistent' },
  status: { phase: 'Ready', reason: '', message: '', volume: null, group: null, schedule: null, consistency: 'CrashConsistent', sizeBytes: 1, storedBytes: 0, takenAt: new Date(start + hours * hour).toISOString(), stallMs: 3, clones: 0, conditions: [], ...over },
})

it('the axis reaches from the volume’s beginning to now, and is a minute long at least', () => {
  expect(axisOf(new Date(start).toISOString(), [], start + 10 * hour)).toEqual({ from: start, to: start + 10 * hour })
  expect(axisOf(new Date(start).toISOString(), [], start + 1000)).toEqual({ from: start - 59_000, to: start + 1000 })
  // Of a clone, say: what it was made of is older.
  expect(axisOf(new Date(start).toISOString(), [snapshot('a', -5)], start + hour).from).toBe(start - 5 * hour)
})
it('snapshots stand where they were taken, and those that would lie on each other are one mark', () => {
  const marks = marksOf([snapshot('c', 5.1, { clones: 2 }), snapshot('a', 0), snapshot('b', 5, { clones: 1 }), snapshot('d', 10, { takenAt: null, phase: 'Taking' })], { from: start, to: start + 10 * hour })
  expect(marks.map(({ at, snapshots }) => [at, snapshots.map(({ metadata }) => metadata.name)])).toEqual([[0, ['a']], [0.5, ['b', 'c']], [1, ['d']]])
  expect(marks.map(({ clones, changing }) => [clones, changing])).toEqual([[0, false], [3, false], [0, true]])
})
it('a mark says that its snapshots are of a group, or could not be taken', () => {
  const axis = { from: start, to: start + 10 * hour }
  expect(marksOf([snapshot('a', 1, { group: 'g' })], axis)[0]).toMatchObject({ grouped: true, failed: false })
  expect(marksOf([snapshot('a', 1, { phase: 'Failed' }), snapshot('b', 1.1)], axis)[0]).toMatchObject({ failed: false })
  expect(marksOf([snapshot('a', 1, { phase: 'Failed' })], axis)[0]).toMatchObject({ failed: true })
})
