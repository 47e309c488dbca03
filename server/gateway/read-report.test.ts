import { expect, it } from 'vitest'
import { maxExternalReports } from '@/contracts/host/v1'
import type { Logger } from '@/platform/logger'
import { HeldExternal } from './held-external'
import { readReport, receivedReport } from './read-report'

const uid = (last: number) => `00000000-0000-4000-8000-${String(last).padStart(12, '0')}`
const entry = (last: number, fields: object = {}) => ({ kind: 'floatingAddress', uid: uid(last), phase: 'Active', reason: '', message: '', ...fields })

function read(external: unknown[], complete = true) {
  const said: string[] = []
  const log = { warn: () => said.push('warn'), error: () => said.push('error') } as unknown as Logger
  return { ...readReport(receivedReport.parse({ bootId: uid(1), sequence: 1, complete, pods: [], events: [], images: [], external }), uid(2), log), said }
}
const held = ({ answering }: ReturnType<typeof read>) => {
  const all = new HeldExternal()
  if (answering) all.begin(answering)
  return (last: number) => ({ address: !all.isFree({ uid: uid(last), address: '198.18.100.2' }), balancer: !all.isBalancerFree(uid(last)) })
}

it('what a host may answer for is held, also where what it says of it cannot be read; what is gone is not', () => {
  const report = read([entry(1), entry(2, { phase: 'Draining' }), entry(3, { phase: 'Gone' }), entry(4, { reason: 'x'.repeat(1000) })])
  expect(report.external.map((one) => one.uid)).toEqual([uid(1), uid(3)])
  const isHeld = held(report)
  expect([1, 2, 3, 4, 5].map((last) => isHeld(last).address)).toEqual([true, true, false, true, false])
  expect(isHeld(1).balancer).toBe(false)
  expect(report.said).toEqual(['warn'])
  expect(held(read([entry(6, { kind: 'balancer', phase: 'Draining' })]))(6)).toEqual({ address: true, balancer: true })
})

it.each([['a kind that is not known', { kind: 'router' }], ['no uid', { uid: 'x' }]])('of a host that names something with %s all is held, and it is said', (_, fields) => {
  const report = read([entry(1), entry(2, fields)])
  expect(report.answering).toBe(null)
  expect(report.said).toEqual(['warn', 'error'])
  expect(held(report)(9)).toEqual({ address: true, balancer: true })
})

it('as many as a report holds may be a part of more', () => {
  const all = Array.from({ length: maxExternalReports }, (_, i) => entry(i))
  expect(read(all).answering).toBe(null)
  expect(read(all.slice(1)).answering).toHaveLength(maxExternalReports - 1)
})

it('a report of changes says nothing of what else there is', () => {
  expect(read([entry(1, { kind: 'router' })], false)).toMatchObject({ answering: [], said: ['warn'] })
})
