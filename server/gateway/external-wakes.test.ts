import { expect, it } from 'vitest'
import { ExternalWakes } from './external-wakes'

const nothing = { whole: false, objects: null, settled: false, servers: new Set() }

it('says where to look since the last look, and everything at first', () => {
  const wakes = new ExternalWakes()
  expect(wakes.take()).toEqual({ ...nothing, whole: true })
  wakes.noteObjects([])
  expect(wakes.take()).toEqual({ ...nothing, objects: new Set() })
  for (const uid of ['a', 'b', 'a']) wakes.noteObjects([uid])
  wakes.noteServers('c')
  wakes.noteSettled()
  expect(wakes.take()).toEqual({ whole: false, objects: new Set(['a', 'b']), settled: true, servers: new Set(['c']) })
  expect(wakes.take()).toEqual(nothing)
})

it('reads everything again where a host is to be told otherwise who could take over, also while it is being told', () => {
  const wakes = new ExternalWakes()
  wakes.take()
  // Before it was told anything it is told everything anyway.
  expect(wakes.noteOthers(true)).toBe(false)
  wakes.beginOthers()
  expect(wakes.endOthers(false)).toBe(false)
  expect([wakes.noteOthers(false), wakes.take().whole]).toEqual([false, false])
  expect([wakes.noteOthers(true), wakes.take().whole]).toEqual([true, true])
  wakes.beginOthers()
  wakes.noteOthers(false)
  expect(wakes.endOthers(true)).toBe(true)
  expect([wakes.wasToldOthers(true), wakes.wasToldOthers(false)]).toEqual([true, false])
})
