import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StatsResult } from '@/contracts/guest/v1/answers'
import { figuresInput, podFigures, type FiguresInput } from '@/contracts/host/v1/figures'
import type { Clock } from '@/host/pods/clock'
import { podSpec } from '@/domain/pod/spec'
import { measuredPods } from './measured-pods'
import { intervalFigures, type Reading, type VmBounds } from './interval'
import { processCpu, processMemory, readHost } from './proc'
import { FigureSampler, type MeasuredPod } from './sampler'
import { ServiceMeter, type ServiceCounters } from './service-meter'

const bounds: VmBounds = { vcpus: 2, memoryBytes: 256 << 20, diskBytes: 1 << 30, containers: ['a', 'b'] }
const container = (name: string, over: Partial<StatsResult['containers'][number]> = {}) => ({ container: name, cpuMicroseconds: 0, memoryBytes: 1 << 20, processes: 1, oomKills: 0, ...over })
const stats = (containers: StatsResult['containers'], over: Partial<StatsResult> = {}): StatsResult => ({ vm: { memoryTotalBytes: 256 << 20, memoryAvailableBytes: 100 << 20, cpuMicroseconds: 0 }, containers, ...over })
const reading = (at: number, said: StatsResult, over: Partial<Reading> = {}): Reading => ({ at, stats: said, vm: { cpuMicroseconds: Math.round(at * 500), memoryBytes: 90 << 20 }, layers: new Map(), ...over })

describe('the figures of an interval', () => {
  it('are what counters grew by and what gauges stand at', () => {
    const before = reading(0, stats([container('a', { cpuMicroseconds: 100, readBytes: 10 })], { network: { receivedBytes: 5, sentBytes: 6, receivedPackets: 0, sentPackets: 0 } }))
    const now = reading(10_000, stats([container('a', { cpuMicroseconds: 4_000_100, readBytes: 30 })], { network: { receivedBytes: 15, sentBytes: 36, receivedPackets: 0, sentPackets: 0 }, scratch: { totalBytes: 1 << 30, usedBytes: 77 } }), { layers: new Map([['a', 33]]) })
    expect(intervalFigures(before, now, bounds)).toEqual({
      intervalMs: 10_000,
      vm: { cpuMicroseconds: 5_000_000, memoryBytes: 90 << 20, readBytes: 20, writtenBytes: null, receivedBytes: 10, sentBytes: 30, diskUsedBytes: 77 },
      containers: [{ name: 'a', cpuMicroseconds: 4_000_000, memoryBytes: 1 << 20, readBytes: 20, writtenBytes: null, receivedBytes: null, sentBytes: null, diskUsedBytes: 33 }],
    })
  })

  it('count a container that was started again from nothing, and leave out what the spec does not name', () => {
    const before = reading(0, stats([container('a', { cpuMicroseconds: 9_000_000 })]))
    const now = reading(10_000, stats([container('a', { cpuMicroseconds: 200 }), container('b', { cpuMicroseconds: 300 }), container('miner', { cpuMicroseconds: 400 })]))
    expect(intervalFigures(before, now, bounds).containers.map((each) => [each.name, each.cpuMicroseconds])).toEqual([['a', 200], ['b', 300]])
  })

  it('are never more than the VM could have used, and always fit the contract, whatever the guest says', () => {
    const count = fc.oneof(fc.nat(), fc.maxSafeNat())
    const said = fc.record({
      vm: fc.record({ memoryTotalBytes: count, memoryAvailableBytes: count, cpuMicroseconds: count }),
      containers: fc.array(fc.record({ container: fc.constantFrom('a', 'b', 'c'), cpuMicroseconds: count, memoryBytes: count, processes: count, oomKills: count, readBytes: count, writtenBytes: count, layerBytes: count }), { maxLength: 256 }),
      network: fc.record({ receivedBytes: count, sentBytes: count, receivedPackets: count, sentPackets: count }),
      scratch: fc.record({ totalBytes: count, usedBytes: count }),
    })
    fc.assert(fc.property(said, said, fc.double({ min: -1000, max: 500_000, noNaN: true }), (first, second, at) => {
      const figures = intervalFigures(reading(0, first), reading(at, second, { layers: new Map(second.containers.map((each) => [each.container, each.layerBytes])) }), bounds)
      podFigures.parse({ podUid: crypto.randomUUID(), ageMs: 0, ...figures })
      expect(figures.containers.length).toBeLessThanOrEqual(2)
      for (const each of figures.containers) {
        expect(each.cpuMicroseconds).toBeLessThanOrEqual(2 * figures.intervalMs * 1000)
        expect(each.memoryBytes).toBeLessThanOrEqual(bounds.memoryBytes)
        expect(each.diskUsedBytes).toBeLessThanOrEqual(bounds.diskBytes)
      }
      expect(figures.vm.diskUsedBytes).toBeLessThanOrEqual(bounds.diskBytes)
    }))
  })
})

/** A clock that stands still until it is moved; who sleeps wakes in order. */
function fakeClock() {
  let now = 0
  const sleepers: { at: number; wake: () => void }[] = []
  const settle = async () => { for (let i = 0; i < 40; i += 1) await Promise.resolve() }
  const clock: Clock = {
    now: () => now,
    steady: () => now,
    sleep: (ms, signal) => new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new Error('aborted'))
      const abort = () => reject(new Error('aborted'))
      const wake = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      sleepers.push({ at: now + ms, wake })
      signal?.addEventListener('abort', abort, { once: true })
    }),
  }
  const advance = async (ms: number) => {
    const until = now + ms
    for (;;) {
      await settle()
      const next = sleepers.filter((each) => each.at <= until).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      sleepers.splice(sleepers.indexOf(next), 1)
      now = Math.max(now, next.at)
      next.wake()
    }
    now = until
    await settle()
  }
  return { clock, advance }
}

const uid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const bootId = uid(999)

function sampler(pods: MeasuredPod[], over: Partial<ConstructorParameters<typeof FigureSampler>[0]> = {}) {
  const time = fakeClock()
  const sent: FiguresInput[] = []
  const memoryReads: number[] = []
  const measure = new FigureSampler({
    bootId, pods: () => pods, clock: time.clock, random: () => 0,
    host: () => Promise.resolve({ cpuMicroseconds: time.clock.now() * 1500, memoryBytes: 1000, diskUsedBytes: 2000 }),
    processCpu: () => Promise.resolve(time.clock.now() * 800),
    processMemory: (pid) => { memoryReads.push(pid); return Promise.resolve(pid * 1000) },
    ...over,
  })
  const ending = new AbortController()
  measure.attach((batch) => { sent.push(figuresInput.parse(batch)); return Promise.resolve() })
  void measure.run(ending.signal)
  return { ...time, sent, memoryReads, measure, end: () => ending.abort() }
}

const pod = (n: number, answer: MeasuredPod['stats']): MeasuredPod => ({ uid: uid(n), bounds, stats: answer })
const good = (usages: boolean[] = []) => (usage: boolean) => { usages.push(usage); return Promise.resolve({ stats: stats([container('a', usage ? { layerBytes: 4096 } : {})]), processId: 7 }) }

describe('measuring', () => {
  it('tells of every pod and the host every 10 s, what is costly once a minute', async () => {
    const usages: boolean[] = []
    const { advance, sent, memoryReads, end } = sampler([pod(1, good(usages))])
    await advance(125_000)
    end()
    expect(usages).toHaveLength(13)
    expect(usages.filter(Boolean)).toHaveLength(3)
    expect(memoryReads).toHaveLength(3)
    // The first reading is where the first interval begins.
    expect(sent.flatMap((batch) => batch.pods)).toHaveLength(12)
    expect(sent.at(-1)).toMatchObject({ bootId, host: { cpuMicroseconds: 15_000_000, intervalMs: 10_000, memoryBytes: 1000 }, pods: [{ podUid: uid(1), intervalMs: 10_000, vm: { cpuMicroseconds: 8_000_000, memoryBytes: 7000 }, containers: [{ name: 'a', diskUsedBytes: 4096 }] }] })
  })

  it('gives a guest up that does not answer, asks it no more until it has, and leaves the others unharmed', async () => {
    let asked = 0
    const { advance, sent, end } = sampler([pod(1, () => { asked += 1; return new Promise(() => {}) }), pod(2, () => Promise.reject(new Error('the guest is lost'))), pod(3, good())])
    await advance(61_000)
    end()
    expect(asked).toBe(1)
    expect([...new Set(sent.flatMap((batch) => batch.pods.map((each) => each.podUid)))]).toEqual([uid(3)])
    expect(sent.flatMap((batch) => batch.pods).length).toBeGreaterThanOrEqual(5)
  })

  it('begins anew with another VM of the pod', async () => {
    let processId = 7
    const { advance, sent, end } = sampler([pod(1, () => Promise.resolve({ stats: stats([container('a')]), processId }))])
    await advance(25_000)
    const before = sent.flatMap((batch) => batch.pods).length
    processId = 8
    await advance(10_000)
    expect(sent.flatMap((batch) => batch.pods)).toHaveLength(before)
    await advance(10_000)
    expect(sent.flatMap((batch) => batch.pods)).toHaveLength(before + 1)
    end()
  })

  it('asks a thousand pods within a round, a batch after the other', async () => {
    const { advance, sent, end } = sampler(Array.from({ length: 1000 }, (_, i) => pod(i, good())))
    await advance(19_000)
    end()
    const pods = sent.flatMap((batch) => batch.pods)
    expect(new Set(pods.map((each) => each.podUid)).size).toBe(1000)
    expect(Math.max(...sent.map((batch) => batch.pods.length))).toBeLessThanOrEqual(200)
  })

  it('waits for no server: what cannot be sent is lost, and nothing of it is sent on the next connection', async () => {
    const { advance, measure, end } = sampler([pod(1, good())])
    const offered: FiguresInput[] = []
    measure.attach((batch) => { offered.push(batch); return new Promise(() => {}) })
    await advance(300_000)
    expect(offered).toHaveLength(1)
    const later: FiguresInput[] = []
    measure.attach((batch) => { later.push(batch); return Promise.reject(new Error('no')) })
    await advance(20_000)
    end()
    expect(later).toHaveLength(2)
    for (const batch of later) expect(batch.pods[0]?.ageMs).toBeLessThan(1000)
  })
})

describe('services', () => {
  const counted = (receivedBytes: number, connections = 0): ServiceCounters => ({ receivedBytes, sentBytes: 2 * receivedBytes, connections })

  it('are told of by what their counters grew by, from 0 where they began anew or came later', () => {
    const meter = new ServiceMeter()
    expect(meter.figures(0, new Map([['a', counted(100, 7)]]))).toEqual([])
    const read = (at: number, all: [string, ServiceCounters][]) => meter.figures(at, new Map(all)).map((each) => [each.serviceUid, each.intervalMs, each.receivedBytes, each.sentBytes, each.connections])
    expect(read(10_000, [['a', counted(150, 8)], ['b', counted(5, 1)]])).toEqual([['a', 10_000, 50, 100, 1], ['b', 10_000, 5, 10, 1]])
    // The packet filter was loaded as a whole between the two.
    expect(read(20_000, [['a', counted(30, 9)], ['b', counted(5, 1)]])).toEqual([['a', 10_000, 30, 60, 9], ['b', 10_000, 0, 0, 0]])
    expect(read(25_000, [['b', counted(6, 1)]])).toEqual([['b', 5000, 1, 2, 0]])
  })

  it('come every 10 s with the rest; a reading that fails is a gap, and the next one has its growth', async () => {
    let round = 0
    const services = () => {
      round += 1
      return round === 3 ? Promise.reject(new Error('the namespace is gone')) : Promise.resolve(new Map(Array.from({ length: 1200 }, (_, i) => [uid(i), counted(round * 100, round)] as const)))
    }
    const { advance, sent, end } = sampler([], { services })
    await advance(39_000)
    end()
    const told = sent.flatMap((batch) => batch.services ?? []).filter((each) => each.serviceUid === uid(7))
    expect(told).toEqual([{ serviceUid: uid(7), ageMs: 0, intervalMs: 10_000, receivedBytes: 100, sentBytes: 200, connections: 1 }, { serviceUid: uid(7), ageMs: 0, intervalMs: 20_000, receivedBytes: 200, sentBytes: 400, connections: 2 }])
    expect(sent.map((batch) => batch.services?.length ?? 0)).toEqual(expect.arrayContaining([1000, 200]))
  })
})

it('the pods that are measured have a process, and are bound by their own size', async () => {
  const spec = podSpec.parse({ containers: [{ name: 'a', image: 'i', resources: { limits: { cpu: '1500m', memory: '64Mi' } } }], initContainers: [{ name: 'first', image: 'i' }] })
  const worker = (startedAt: string | null) => ({ spec, stats: good(), report: () => ({ ...{ uid: uid(1), observedGeneration: 1, phase: 'Running' as const, reason: '', message: '', conditions: [], containers: [], startMode: null, startSteps: [] }, startedAt }) })
  const [only, ...others] = measuredPods({ running: () => [[uid(1), worker('2026-11-25T00:00:00Z')], [uid(2), worker(null)]] })
  expect(others).toEqual([])
  expect(only).toMatchObject({ uid: uid(1), bounds: { vcpus: 2, memoryBytes: 128 << 20, containers: ['first', 'a'] } })
  expect((await only!.stats(false)).processId).toBe(7)
})

describe('the host’s own view', () => {
  it('is read of real processes', async () => {
    expect(await processCpu(process.pid)).toBeGreaterThan(0)
    expect(await processMemory(process.pid)).toBeGreaterThan(1 << 20)
    expect(await processCpu(2 ** 22 + 1)).toBeNull()
    expect(await processMemory(2 ** 22 + 1)).toBeNull()
    const host = await readHost('/')
    expect(host.cpuMicroseconds).toBeGreaterThan(0)
    expect(host.memoryBytes).toBeGreaterThan(1 << 20)
    expect(host.diskUsedBytes).toBeGreaterThan(0)
    expect(await readHost('/nowhere')).toMatchObject({ diskUsedBytes: null })
  })
})
