import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { maxExternalReports, reportInput, type ImageReport, type PodReport, type ReportInput } from '@/contracts/host/v1'
import type { ExternalReport } from '@/contracts/host/v1/external'
import type { VolumeReport } from '@/contracts/host/v1/volumes'
import { containerSpec } from '@/domain/pod/spec'
import { newRecord } from '@/host/pods/container-record'
import { Reporter } from './reporter'

const image = (reference: string): ImageReport => ({ reference, digest: null, sizeBytes: null, phase: 'Ready', message: '', bytesDone: 0, bytesTotal: 0 })

it('reports any number of images and events in reports that the contract takes', async () => {
  const images = new Map(Array.from({ length: 10_500 }, (_, i) => [`image:${i}`, image(`image:${i}`)]))
  const reporter = new Reporter(randomUUID(), { report: () => null, reports: () => [], image: (reference) => images.get(reference) ?? null, imageReports: () => [...images.values()] })
  const sent: ReportInput[] = []
  for (let i = 0; i < 2_500; i += 1) reporter.event({ podUid: randomUUID(), type: 'Normal', reason: `R${i}`, message: '', time: '2026-01-01T00:00:00Z' })
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

/** Characters that take six bytes each. */
const wide = (length: number) => '\u0001'.repeat(length)
function crashing(containers: number): PodReport {
  const end = { exitCode: 1, signal: null, reason: 'Error', message: wide(4_000), startedAt: null, finishedAt: '2026-01-01T00:00:00Z', lastLines: Array.from({ length: 20 }, () => wide(1_024)), terminationMessage: wide(4_000) }
  const { status } = newRecord(containerSpec.parse({ name: 'web', image: 'i' }))
  const one = { ...status, message: wide(4_000), lastLines: end.lastLines, terminationMessage: end.terminationMessage, lastEnd: end }
  return { uid: randomUUID(), observedGeneration: 1, phase: 'Running', reason: '', message: wide(4_000), conditions: [], containers: Array.from({ length: containers }, () => one), startMode: null, startSteps: [], startedAt: null }
}
/** What the server's socket takes. */
const socketBytes = 16 << 20

it('tells any number of crashing containers in reports that the socket takes, and all that they said in the end', async () => {
  const pods = new Map(Array.from({ length: 60 }, () => crashing(3)).map((pod) => [pod.uid, pod]))
  const reporter = new Reporter(randomUUID(), { report: (uid) => pods.get(uid) ?? null, reports: () => [...pods.values()], image: () => null, imageReports: () => [] })
  const sent: ReportInput[] = []
  reporter.attach(async (report) => void sent.push(report))
  await reporter.settled()
  expect(sent[0]?.complete).toBe(true)
  expect(sent[0]?.pods).toHaveLength(60)
  expect(Math.max(...sent.map((report) => JSON.stringify(report).length))).toBeLessThan(socketBytes / 2)
  const last = new Map(sent.flatMap((report) => report.pods.map((pod) => [pod.uid, pod] as const)))
  expect([...last.values()].every((pod) => pod === pods.get(pod.uid))).toBe(true)
})

it('tells a pod that is too much for one report with the words of its first containers', async () => {
  const pod = crashing(40)
  const reporter = new Reporter(randomUUID(), { report: () => pod, reports: () => [pod], image: () => null, imageReports: () => [] })
  const sent: ReportInput[] = []
  reporter.attach(async (report) => void sent.push(reportInput.parse(report)))
  await reporter.settled()
  expect(sent.map(({ complete }) => complete)).toEqual([true, false])
  const lines = sent[1]?.pods[0]?.containers.map(({ lastLines }) => lastLines.length)
  expect([lines?.length, lines?.[0], lines?.at(-1)]).toEqual([40, 20, 0])
  expect(JSON.stringify(sent[1]).length).toBeLessThan(socketBytes / 2)
})

it('bounds images and events by what they take', async () => {
  const images = new Map(Array.from({ length: 600 }, (_, i) => [`image:${i}`, { ...image(`image:${i}`), message: wide(4_000) }]))
  const reporter = new Reporter(randomUUID(), { report: () => null, reports: () => [], image: (reference) => images.get(reference) ?? null, imageReports: () => [...images.values()] })
  const sent: ReportInput[] = []
  for (let i = 0; i < 600; i += 1) reporter.event({ podUid: randomUUID(), type: 'Normal', reason: 'R', message: wide(4_000), time: '2026-01-01T00:00:00Z' })
  reporter.attach(async (report) => void sent.push(report))
  await reporter.settled()
  expect([sent.flatMap((report) => report.images).length, sent.flatMap((report) => report.events).length]).toEqual([600, 600])
  expect(Math.max(...sent.map((report) => JSON.stringify(report).length))).toBeLessThan(socketBytes / 2)
})

it('names all that it may answer for on the outside in a complete report, however much its pods have to say, and tells what became of it afterwards', async () => {
  const pods = Array.from({ length: 60 }, () => crashing(3))
  const external = new Map(Array.from({ length: 50 }, (): [string, ExternalReport] => {
    const uid = randomUUID()
    return [`balancer/${uid}`, { kind: 'balancer', uid, phase: 'Degraded', reason: 'PartlyServing', message: wide(1_000) }]
  }))
  const gone: ExternalReport = { kind: 'balancer', uid: randomUUID(), phase: 'Gone', reason: 'Released', message: '' }
  const all = new Map([[`balancer/${gone.uid}`, gone], ...external])
  const reporter = new Reporter(randomUUID(), { report: (uid) => pods.find((pod) => pod.uid === uid) ?? null, reports: () => pods, image: () => null, imageReports: () => [] }, undefined, { externalReport: (key) => all.get(key) ?? null, externalReports: () => all })
  const sent: ReportInput[] = []
  reporter.attach(async (report) => void sent.push(reportInput.parse(report)))
  await reporter.settled()
  expect(sent[0]?.external?.map(({ uid, phase }) => ({ uid, phase }))).toEqual([...external.values()].map(({ uid, phase }) => ({ uid, phase })))
  const last = new Map(sent.flatMap((report) => (report.external ?? []).map((one) => [one.uid, one] as const)))
  expect([...last.values()]).toEqual(expect.arrayContaining([...external.values()]))
})

it('sends no report that the server would refuse whole, however much this host answers for, and the rest of it afterwards', async () => {
  const external = new Map(Array.from({ length: maxExternalReports + 3 }, (_, i): [string, ExternalReport] => {
    const uid = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`
    return [`floatingAddress/${uid}`, { kind: 'floatingAddress', uid, phase: 'Active', reason: 'Answering', message: '198.18.100.2 leads to 10.0.0.2' }]
  }))
  const reporter = new Reporter(randomUUID(), { report: () => null, reports: () => [], image: () => null, imageReports: () => [] }, 0, { externalReport: (key) => external.get(key) ?? null, externalReports: () => external })
  const sent: ReportInput[] = []
  reporter.attach(async (report) => void sent.push(reportInput.parse(report)))
  await reporter.settled()
  expect(sent[0]).toMatchObject({ complete: true })
  expect(sent[0]?.external).toHaveLength(maxExternalReports)
  expect(JSON.stringify(sent[0]).length).toBeLessThan(socketBytes)
  expect(new Set(sent.flatMap((report) => (report.external ?? []).map(({ uid }) => uid))).size).toBe(external.size)
})

it('names all volumes that it may open in a complete report, with who has them, and each answer to a removal afterwards', async () => {
  const volumes = new Map(Array.from({ length: 2_000 }, (): [string, VolumeReport] => {
    const uid = randomUUID()
    const attachments: VolumeReport['attachments'] = [{ podUid: randomUUID(), epoch: 3, phase: 'Attached', reason: '', message: wide(1_500), device: '/dev/vdc', usedBytes: 1, fsBytes: 2, paused: false, transport: 'direct' }]
    return [`volume/${uid}`, { kind: 'volume', uid, epoch: 3, phase: 'Ready', reason: '', message: wide(500), attachments }]
  }))
  const gone: VolumeReport = { kind: 'volume', uid: randomUUID(), epoch: 4, phase: 'Gone', reason: '', message: '' }
  const all = new Map([[`volume/${gone.uid}`, gone], ...volumes])
  const store = { uid: randomUUID(), reachable: true, message: '', totalBytes: 2, freeBytes: 1 }
  const source = { report: (key: string) => all.get(key) ?? null, reports: () => all, storeReport: () => store, storeReports: () => [store] }
  const reporter = new Reporter(randomUUID(), { report: () => null, reports: () => [], image: () => null, imageReports: () => [] }, 0, null, source)
  // Nobody listens yet: the complete report has it.
  reporter.volumeChanged(`volume/${gone.uid}`)
  const sent: ReportInput[] = []
  reporter.attach(async (report) => void sent.push(reportInput.parse(report)))
  await reporter.settled()
  const rights = (reports: VolumeReport[] = []) => reports.map(({ uid, epoch, attachments }) => [uid, epoch, attachments?.map(({ podUid, phase }) => [podUid, phase])])
  expect(rights(sent[0]?.volumes)).toEqual(rights([...volumes.values()]))
  expect(sent[0]?.stores).toEqual([store])
  const last = new Map(sent.flatMap((report) => (report.volumes ?? []).map((one) => [one.uid, one] as const)))
  expect([...last.values()]).toEqual([...volumes.values()])
  const before = sent.length
  reporter.volumeChanged(`volume/${gone.uid}`)
  reporter.storeChanged(store.uid)
  await reporter.settled()
  expect(sent.slice(before).flatMap(({ volumes = [], stores = [] }) => [...volumes, ...stores])).toEqual([gone, store])
})

it('tells how far a start is with what does not wait, or once it has waited', async () => {
  const pod = crashing(1)
  const reporter = new Reporter(randomUUID(), { report: () => pod, reports: () => [], image, imageReports: () => [] }, 0, null, null, 50)
  const sent: ReportInput[] = []
  reporter.attach(async (report) => void sent.push(report))
  await reporter.settled()
  const progress = () => {
    reporter.podProgressed(pod.uid)
    reporter.imageChanged('a:1', true)
    reporter.event({ podUid: pod.uid, type: 'Normal', reason: 'Pulled', message: '', time: '2026-01-01T00:00:00Z' })
  }
  const told = () => sent.slice(1).map(({ pods, images, events }) => [pods.length, images.length, events.map(({ reason }) => reason)])
  progress()
  await reporter.settled()
  expect(told()).toEqual([])
  await expect.poll(told).toEqual([[1, 1, ['Pulled']]])
  progress()
  reporter.event({ podUid: pod.uid, type: 'Warning', reason: 'BackOff', message: '', time: '2026-01-01T00:00:00Z' })
  await reporter.settled()
  expect(told()).toEqual([[1, 1, ['Pulled']], [1, 1, ['Pulled', 'BackOff']]])
  progress()
  await reporter.finish()
  expect(told().at(-1)).toEqual([1, 1, ['Pulled']])
})

it('sends nothing at once for what goes well, though something that does not was just sent', async () => {
  const reporter = new Reporter(randomUUID(), { report: () => null, reports: () => [], image, imageReports: () => [] }, 0, null, null, 300)
  const event = (type: 'Normal' | 'Warning', reason: string) => reporter.event({ podUid: randomUUID(), type, reason, message: '', time: '2026-01-01T00:00:00Z' })
  const told: string[] = []
  reporter.attach(async ({ events }) => {
    told.push(...events.map(({ reason }) => reason))
    if (told.length === 1) event('Normal', 'Pulled')
  })
  event('Warning', 'BackOff')
  await reporter.settled()
  expect(told).toEqual(['BackOff'])
  await expect.poll(() => told).toEqual(['BackOff', 'Pulled'])
})
