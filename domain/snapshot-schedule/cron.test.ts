import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cronProblem, dayIn, isTimeZone, nextOfCron } from './cron'

const at = (text: string) => new Date(`${text}Z`)
/** The next runs after a moment, as UTC has them, to the minute. */
function runs(schedule: string, timeZone: string, from: string, count: number): string[] {
  const found: string[] = []
  for (let next = nextOfCron(schedule, timeZone, at(from)); next !== null && found.length < count; next = nextOfCron(schedule, timeZone, next)) found.push(next.toISOString().slice(0, 16))
  return found
}

describe('a cron expression', () => {
  it('has five fields, as a CronJob has it, or one of the names for them', () => {
    for (const schedule of ['30 2 * * *', '*/5 * * * *', '0 4 * * 1-5', '0 4 * * MON,wed', '0 0 1 jan *', '5,35 0-23/2 1,15 * 7', ' 0  4 * * * ', '0 0 29 2 *', '@hourly', '@daily', '@Midnight', '@weekly', '@monthly', '@yearly', '@annually']) expect(cronProblem(schedule), schedule).toBeNull()
    for (const schedule of ['', '0 4 * *', '0 4 * * * *', '0 0 4 * * * 2027', '60 4 * * *', '0 24 * * *', '0 4 0 * *', '0 4 * 13 *', '0 4 * * 8', '*/0 * * * *', '5-1 4 * * *', 'x 4 * * *', 'TZ=UTC 0 4 * * *', '@every 6h', '@reboot', '6h', '2026-01-01T00:00:00', '0 4 * * *\u0000']) expect(cronProblem(schedule), schedule).toMatch(/^must be a cron expression of five fields/)
    expect(runs('@weekly', 'UTC', '2026-11-26T00:00:00', 2)).toEqual(['2026-11-29T00:00', '2026-12-06T00:00'])
  })

  it('leaves five minutes between two runs, and comes at all', () => {
    for (const schedule of ['* * * * *', '*/4 * * * *', '0,3 4 1 1 *', '0,58 * * * *', '2,58 3-4 * * *']) expect(cronProblem(schedule), schedule).toMatch(/^must leave 5 minutes between two runs/)
    for (const schedule of ['0,58 3 * * *', '0,55 * * * *', '0,58 3,5 * * *', '0 * * * *']) expect(cronProblem(schedule), schedule).toBeNull()
    for (const schedule of ['0 0 30 2 *', '0 0 31 2,4,6 *']) expect(cronProblem(schedule), schedule).toMatch(/^never comes/)
  })

  it('is refused as too often where two of its runs are nearer than five minutes, and only there', () => {
    const some = (most: number) => fc.uniqueArray(fc.nat(most), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(some(59), some(23), (minutes, hours) => {
        const schedule = `${minutes.join(',')} ${hours.join(',')} * * *`
        const times = runs(schedule, 'UTC', '2026-11-26T00:00:00', minutes.length * hours.length + 1).map((time) => Date.parse(`${time}Z`) / 60_000)
        const nearest = Math.min(...times.slice(1).map((time, i) => time - (times[i] ?? time)))
        expect(cronProblem(schedule) === null, schedule).toBe(nearest >= 5)
      }),
    )
  })

  it('by the clocks of a time zone: a time that does not come is the first moment after it', () => {
    // Berlin, 29 March 2026: 02:00 is 03:00, which is 01:00 UTC.
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00', 3)).toEqual(['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'])
    expect(runs('15,45 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00', 3)).toEqual(['2026-03-29T01:00', '2026-03-30T00:15', '2026-03-30T00:45'])
    expect(runs('*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:10:00', 3)).toEqual(['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30'])
    // Santiago has no midnight on 6 September 2026; Lord Howe loses half an hour.
    expect(runs('0 0 * * *', 'America/Santiago', '2026-09-05T05:00:00', 2)).toEqual(['2026-09-06T04:00', '2026-09-07T03:00'])
    expect(runs('15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T16:00:00', 2)).toEqual(['2026-10-03T15:30', '2026-10-04T15:15'])
  })

  it('a time that comes twice is the first one, from wherever it is asked; what goes by the hour goes on', () => {
    // Berlin, 25 October 2026: 03:00 is 02:00 again, at 01:00 UTC.
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00', 2)).toEqual(['2026-10-25T00:30', '2026-10-26T01:30'])
    for (const from of ['2026-10-25T00:30:00', '2026-10-25T00:45:00', '2026-10-25T01:10:00', '2026-10-25T01:30:00']) expect(runs('30 2 * * *', 'Europe/Berlin', from, 1), from).toEqual(['2026-10-26T01:30'])
    expect(runs('30 2,14 * * *', 'Europe/Berlin', '2026-10-24T23:00:00', 2)).toEqual(['2026-10-25T00:30', '2026-10-25T13:30'])
    expect(runs('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00', 3)).toEqual(['2026-10-25T00:00', '2026-10-25T01:00', '2026-10-25T02:00'])
  })

  it('that goes by one hour of the day runs once a day, whatever the clocks do', () => {
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'America/Santiago', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Kathmandu')
    fc.assert(
      fc.property(fc.nat(59), fc.nat(23), zone, fc.date({ min: at('2020-01-01T00:00:00'), max: at('2035-01-01T00:00:00'), noInvalidDate: true }), (minute, hour, timeZone, from) => {
        const schedule = `${minute} ${hour} * * *`
        const [first, second] = [nextOfCron(schedule, timeZone, from), nextOfCron(schedule, timeZone, nextOfCron(schedule, timeZone, from) ?? from)]
        expect(first && first > from).toBe(true)
        const days = (Date.parse(dayIn(timeZone, second ?? from)) - Date.parse(dayIn(timeZone, first ?? from))) / 86_400_000
        expect(days).toBe(1)
        // Between now and the next run there is none.
        expect(nextOfCron(schedule, timeZone, new Date(((first ?? from).getTime() + from.getTime()) / 2 - 1000))?.getTime()).toBe(first?.getTime())
      }),
    )
  })
})

it('time zones are names of the tz database', () => {
  for (const name of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5']) expect(isTimeZone(name), name).toBe(true)
  for (const name of ['', '+02:00', 'Local', 'Nowhere/None', 'Europe/Berlin\n', 'UTC+2']) expect(isTimeZone(name), name).toBe(false)
  expect([dayIn('Pacific/Kiritimati', at('2026-11-26T11:00:00')), dayIn('Pacific/Pago_Pago', at('2026-11-26T10:00:00'))]).toEqual(['2026-11-27', '2026-11-25'])
})
