import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expired, mostKept, nextRun, nextRuns, type TakenSnapshot } from './due'
import { snapshotScheduleSpec, type Retention } from './spec'

const at = (text: string) => new Date(`${text}Z`)
const none: Retention = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0 }
const taken = (...times: string[]): TakenSnapshot[] => times.map((time) => ({ uid: time, takenAt: at(time) }))
const kept = (snapshots: TakenSnapshot[], keep: Partial<Retention>) => {
  const gone = new Set(expired(snapshots, { ...none, ...keep }))
  return snapshots.filter(({ uid }) => !gone.has(uid)).map(({ uid }) => uid)
}

describe('a schedule', () => {
  it('is read, and refused by the field that is wrong', () => {
    const base = { volumes: { names: ['data'] }, every: '6h', keep: { daily: 7 } }
    expect(snapshotScheduleSpec.parse(base)).toEqual({ volumes: { names: ['data'] }, every: '6h', keep: { ...none, daily: 7 }, consistency: 'CrashConsistent', suspended: false })
    const problem = (value: object): string => snapshotScheduleSpec.safeParse({ ...base, ...value }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'none'
    for (const every of ['', '1', '1s', '0h', '-1h', '1.5h', '* * * * *']) expect(problem({ every }), every).toContain('every: must be a number of minutes, hours or days')
    expect(problem({ every: '1m' })).toBe('every: must be from 5m to 366d')
    expect(problem({ every: '367d' })).toBe('every: must be from 5m to 366d')
    expect(problem({ keep: {} })).toBe('keep: must keep some: a schedule that keeps none takes none')
    expect(problem({ keep: { last: 201 } })).toBe('keep.last: must be at most 200')
    expect(problem({ volumes: {} })).toBe('volumes: must have exactly one of names, selector, pod')
    expect(problem({ volumes: { names: ['a'], selector: {} } })).toBe('volumes: must have exactly one of names, selector, pod')
    expect(problem({ volumes: { pod: { name: 'web' } } })).toBe('none')
  })

  it('runs at multiples of its interval, and once for all that were missed', () => {
    expect(nextRun({ every: '6h' }, at('2026-03-29T01:30:00'))).toEqual(at('2026-03-29T06:00:00'))
    expect(nextRun({ every: '6h' }, at('2026-03-29T06:00:00'))).toEqual(at('2026-03-29T12:00:00'))
    expect(nextRun({ every: '1d' }, at('2026-10-25T23:59:59.999'))).toEqual(at('2026-10-26T00:00:00'))
    expect(nextRun({ every: '15m' }, at('2026-01-01T00:14:59'))).toEqual(at('2026-01-01T00:15:00'))
  })

  it('tells when it runs next, and how many it keeps at most', () => {
    expect(nextRuns({ every: '6h', suspended: false }, at('2026-03-29T01:30:00'), 2)).toEqual([at('2026-03-29T06:00:00'), at('2026-03-29T12:00:00')])
    expect(nextRuns({ every: '6h', suspended: true }, at('2026-03-29T01:30:00'), 2)).toEqual([])
    expect([mostKept(none), mostKept({ ...none, last: 3 }), mostKept({ ...none, hourly: 24, daily: 7, weekly: 4 })]).toEqual([0, 3, 33])
  })

  it('keeps the newest of each hour, day, week and month', () => {
    const all = taken('2026-01-31T23:00:00', '2026-02-01T00:00:00', '2026-02-01T12:00:00', '2026-02-01T12:30:00', '2026-02-02T00:00:00')
    expect(kept(all, { last: 2 })).toEqual(['2026-02-01T12:30:00', '2026-02-02T00:00:00'])
    expect(kept(all, { hourly: 2 })).toEqual(['2026-02-01T12:30:00', '2026-02-02T00:00:00'])
    expect(kept(all, { daily: 2 })).toEqual(['2026-02-01T12:30:00', '2026-02-02T00:00:00'])
    // 1 February 2026 is a Sunday.
    expect(kept(all, { weekly: 2 })).toEqual(['2026-02-01T12:30:00', '2026-02-02T00:00:00'])
    expect(kept(all, { monthly: 2 })).toEqual(['2026-01-31T23:00:00', '2026-02-02T00:00:00'])
    expect(kept(all, { last: 1, monthly: 2 })).toEqual(['2026-01-31T23:00:00', '2026-02-02T00:00:00'])
  })

  it('never drops what a rule keeps, and what was dropped is missed by no later run', () => {
    const keep = fc.record({ last: fc.nat(5), hourly: fc.nat(5), daily: fc.nat(5), weekly: fc.nat(5), monthly: fc.nat(5) })
    const times = fc.array(fc.date({ min: at('2026-01-01T00:00:00'), max: at('2026-12-31T00:00:00'), noInvalidDate: true }), { maxLength: 40 })
    fc.assert(
      fc.property(keep, times, (rules, dates) => {
        const all = dates.map((takenAt, i) => ({ uid: String(i), takenAt }))
        const gone = new Set(expired(all, rules))
        for (const rule of ['last', 'hourly', 'daily', 'weekly', 'monthly'] as const) for (const uid of kept(all, { [rule]: rules[rule] })) expect(gone.has(uid)).toBe(false)
        const left = all.filter(({ uid }) => !gone.has(uid))
        expect(expired(left, rules)).toEqual([])
        expect(left.length).toBeLessThanOrEqual(mostKept(rules))
      }),
    )
  })
})
