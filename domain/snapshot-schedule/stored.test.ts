import { expect, it } from 'vitest'
import { snapshotScheduleSpec } from './spec'
import { readStoredSchedule, unreadableWords } from './stored'

const stored = { volumes: { names: ['data'] }, every: '6h', keep: { daily: 7 } }

it('a schedule is read as it is stored', () => {
  expect(readStoredSchedule(stored)).toEqual({ spec: snapshotScheduleSpec.parse(stored), problem: null })
})

it('one that a newer version wrote is not, and why is told by its fields, the first of them', () => {
  expect(readStoredSchedule({ ...stored, suspended: { until: '2027-01-01' } })).toEqual({ spec: null, problem: 'spec.suspended: must be true or false' })
  const { problem } = readStoredSchedule({ volumes: { names: [] }, every: 'often', keep: { last: -1 }, consistency: 'Perfect', suspended: 7 })
  expect(problem).toMatch(/^spec\.volumes\.names: must name a volume; spec\.every: must be a number .*; and \d more$/)
  for (const other of [null, 7, 'text', []]) expect(readStoredSchedule(other).problem, JSON.stringify(other)).toMatch(/^spec: /)
  expect(unreadableWords('nightly', 'spec.suspended: must be true or false')).toMatch(/^The schedule "nightly" cannot be read .*\(spec\.suspended: must be true or false\)\. It takes and deletes nothing meanwhile.*or delete it\.$/)
})
