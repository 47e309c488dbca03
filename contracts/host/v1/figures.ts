import { z } from 'zod'
import { reportText } from '@/domain/shared/report-text'

/** Of one interval: what a counter grew by. Bounded so that the sums of a month fit into 64 bits. */
const grown = z.number().int().min(0).max(2 ** 44).nullable()
/** At the end of the interval. */
const level = z.number().int().min(0).max(2 ** 46).nullable()
const usage = z.object({
  cpuMicroseconds: z.number().int().min(0).max(2 ** 36).nullable(),
  memoryBytes: level,
  readBytes: grown,
  writtenBytes: grown,
  receivedBytes: grown,
  sentBytes: grown,
  diskUsedBytes: level,
})
/** What something used in an interval; null for what could not be read. */
export type Usage = z.infer<typeof usage>

/** `ageMs`: how long before it was sent the interval ended: the server's clock tells when that was. */
const interval = { ageMs: z.number().int().min(0).max(60_000), intervalMs: z.number().int().min(1).max(120_000) }

/** `vm`: the virtual machine as the host sees it from outside; `containers`: what the guest says, within the bounds of the VM. */
export const podFigures = z.object({ podUid: z.uuid(), ...interval, vm: usage, containers: z.array(usage.extend({ name: z.string().min(1).max(63) })).max(60) })
export type PodFigures = z.infer<typeof podFigures>

/** What passed through a service's address on this host in an interval: both ways of its connections; `connections` are new ones. */
export const serviceFigures = z.object({ serviceUid: z.uuid(), ...interval, receivedBytes: grown, sentBytes: grown, connections: grown })
export type ServiceFigures = z.infer<typeof serviceFigures>

const count = z.number().int().min(0).max(2 ** 44)
/**
 * What passed through a part of a balancer in an interval: the whole (`part` empty), a rule (`rule/ID`) or a backend (`backend/NAME`). `latency`: how many
 * requests took up to 1, 3, 10, 30, 100, 300, 1000, 3000 ms, and longer, in that order.
 */
export const balancerFigures = z.object({ balancerUid: z.uuid(), part: z.string().max(80), ...interval, connections: count, requests: count, errors4xx: count, errors5xx: count, failed: count, receivedBytes: count, sentBytes: count, latency: z.array(count).length(9).nullable(), activeConnections: z.number().int().min(0).max(2 ** 31) })
export type BalancerFigures = z.infer<typeof balancerFigures>

/**
 * A server behind a balancer now: `server` is `address:port`, an IPv6 address in brackets. `forSeconds`: how long it has been so. `problem`: why it is down. `total`: requests of
 * http, else connections; it and what follows are since the balancer's HAProxy began. `milliseconds`: from a request to the beginning of the answer, the mean of the last 1024; null where there was none.
 */
export const balancerServerState = z.object({ backend: z.string().max(64), server: z.string().max(80), health: z.enum(['up', 'down', 'draining']), problem: reportText(200).nullable(), forSeconds: z.number().int().min(0).max(2 ** 31), connections: count, total: count, failed: count, errors5xx: count, receivedBytes: count, sentBytes: count, milliseconds: count.nullable() })
export type BalancerServerState = z.infer<typeof balancerServerState>

/** What a volume did in an interval, over all pods of this host that have it; null for what could not be read. The microseconds are of all its operations together; `storedBytes`: what it takes in its store. */
export const volumeFigures = z.object({ volumeUid: z.uuid(), ...interval, readBytes: grown, writtenBytes: grown, readOperations: grown, writeOperations: grown, readMicroseconds: grown, writeMicroseconds: grown, storedBytes: level })
export type VolumeFigures = z.infer<typeof volumeFigures>

/** A batch of figures. One that is lost is a gap: the next has only what came after. */
export const figuresInput = z.object({ bootId: z.uuid(), host: usage.extend(interval).nullable(), pods: z.array(podFigures).max(500), services: z.array(serviceFigures).max(1000).optional(), balancers: z.array(balancerFigures).max(2000).optional(), volumes: z.array(volumeFigures).max(2000).optional() })
export type FiguresInput = z.infer<typeof figuresInput>
