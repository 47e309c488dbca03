import { describe, expect, it } from 'vitest'
import type { LogEntry } from './log-buffer'
import { ReplayFilter } from './replay-filter'

const line = (second: number, text: string, stream: 'stdout' | 'stderr' = 'stdout'): LogEntry => ({ kind: 'line', time: `2026-01-01T00:00:0${second}.000000000Z`, stream, text })

describe('ReplayFilter', () => {
  it('keeps equal lines of one stream', () => {
    const filter = new ReplayFilter(100)
    filter.begin()
    expect(filter.take([line(1, 'a'), line(1, 'a')])).toHaveLength(2)
  })
  it('drops the line at which a stream goes on, as often as it was shown', () => {
    const filter = new ReplayFilter(100)
    filter.begin()
    filter.take([line(1, 'a'), line(2, 'b'), line(2, 'b')])
    filter.begin()
    expect(filter.take([line(2, 'b'), line(2, 'b'), line(2, 'b'), line(2, 'b', 'stderr'), line(3, 'b')])).toEqual([line(2, 'b'), line(2, 'b', 'stderr'), line(3, 'b')])
  })
  it('drops a whole tail that is told again, each time', () => {
    const filter = new ReplayFilter(3)
    filter.begin()
    const all = [1, 2, 3, 4, 5, 6, 7, 8].map((second) => line(second, 'tick'))
    filter.take(all)
    for (let times = 0; times < 2; times++) {
      filter.begin()
      expect(filter.take(all.slice(-3))).toEqual([])
    }
    filter.begin()
    expect(filter.take([...all.slice(-2), line(9, 'tick')])).toEqual([line(9, 'tick')])
  })
  it('lets marks of lost lines pass', () => {
    const gap: LogEntry = { kind: 'gap', time: '', text: 'lost' }
    expect(new ReplayFilter(3).take([gap, gap])).toHaveLength(2)
  })
})
