import { describe, expect, it } from 'vitest'
import { snapshotScheduleSpec } from './spec'
import { crowdOf, crowdWords, type NamedSchedule } from './together'

const volume = { name: 'data', labels: { app: 'db' }, pods: [{ namespace: 'shop', name: 'db' }], most: 15 }
const schedule = (name: string, last: number, more: object = {}): NamedSchedule => ({ name, spec: snapshotScheduleSpec.parse({ volumes: { names: ['data'] }, every: '1d', keep: { last }, ...more }) })
const crowd = (...all: NamedSchedule[]) => crowdOf(volume, all)

describe('what schedules keep of one volume', () => {
  it('fits while each has room for one more', () => {
    expect([crowd(), crowd(schedule('a', 14)), crowd(schedule('a', 7), schedule('b', 6))]).toEqual([null, null, null])
    expect(crowd(schedule('a', 15))).toEqual({ volume: 'data', most: 15, schedules: [{ name: 'a', keeps: 15 }] })
    expect(crowd(schedule('a', 7), schedule('b', 7))).toEqual({ volume: 'data', most: 15, schedules: [{ name: 'a', keeps: 7 }, { name: 'b', keeps: 7 }] })
    expect(crowdOf({ ...volume, most: 256 }, [schedule('a', 200), schedule('b', 50)])).toBeNull()
  })

  it('counts those that take it, whichever way they mean it, and none that is suspended', () => {
    const ways = [{ names: ['data'] }, { selector: { matchLabels: { app: 'db' } } }, { pod: { namespace: 'shop', name: 'db' } }]
    for (const volumes of ways) expect(crowd(schedule('a', 10), schedule('b', 10, { volumes }))?.schedules).toHaveLength(2)
    for (const volumes of [{ names: ['other'] }, { selector: { matchLabels: { app: 'web' } } }, { pod: { namespace: 'default', name: 'db' } }]) expect(crowd(schedule('a', 10), schedule('b', 10, { volumes }))).toBeNull()
    expect(crowd(schedule('a', 10), schedule('b', 10, { suspended: true }))).toBeNull()
  })

  it('is told with who keeps how many, and what fits', () => {
    const words = (...all: NamedSchedule[]) => crowdWords(crowd(...all) ?? { volume: '', most: 0, schedules: [] })
    expect(words(schedule('a', 20))).toBe('the schedule "a" (20) keeps too many of the volume "data", of which its store keeps 15: keep 14 at most, for one is taken before another one goes')
    expect(words(schedule('a', 12), schedule('b', 7))).toBe('the schedules "a" (12) and "b" (7) keep up to 19 of the volume "data" together, and its store keeps 15: keep 13 at most in all, for each takes one before another one goes, or let one of them take it')
    expect(words(...Array.from({ length: 8 }, (_, n) => schedule(`s${n}`, 2)))).toContain('the schedules "s0" (2), "s1" (2), "s2" (2), "s3" (2), "s4" (2) and 3 more keep up to 16')
    expect(words(...Array.from({ length: 16 }, (_, n) => schedule(`s${n}`, 1)))).toMatch(/and 11 more keep up to 16 of the volume "data" together, and its store keeps 15: let one of them take it$/)
  })
})
