import { expect, it } from 'vitest'
import { SteadyJudges } from './judges'

it('a deletion is over by the database\'s clock, and never earlier than this process\'s own allows, however the other is set', () => {
  let steady = 0
  const judges = new SteadyJudges(() => steady)
  const at = (seconds: number) => new Date(seconds * 1000)
  expect(judges.isOver(null, at(0))).toBe(false)
  expect(judges.isOver(at(100), at(0))).toBe(false)
  // It was set an hour forwards.
  expect(judges.isOver(at(100), at(3600))).toBe(false)
  steady = 39_999
  expect(judges.isOver(at(100), at(3640))).toBe(false)
  steady = 40_000
  expect(judges.isOver(at(100), at(3640))).toBe(true)
  // And back.
  expect(judges.isOver(at(100), at(99))).toBe(false)
})

it('a volume is idle once it has had nothing to do for its time, counted anew after each work', () => {
  let steady = 0
  const judges = new SteadyJudges(() => steady)
  expect(judges.isIdle('v', false)).toBe(false)
  steady = 60_000
  expect([judges.isIdle('v', false), judges.isIdle('v', true), judges.isIdle('v', false)]).toEqual([true, false, false])
  steady = 120_000
  expect(judges.isIdle('v', false)).toBe(true)
})

it('a host is lost once it has been silent for its time, and no longer than it is silent', () => {
  let steady = 0
  const judges = new SteadyJudges(() => steady)
  const silent = { id: 'h', phase: 'Unknown', heard: 1 }
  expect(judges.lookAt([silent]).size).toBe(0)
  steady = 5000
  expect([...judges.lookAt([silent])]).toEqual(['h'])
  expect([...judges.lost([silent])]).toEqual(['h'])
  expect([...judges.lost([{ ...silent, phase: 'Ready' }])]).toEqual([])
  expect(judges.lookAt([{ ...silent, heard: 2 }]).size).toBe(0)
})

it('a host is away from a store once it has not reached it for a minute in a row', () => {
  let steady = 0
  const judges = new SteadyJudges(() => steady)
  const look = (reaches: boolean, store = 's') => [...judges.away(store, [{ id: 'h', reaches }])]
  expect([look(true), look(false)]).toEqual([[], []])
  steady = 59_999
  expect([look(false), look(false, 'other')]).toEqual([[], []])
  steady = 60_000
  expect([look(false), look(false, 'other'), look(true), look(false)]).toEqual([['h'], [], [], []])
  steady = 120_000
  expect(look(false)).toEqual(['h'])
})
