import { expect, it } from 'vitest'
import { Reached } from './reached'

const servers = (...digits: number[]) => new Map([['web', digits.map((digit) => ({ address: `10.0.0.${digit}`, port: 80, weight: 1 }))]])
const lost = (...digits: number[]) => new Set(digits.map((digit) => `10.0.0.${digit}`))

it('a pod’s end concerns a balancer that leads to it, or did: until its connections have ended, and each time while it is led to', () => {
  const reached = new Reached()
  reached.add(servers(2, 3))
  reached.add(servers(3))
  expect(reached.among(lost(4))).toEqual([])
  // One that left, and one that a restart of its machine brings back at the same address.
  expect(reached.among(lost(2, 3))).toEqual(['10.0.0.2', '10.0.0.3'])
  // They may not have ended yet.
  expect(reached.among(lost(2, 3))).toEqual(['10.0.0.2', '10.0.0.3'])
  reached.ended(['10.0.0.2', '10.0.0.3'], servers(3))
  expect(reached.among(lost(2, 3))).toEqual(['10.0.0.3'])
  reached.ended(['10.0.0.3'], servers())
  expect(reached.among(lost(3))).toEqual([])
})

it('of very many the oldest are forgotten', () => {
  const reached = new Reached()
  const all = Array.from({ length: 10_001 }, (_, i) => ({ address: `10.0.${i >> 8}.${i & 255}`, port: 80, weight: 1 }))
  reached.add(new Map([['web', all]]))
  expect(reached.among(new Set(['10.0.0.0', '10.0.0.1']))).toEqual(['10.0.0.1'])
})
