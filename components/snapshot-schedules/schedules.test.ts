import { expect, it } from 'vitest'
import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import type { VolumeView } from '@/domain/volume/view'
import { formatIn } from '@/components/client/formats'
import { scheduleActionsFor } from './schedule-actions'
import { choose, newScheduleDraft, scheduleDraftOf, scheduleDraftSchema, scheduleFieldOf, scheduleSpecOf } from './schedule-draft'
import { everyText, keepText, nothingMeant, takes, volumesText, whenText } from './words'

const draft = newScheduleDraft('data')
const problems = (over: Partial<typeof draft>) => scheduleDraftSchema.safeParse({ ...draft, ...over }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

it('what is chosen is what is sent, and comes back as it was', () => {
  expect(scheduleSpecOf(draft)).toEqual({ volumes: { names: ['data'] }, every: '1d', keep: { last: 0, hourly: 0, daily: 7, weekly: 4, monthly: 0 }, consistency: 'CrashConsistent', suspended: false })
  for (const over of [{}, { volumes: 'a\nb' }, { which: 'labels', volumes: '', labels: 'app=db\ntier=1' }, { which: 'pod', volumes: '', pod: 'shop/db', suspended: true }] as const) {
    const changed = { ...draft, ...over }
    expect(scheduleDraftOf('data-daily', snapshotScheduleSpec.parse(scheduleSpecOf(changed)))).toEqual(changed)
  }
  expect(scheduleSpecOf({ ...draft, when: 'time', time: '02:05', days: [5, 1], timeZone: ' Europe/Berlin ' })).toMatchObject({ schedule: '5 2 * * 1,5', timeZone: 'Europe/Berlin' })
  expect(scheduleSpecOf({ ...draft, when: 'time', time: '14:00', days: [] })).toMatchObject({ schedule: '0 14 * * *' })
  for (const over of [{ when: 'time', time: '00:00', days: [1, 0], cron: '0 0 * * 0,1', timeZone: 'UTC' }, { when: 'cron', cron: '0 */6 1 * *', timeZone: '' }] as const) {
    const spec = snapshotScheduleSpec.parse(scheduleSpecOf({ ...draft, ...over }))
    expect([scheduleDraftOf('data-daily', spec), 'every' in spec]).toEqual([{ ...draft, ...over }, false])
  }
  expect(scheduleSpecOf({ ...draft, volumes: ' a, b\na ' }).volumes).toEqual({ names: ['a', 'b'] })
  // More than labels is written as YAML alone.
  expect(scheduleDraftOf('x', snapshotScheduleSpec.parse({ ...scheduleSpecOf(draft), volumes: { selector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } } }))).toBeNull()
})
it('what is wrong stands at its field', () => {
  expect(problems({})).toEqual([])
  expect(problems({ volumes: '' })).toEqual(['volumes: must name a volume'])
  expect(problems({ which: 'labels' })).toEqual(['labels: name a label, such as app=db'])
  expect(problems({ which: 'pod', pod: '' })[0]).toMatch(/^pod: /)
  expect(problems({ every: 'daily' })[0]).toMatch(/^every: /)
  expect(problems({ daily: '', weekly: '' })).toEqual(['last: must keep some: a schedule that keeps none takes none'])
  expect(problems({ daily: 'all' })[0]).toMatch(/^daily: /)
  for (const time of ['', '24:00', '12', '12:60']) expect(problems({ when: 'time', time }), time).toEqual(['time: must be an hour and a minute, such as 02:30'])
  expect(problems({ when: 'cron', cron: '* * * * *', timeZone: 'Berlin' })).toEqual(['cron: must leave 5 minutes between two runs, such as "*/5 * * * *"', 'timeZone: must be a name of the tz database, such as "Europe/Berlin" or "UTC"'])
  // What the form does not show is not looked at.
  expect(problems({ cron: 'x', time: 'x', timeZone: 'x' })).toEqual([])
  const field = (path: string, over: Partial<typeof draft>) => scheduleFieldOf(path, { ...draft, ...over })
  expect([field('spec.volumes.names', { which: 'names' }), field('spec.volumes.pod.name', { which: 'pod' }), field('spec.keep.weekly', {}), field('spec.keep', {}), field('spec.every', {}), field('spec.schedule', { when: 'time' }), field('spec.schedule', { when: 'cron' }), field('spec.timeZone', {})]).toEqual(['volumes', 'pod', 'weekly', 'last', 'every', 'time', 'cron', 'timeZone'])
})
it('choosing another way to say when keeps what was said, and takes the time zone of who chooses', () => {
  expect(choose('time', draft, 'Europe/Berlin')).toEqual({ when: 'time', timeZone: 'Europe/Berlin' })
  expect(choose('cron', { ...draft, when: 'time', time: '04:30', days: [6], timeZone: '' }, 'Europe/Berlin')).toEqual({ when: 'cron', cron: '30 4 * * 6' })
  expect(choose('cron', { ...draft, when: 'time', time: '' }, 'UTC')).toEqual({ when: 'cron' })
  expect(choose('time', { ...draft, when: 'cron', cron: ' 15 3 * * 0 ' }, 'UTC')).toEqual({ when: 'time', time: '03:15', days: [0] })
  expect(choose('time', { ...draft, when: 'cron', cron: '0 0 1 * *' }, 'UTC')).toEqual({ when: 'time' })
  expect(choose('every', { ...draft, when: 'time', timeZone: 'Asia/Tokyo' }, 'UTC')).toEqual({ when: 'every' })
})
it('intervals and what is kept are told as people say them', () => {
  expect(['1d', '2d', '24h', '6h', '90m', 'soon'].map(everyText)).toEqual(['Every day', 'Every 2 days', 'Every day', 'Every 6 hours', 'Every 90 minutes', 'soon'])
  expect(['30 2 * * *', '30 2 * * 1,2,3,4,5', '0 14 * * 4,1,0', '5 0 * * 6', '0 0 * * 0,1,2,3,4,5,6', '0 0 1 * *', '0,30 2 * * *', '@daily', '0 2 * * 1-5'].map((schedule) => whenText({ schedule, timeZone: 'Europe/Berlin' }))).toEqual(['Every day at 02:30 (Europe/Berlin)', 'Mon to Fri at 02:30 (Europe/Berlin)', 'Mon, Thu and Sun at 14:00 (Europe/Berlin)', 'Sat at 00:05 (Europe/Berlin)', 'Every day at 00:00 (Europe/Berlin)', 'Cron 0 0 1 * * (Europe/Berlin)', 'Cron 0,30 2 * * * (Europe/Berlin)', 'Cron @daily (Europe/Berlin)', 'Cron 0 2 * * 1-5 (Europe/Berlin)'])
  expect([whenText({ every: '6h' }), whenText({ schedule: '0 4 * * *' })]).toEqual(['Every 6 hours', 'Every day at 04:00 (UTC)'])
  const now = Date.parse('2026-11-26T12:00:00Z')
  expect(['2026-11-26T17:30:00Z', '2026-11-26T12:00:40Z', '2026-11-26T12:00:00Z', '2026-11-26T11:00:00Z'].map((time) => formatIn(time, now))).toEqual(['in 5 h', 'in 40 s', 'now', 'now'])
  expect(keepText({ last: 3, hourly: 0, daily: 7, weekly: 4, monthly: 0 })).toBe('the last 3, 7 daily, 4 weekly')
  expect([volumesText({ names: ['a', 'b', 'c', 'd'] }), volumesText({ pod: { namespace: 'shop', name: 'db' } }), volumesText({ selector: { matchLabels: { app: 'db' }, matchExpressions: [] } })]).toEqual(['a, b, c and 1 more', 'All of pod shop/db, at one instant', 'With app=db'])
})
it('a volume knows the schedules that take it', () => {
  const volume = { metadata: { name: 'data', labels: { app: 'db' } }, status: { attachments: [{ pod: { namespace: 'shop', name: 'db' } }] } } as unknown as VolumeView
  const of = (volumes: unknown) => takes(snapshotScheduleSpec.parse({ ...scheduleSpecOf(draft), volumes }).volumes, volume)
  expect([{ names: ['data'] }, { names: ['other'] }, { selector: { matchLabels: { app: 'db' } } }, { selector: { matchLabels: { app: 'web' } } }, { pod: { namespace: 'shop', name: 'db' } }, { pod: { name: 'db' } }].map(of)).toEqual([true, false, true, false, true, false])
})
it('one that means no volume says what its runs wait for', () => {
  expect(nothingMeant({ volumes: { selector: { matchLabels: { app: 'dbb' }, matchExpressions: [] } } })).toMatch(/^No volume has .*app.*dbb.*: its runs take nothing/)
  expect(nothingMeant({ volumes: { pod: { namespace: 'shop', name: 'db' } } })).toContain('Pod shop/db has no volume')
})
it('one that cannot be read is written anew by its YAML, or deleted, and why no form shows it is said', () => {
  const actions = scheduleActionsFor('ann', { metadata: { name: 'newer' }, problem: 'spec.suspended: must be true or false' }, () => {})
  expect(actions.map(({ id, disabledReason }) => [id, disabledReason])).toEqual([['open', undefined], ['edit', expect.stringContaining('cannot read it')], ['yaml', undefined], ['delete', undefined]])
})
