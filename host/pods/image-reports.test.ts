import { expect, it } from 'vitest'
import type { ImageReport } from '@/contracts/host/v1'
import { imageKey, ImageReports } from './image-reports'

const report = (tenantId: string, reference: string, phase: ImageReport['phase'], digest: string | null = null): ImageReport => ({ tenantId, reference, digest, sizeBytes: null, phase, message: '', bytesDone: 0, bytesTotal: 0 })
const everything = () => true

it('keeps what is told of an image by tenant, under its name in full', () => {
  const reports = new ImageReports((reference) => `full/${reference}`)
  const keys = [report('ann', 'a:1', 'Ready'), report('bob', 'a:1', 'Failed'), report('', 'a:1', 'Ready')].map((one) => reports.put(one, everything).key)
  expect(new Set(keys).size).toBe(3)
  expect(reports.all().map(imageKey)).toEqual(['ann full/a:1', 'bob full/a:1', 'full/a:1'])
  // It is news until it was said.
  expect([1, 2].map(() => reports.put(report('bob', 'a:1', 'Ready'), everything).isKnown)).toEqual([false, true])
  expect(reports.take('bob full/a:1')?.phase).toBe('Ready')
})

it('tells of an image that is gone once, to each who was told of it, and not in a complete report', () => {
  const reports = new ImageReports()
  for (const one of [report('ann', 'a:1', 'Ready', 'sha256:1'), report('bob', 'b:1', 'Ready', 'sha256:1'), report('ann', 'c:1', 'Ready', 'sha256:2')]) reports.put(one, everything)
  const keys = reports.removed('sha256:1')
  expect(keys).toEqual(['ann a:1', 'bob b:1'])
  expect(reports.all().map(({ reference }) => reference)).toEqual(['c:1'])
  expect(keys.map((key) => reports.take(key)?.phase)).toEqual(['Removed', 'Removed'])
  expect(keys.map((key) => reports.take(key))).toEqual([null, null])
})

it('keeps only text that the database of the server takes', () => {
  const reports = new ImageReports()
  const { key } = reports.put({ ...report('ann', 'a:1', 'Failed'), message: `built for \0\ud800${'x'.repeat(5000)}` }, everything)
  const message = reports.take(key)?.message
  expect([message?.slice(0, 12), message?.length]).toEqual(['built for \ufffd\ufffd', 4096])
})

it('forgets what was never pulled and nobody wants', () => {
  const reports = new ImageReports()
  reports.put(report('ann', 'a:1', 'Failed'), everything)
  reports.put(report('bob', 'a:1', 'Failed'), (tenantId) => tenantId === 'ann')
  expect(reports.all()).toHaveLength(1)
  reports.forget(() => false)
  expect(reports.all()).toEqual([])
})
