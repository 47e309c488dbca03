import { z } from 'zod'
import { figureRanges } from './levels'

const values = z.array(z.number().nullable())

/** One series, a value a time; null where nothing was measured. Rates are of the mean over the step. */
export const figureSeries = z.object({
  /** In processors: 0.25 is a quarter of one. */
  cpu: values,
  /** The highest of any 10 seconds within the step. */
  cpuPeak: values,
  memoryBytes: values,
  memoryPeakBytes: values,
  readBytesPerSecond: values,
  writtenBytesPerSecond: values,
  diskUsedBytes: values,
  receivedBytesPerSecond: values,
  sentBytesPerSecond: values,
})
export type FigureSeriesView = z.infer<typeof figureSeries>
export const figureMetrics = ['cpu', 'cpuPeak', 'memoryBytes', 'memoryPeakBytes', 'readBytesPerSecond', 'writtenBytesPerSecond', 'diskUsedBytes', 'receivedBytesPerSecond', 'sentBytesPerSecond'] as const satisfies readonly (keyof FigureSeriesView)[]

/**
 * A pod's figures over a range. `vm` is the virtual machine as its host sees it; `overhead` what of it is no container's:
 * kernel, agent and QEMU. A time that is more than one and a half steps after the one before it follows a gap.
 */
export const podFiguresView = z.object({
  range: z.enum(figureRanges),
  from: z.string(),
  to: z.string(),
  stepSeconds: z.number().int(),
  times: z.array(z.string()),
  vm: figureSeries,
  overhead: z.object({ cpu: values, memoryBytes: values }),
  containers: z.array(figureSeries.extend({ name: z.string() })),
})
export type PodFiguresView = z.infer<typeof podFiguresView>

const timed = { range: z.enum(figureRanges), from: z.string(), to: z.string(), stepSeconds: z.number().int(), times: z.array(z.string()) }
/** What passed through a service over a range: `received` is to its endpoints, `sent` are their answers. `totals` are of all that was measured in it. */
export const serviceFiguresView = z.object({ ...timed, connectionsPerSecond: values, receivedBytesPerSecond: values, sentBytesPerSecond: values, totals: z.object({ connections: z.number(), receivedBytes: z.number(), sentBytes: z.number() }) })
export type ServiceFiguresView = z.infer<typeof serviceFiguresView>

/** What each pod and service received and sent over a range; `connections` are of services. `total`: how many there are. */
export const trafficView = z.object({ range: z.enum(figureRanges), total: z.number().int(), items: z.array(z.object({ kind: z.enum(['Pod', 'Service']), uid: z.string(), namespace: z.string(), name: z.string(), receivedBytes: z.number(), sentBytes: z.number(), connections: z.number().nullable() })) })
export type TrafficView = z.infer<typeof trafficView>

export const topSorts = ['cpu', 'memory', 'disk', 'network', 'name'] as const
export type TopSort = (typeof topSorts)[number]

const amounts = { cpu: z.number().nullable(), memoryBytes: z.number().nullable(), diskBytesPerSecond: z.number().nullable(), diskUsedBytes: z.number().nullable(), networkBytesPerSecond: z.number().nullable() }
/** What a pod's virtual machine uses now, overhead included. */
export const topPod = z.object({ uid: z.string(), tenant: z.string(), namespace: z.string(), name: z.string(), host: z.string(), ...amounts })
export type TopPod = z.infer<typeof topPod>
export const topHost = z.object({ uid: z.string(), name: z.string(), cpus: z.number(), memoryTotalBytes: z.number(), ...amounts })
export type TopHost = z.infer<typeof topHost>

/**
 * What passed through a balancer, or a part of it, over a range, on whichever host it ran. `failed` are connections and requests that got no answer. Latencies are where the given part of
 * the requests lies, from counts by classes; null where there were none. `totals` are of all that was counted in it.
 */
export const balancerFiguresView = z.object({
  ...timed, connectionsPerSecond: values, requestsPerSecond: values, errors4xxPerSecond: values, errors5xxPerSecond: values, failedPerSecond: values, receivedBytesPerSecond: values, sentBytesPerSecond: values, activeConnections: values,
  latencyMilliseconds: z.object({ p50: values, p95: values, p99: values }),
  totals: z.object({ connections: z.number(), requests: z.number(), errors4xx: z.number(), errors5xx: z.number(), failed: z.number(), receivedBytes: z.number(), sentBytes: z.number() }),
})
export type BalancerFiguresView = z.infer<typeof balancerFiguresView>

/** What a volume did over a range, on whichever host it was open. The milliseconds are the means of one operation; `storedBytes`: what it took in its store. */
export const volumeFiguresView = z.object({
  ...timed, readBytesPerSecond: values, writtenBytesPerSecond: values, readsPerSecond: values, writesPerSecond: values, readMilliseconds: values, writeMilliseconds: values, storedBytes: values,
  totals: z.object({ readBytes: z.number(), writtenBytes: z.number(), reads: z.number(), writes: z.number() }),
})
export type VolumeFiguresView = z.infer<typeof volumeFiguresView>
