import type { StatsResult } from '@/contracts/guest/v1/answers'
import type { BalancerFigures, FiguresInput, PodFigures, ServiceFigures, Usage, VolumeFigures } from '@/contracts/host/v1/figures'
import type { Clock } from '@/host/pods/clock'
import { intervalFigures, type Reading, type VmBounds } from './interval'
import type { HostReading } from './proc'
import { ServiceMeter, type ServiceCounters } from './service-meter'
import { VolumeMeter, type VolumeCounted } from './volume-meter'

/** A pod that runs, as far as it is measured. */
export type MeasuredPod = { uid: string; bounds: VmBounds; stats: (usage: boolean) => Promise<{ stats: StatsResult; processId: number | null }> }

export type SamplerOptions = {
  bootId: string
  /** The pods that run; those that are being started are left out. */
  pods: () => MeasuredPod[]
  host: () => Promise<HostReading>
  /** Counters of all services of the networks on this host, by uid. */
  services?: () => Promise<ReadonlyMap<string, ServiceCounters>>
  /** What passed through the balancers of this host since the last call; `at` is of this sampler's clock. */
  balancers?: (at: number) => Promise<(Omit<BalancerFigures, 'ageMs'> & { at: number })[]>
  /** What volumes of running pods have done so far. */
  volumes?: () => Promise<VolumeCounted[]>
  processCpu: (pid: number) => Promise<number | null>
  processMemory: (pid: number) => Promise<number | null>
  /** Its `now` only goes forward. */
  clock: Clock
  random: () => number
}

const roundMs = 10_000
/** In every sixth round of a pod also what takes longer to find out. */
const usageEvery = 6
const giveUpMs = 5_000
const lanes = 4
const batchSize = 200
const serviceBatchSize = 1000
const balancerBatchSize = 1000
const volumeBatchSize = 1000
/** A round asks its pods one after the other, not all at its beginning. */
const spreadMs = 7_000
const gapMs = 40

const mostWaiting = 8

type Measured = Omit<PodFigures, 'ageMs'> & { at: number }
type MeasuredService = Omit<ServiceFigures, 'ageMs'> & { at: number }
type MeasuredBalancer = Omit<BalancerFigures, 'ageMs'> & { at: number }
type MeasuredVolume = Omit<VolumeFigures, 'ageMs'> & { at: number }
type Batch = { ready: Measured[]; host: (Usage & { at: number; intervalMs: number }) | null; services: MeasuredService[]; balancers?: MeasuredBalancer[]; volumes?: MeasuredVolume[] }
type PodState = { turn: number; last: Reading | null; memoryBytes: number | null; layers: Map<string, number>; processId: number | null; busy: boolean }

/**
 * Measures the pods of this host every 10 s and hands the figures on in batches. Nothing waits for it: a pod that does not
 * answer is left out, and a batch that cannot be sent at once is dropped; both are gaps.
 */
export class FigureSampler {
  private readonly states = new Map<string, PodState>()
  private readonly serviceMeter = new ServiceMeter()
  private readonly volumeMeter = new VolumeMeter()
  private hostBefore: { at: number; reading: HostReading } | null = null
  private send: ((batch: FiguresInput) => Promise<void>) | null = null
  private isSending = false
  private waiting: Batch[] = []

  constructor(private readonly options: SamplerOptions) {}

  /** From now on figures go this way. */
  attach(send: (batch: FiguresInput) => Promise<void>): void {
    this.send = send
    this.isSending = false
    // What was measured before is of a time that has gone.
    this.waiting = []
  }

  /** Measures until the signal is aborted, each round 10 s after the one before; hosts do not begin at the same moment. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.options
    let next = clock.now() + random() * roundMs
    while (!signal.aborted) {
      await clock.sleep(Math.max(0, next - clock.now()), signal).catch(() => {})
      if (signal.aborted) return
      await this.round(signal)
      next = Math.max(next + roundMs, clock.now())
    }
  }

  /** Asks every pod once. */
  async round(signal: AbortSignal): Promise<void> {
    const { clock } = this.options
    const pods = this.options.pods()
    const named = new Set(pods.map((pod) => pod.uid))
    for (const uid of this.states.keys()) if (!named.has(uid)) this.states.delete(uid)
    const began = clock.now()
    const gap = Math.min(gapMs, spreadMs / Math.max(1, pods.length))
    const ready: Measured[] = []
    const queue = pods.entries()
    const lane = async () => {
      for (const [i, pod] of queue) {
        const wait = began + i * gap - clock.now()
        if (wait > 0) await clock.sleep(wait, signal).catch(() => {})
        if (signal.aborted) return
        const figures = await this.measure(pod)
        if (figures) ready.push(figures)
        if (ready.length >= batchSize) this.offer({ ready: ready.splice(0), host: null, services: [] })
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    const host = await this.measureHost()
    const services = await this.measureServices()
    if (ready.length > 0 || host || services.length > 0) this.offer({ ready, host, services: services.splice(0, serviceBatchSize) })
    while (services.length > 0) this.offer({ ready: [], host: null, services: services.splice(0, serviceBatchSize) })
    const balancers = (await this.options.balancers?.(clock.now()).catch(() => null)) ?? []
    while (balancers.length > 0) this.offer({ ready: [], host: null, services: [], balancers: balancers.splice(0, balancerBatchSize) })
    const volumes = await this.measureVolumes()
    while (volumes.length > 0) this.offer({ ready: [], host: null, services: [], volumes: volumes.splice(0, volumeBatchSize) })
  }

  private async measure(pod: MeasuredPod): Promise<Measured | null> {
    const state = this.stateOf(pod.uid)
    // A guest that still owes an answer is not asked again.
    if (state.busy) return null
    const withUsage = state.turn % usageEvery === 0
    state.turn += 1
    const answer = await this.within(state, pod.stats(withUsage))
    if (!answer) return null
    const { stats, processId } = answer
    const vmCpu = processId === null ? null : await this.options.processCpu(processId)
    if (processId !== state.processId) Object.assign(state, { processId, last: null, memoryBytes: null, layers: new Map() })
    if ((withUsage || state.memoryBytes === null) && processId !== null) state.memoryBytes = await this.options.processMemory(processId)
    if (withUsage) state.layers = new Map(stats.containers.flatMap((each) => (each.layerBytes === undefined ? [] : [[each.container, each.layerBytes]])))
    const reading: Reading = { at: this.options.clock.now(), stats, vm: { cpuMicroseconds: vmCpu, memoryBytes: state.memoryBytes }, layers: state.layers }
    const { last } = state
    state.last = reading
    return last && { podUid: pod.uid, at: reading.at, ...intervalFigures(last, reading, pod.bounds) }
  }

  private stateOf(uid: string): PodState {
    const known = this.states.get(uid)
    if (known) return known
    // Pods differ in when they are asked for what is costly.
    const state: PodState = { turn: this.states.size, last: null, memoryBytes: null, layers: new Map(), processId: null, busy: false }
    this.states.set(uid, state)
    return state
  }

  /** Null where the answer fails or is late; a late one still ends the wait of the next rounds. */
  private async within<T>(state: PodState, answer: Promise<T>): Promise<T | null> {
    state.busy = true
    const settled = answer.catch(() => null).finally(() => { state.busy = false })
    const timer = new AbortController()
    const late = this.options.clock.sleep(giveUpMs, timer.signal).then(() => null, () => null)
    try {
      return await Promise.race([settled, late])
    } finally {
      timer.abort()
    }
  }

  private async measureHost(): Promise<Batch['host']> {
    const reading = await this.options.host()
    const at = this.options.clock.now()
    const before = this.hostBefore
    this.hostBefore = { at, reading }
    if (!before) return null
    const { cpuMicroseconds: from } = before.reading
    const { cpuMicroseconds: to, memoryBytes, diskUsedBytes } = reading
    const cpuMicroseconds = from === null || to === null || to < from ? null : Math.min(to - from, 2 ** 36)
    return { at, intervalMs: Math.min(120_000, Math.max(1, Math.round(at - before.at))), cpuMicroseconds, memoryBytes, diskUsedBytes, readBytes: null, writtenBytes: null, receivedBytes: null, sentBytes: null }
  }

  /** A round whose counters could not be read is a gap: the next one's interval is as long. */
  private async measureServices(): Promise<MeasuredService[]> {
    const counters = await this.options.services?.().catch(() => null)
    return counters ? this.serviceMeter.figures(this.options.clock.now(), counters) : []
  }

  private async measureVolumes(): Promise<MeasuredVolume[]> {
    const counted = await this.options.volumes?.().catch(() => null)
    return counted ? this.volumeMeter.figures(this.options.clock.now(), counted) : []
  }

  /** Batches wait for the one before, a few of them: beyond that the oldest is lost. */
  private offer(batch: Batch): void {
    this.waiting.push(batch)
    if (this.waiting.length > mostWaiting) this.waiting.shift()
    if (!this.isSending) void this.sendAll()
  }

  private async sendAll(): Promise<void> {
    this.isSending = true
    const { send } = this
    while (send && this.send === send) {
      const batch = this.waiting.shift()
      if (!batch) break
      await send(this.message(batch)).catch(() => {})
    }
    if (this.send === send) this.isSending = false
  }

  private message({ ready, host, services, balancers = [], volumes = [] }: Batch): FiguresInput {
    const now = this.options.clock.now()
    const aged = <T extends { at: number }>({ at, ...figures }: T) => ({ ...figures, ageMs: Math.min(60_000, Math.max(0, Math.round(now - at))) })
    return { bootId: this.options.bootId, host: host && aged(host), pods: ready.map(aged), ...(services.length > 0 && { services: services.map(aged) }), ...(balancers.length > 0 && { balancers: balancers.map(aged) }), ...(volumes.length > 0 && { volumes: volumes.map(aged) }) }
  }
}
