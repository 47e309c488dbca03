import { expect, it } from 'vitest'
import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import type { VolumeView } from '@/domain/volume/view'
import { newScheduleDraft, scheduleDraftOf, scheduleDraftSchema, scheduleFieldOf, scheduleSpecOf } from './schedule-draft'
import { everyText, keepText, nothingMeant, takes, volumesText } from './words'

const draft = newScheduleDraft('data')
const problems = (over: Partial<typeof draft>) => scheduleDraftSchema.safeParse({ ...draft, ...over }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

it('what is chosen is what is sent, and comes back as it was', () => {
  expect(scheduleSpecOf(draft)).toEqual({ volumes: { names: ['data'] }, every: '1d', keep: { last: 0, hourly: 0, daily: 7, weekly: 4, monthly: 0 }, consistency: 'CrashConsistent', suspended: false })
  for (const over of [{}, { volumes: 'a\nb' }, { which: 'labels', volumes: '', labels: 'app=db\ntier=1' }, { which: 'pod', volumes: '', pod: 'shop/db', suspended: true }] as const) {
    const changed = { ...draft, ...over }
    expect(scheduleDraftOf('data-daily', snapshotScheduleSpec.parse(scheduleSpecOf(changed)))).toEqual(changed)
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
  expect([scheduleFieldOf('spec.volumes.names', { which: 'names' }), scheduleFieldOf('spec.volumes.pod.name', { which: 'pod' }), scheduleFieldOf('spec.keep.weekly', { which: 'pod' }), scheduleFieldOf('spec.every', { which: 'pod' })]).toEqual(['volumes', 'pod', 'weekly', 'every'])
})
it('intervals and what is kept are told as people say them', () => {
  expect(['1d', '2d', '24h', '6h', '90m', 'soon'].map(everyText)).toEqual(['Every day', 'Every 2 days', 'Every day', 'Every 6 hours', 'Every 90 minutes', 'soon'])
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
