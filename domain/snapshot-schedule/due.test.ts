import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expired, mostKept, nextRun, nextRuns, spreadKey, type TakenSnapshot } from './due'
import { everySeconds, snapshotScheduleSpec, type Retention } from './spec'

const at = (text: string) => new Date(`${text}Z`)
const key = 'a tenant/nightly'
const none: Retention = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0 }
const taken = (...times: string[]): TakenSnapshot[] => times.map((time) => ({ uid: time, takenAt: at(time) }))
const kept = (snapshots: TakenSnapshot[], keep: Partial<Retention>, timeZone?: string) => {
  const gone = new Set(expired(snapshots, { keep: { ...none, ...keep }, timeZone }))
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

  it('runs by an interval or by the clock, one of both', () => {
    const base = { volumes: { names: ['data'] }, keep: { daily: 7 } }
    const problem = (value: object): string => snapshotScheduleSpec.safeParse({ ...base, ...value }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'none'
    expect(snapshotScheduleSpec.parse({ ...base, schedule: '30 2 * * 1-5', timeZone: 'Europe/Berlin' })).toMatchObject({ schedule: '30 2 * * 1-5', timeZone: 'Europe/Berlin' })
    expect([problem({ schedule: '@daily' }), problem({ schedule: '0 4 1 * *' })]).toEqual(['none', 'none'])
    expect(problem({})).toBe('every: must have exactly one of every, schedule')
    expect(problem({ every: '1d', schedule: '0 4 * * *' })).toBe('schedule: must have exactly one of every, schedule')
    expect(problem({ every: '1d', timeZone: 'UTC' })).toBe('timeZone: is of a schedule: an interval is the same in all time zones')
    expect(problem({ schedule: '0 4 * *' })).toContain('schedule: must be a cron expression of five fields')
    expect(problem({ schedule: '0 '.repeat(100) })).toBe('schedule: must be at most 100 characters')
    for (const timeZone of ['Berlin', 'Local', '', '+02:00', 'Europe/Berlin ']) expect(problem({ schedule: '0 4 * * *', timeZone }), timeZone).toBe('timeZone: must be a name of the tz database, such as "Europe/Berlin" or "UTC"')
  })

  it('that says an interval alone runs at times that its name spreads, as often as it says', () => {
    const anyTime = fc.date({ min: at('1971-01-01T00:00:00'), max: at('2100-01-01T00:00:00'), noInvalidDate: true })
    fc.assert(
      fc.property(fc.constantFrom('5m', '7m', '6h', '1d', '7d', '366d'), fc.string(), anyTime, (every, name, from) => {
        const step = (everySeconds(every) ?? 0) * 1000
        const next = nextRun({ every }, name, from)
        if (next === null) throw new Error('an interval always comes again')
        expect(next.getTime() - from.getTime()).toBeGreaterThan(0)
        expect(next.getTime() - from.getTime()).toBeLessThanOrEqual(step)
        expect(nextRun({ every }, name, next)?.getTime()).toBe(next.getTime() + step)
        // Wherever it is asked in between: the same.
        expect(nextRun({ every }, name, new Date(next.getTime() - 1))).toEqual(next)
      }),
    )
    const hours = new Map<number, number>()
    for (let n = 0; n < 2400; n += 1) {
      const hour = nextRun({ every: '1d' }, spreadKey('0123456789abcdef0123456789abcdef', `nightly-${n}`), at('2026-01-01T00:00:00'))?.getUTCHours() ?? -1
      hours.set(hour, (hours.get(hour) ?? 0) + 1)
    }
    expect([hours.size, Math.max(...hours.values()) < 200]).toEqual([24, true])
    expect(nextRun({ every: '1d' }, spreadKey('a', 'x'), at('2026-01-01T00:00:00'))).not.toEqual(nextRun({ every: '1d' }, spreadKey('b', 'x'), at('2026-01-01T00:00:00')))
  })

  it('tells when it runs next, and how many it keeps at most', () => {
    const runs = nextRuns({ every: '6h', suspended: false }, key, at('2026-03-29T01:30:00'), 2).map(Number)
    expect((runs[1] ?? 0) - (runs[0] ?? 0)).toBe(6 * 3_600_000)
    expect(nextRuns({ schedule: '30 2 * * *', timeZone: 'Europe/Berlin', suspended: false }, key, at('2026-11-26T12:00:00'), 2)).toEqual([at('2026-11-27T01:30:00'), at('2026-11-28T01:30:00')])
    expect(nextRuns({ schedule: '30 2 * * *', suspended: false }, key, at('2026-11-26T12:00:00'), 1)).toEqual([at('2026-11-27T02:30:00')])
    expect(nextRuns({ every: '6h', suspended: true }, key, at('2026-03-29T01:30:00'), 2)).toEqual([])
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

  it('keeps by the days, weeks and months of its time zone', () => {
    // In Berlin both of the first are of 31 January, and the two others of 1 and 2 February (a Sunday and a Monday); of UTC the third is of 1 February still.
    const all = taken('2026-01-30T23:30:00', '2026-01-31T11:00:00', '2026-01-31T23:30:00', '2026-02-01T23:30:00')
    expect(kept(all, { daily: 3 }, 'Europe/Berlin')).toEqual(['2026-01-31T11:00:00', '2026-01-31T23:30:00', '2026-02-01T23:30:00'])
    expect(kept(all, { daily: 3 })).toEqual(['2026-01-30T23:30:00', '2026-01-31T23:30:00', '2026-02-01T23:30:00'])
    expect([kept(all, { weekly: 2 }, 'Europe/Berlin'), kept(all, { weekly: 2 })]).toEqual([['2026-01-31T23:30:00', '2026-02-01T23:30:00'], ['2026-02-01T23:30:00']])
    expect([kept(all, { monthly: 2 }, 'Europe/Berlin'), kept(all, { monthly: 2 })]).toEqual([['2026-01-31T11:00:00', '2026-02-01T23:30:00'], ['2026-01-31T23:30:00', '2026-02-01T23:30:00']])
    // Two hours of one name, as the clock is put back, are two.
    expect(kept(taken('2026-10-25T00:30:00', '2026-10-25T01:30:00'), { hourly: 2 }, 'Europe/Berlin')).toHaveLength(2)
  })

  it('never drops what a rule keeps, and what was dropped is missed by no later run', () => {
    const keep = fc.record({ last: fc.nat(5), hourly: fc.nat(5), daily: fc.nat(5), weekly: fc.nat(5), monthly: fc.nat(5) })
    const times = fc.array(fc.date({ min: at('2026-01-01T00:00:00'), max: at('2026-12-31T00:00:00'), noInvalidDate: true }), { maxLength: 40 })
    fc.assert(
      fc.property(keep, times, fc.constantFrom(undefined, 'Europe/Berlin', 'America/St_Johns', 'Pacific/Apia'), (rules, dates, timeZone) => {
        const all = dates.map((takenAt, i) => ({ uid: String(i), takenAt }))
        const gone = new Set(expired(all, { keep: rules, timeZone }))
        for (const rule of ['last', 'hourly', 'daily', 'weekly', 'monthly'] as const) for (const uid of kept(all, { [rule]: rules[rule] }, timeZone)) expect(gone.has(uid)).toBe(false)
        const left = all.filter(({ uid }) => !gone.has(uid))
        expect(expired(left, { keep: rules, timeZone })).toEqual([])
        expect(left.length).toBeLessThanOrEqual(mostKept(rules))
      }),
    )
  })
})
