import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { reportInput, type ImageReport, type ReportInput } from '@/contracts/host/v1'
import { Reporter } from './reporter'

const image = (reference: string): ImageReport => ({ reference, digest: null, sizeBytes: null, phase: 'Ready', message: '', bytesDone: 0, bytesTotal: 0 })

it('reports any number of images and events in reports that the contract takes', async () => {
  const images = new Map(Array.from({ length: 10_500 }, (_, i) => [`image:${i}`, image(`image:${i}`)]))
  const reporter = new Reporter(randomUUID(), { report: () => null, reports: () => [], image: (reference) => images.get(reference) ?? null, imageReports: () => [...images.values()] })
  const sent: ReportInput[] = []
  for (let i = 0; i < 2_500; i += 1) reporter.event({ podUid: randomUUID(), type: 'Normal', reason: `R${i}`, message: '', time: 'now' })
  reporter.attach(async (report) => void sent.push(reportInput.parse(report)))
  await reporter.settled()
  expect(sent.map(({ complete }) => complete)).toEqual([true, ...Array.from({ length: sent.length - 1 }, () => false)])
  expect(Math.max(...sent.map((report) => Math.max(report.images.length, report.events.length)))).toBe(1_000)
  expect(new Set(sent.flatMap((report) => report.images.map(({ reference }) => reference))).size).toBe(images.size)
  expect(sent.flatMap(({ events }) => events)).toHaveLength(2_000)
})

it('begins anew with all images after a report that failed', async () => {
  const reporter = new Reporter(randomUUID(), { report: () => null, reports: () => [], image, imageReports: () => [image('a:1'), image('b:1')] })
  reporter.attach(() => Promise.reject(new Error('lost')))
  await reporter.settled()
  reporter.imageChanged('a:1')
  const sent: ReportInput[] = []
  reporter.attach(async (report) => void sent.push(report))
  await reporter.settled()
  expect(sent.map(({ images }) => images.map(({ reference }) => reference))).toEqual([['a:1', 'b:1']])
})
