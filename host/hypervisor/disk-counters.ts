import { z } from 'zod'
import { serialOfNode } from '@/host/volumes/open-image'
import type { QmpClient } from './qmp'

/** What a disk has done since it was plugged in; a count only grows. */
export type DiskCounters = { readBytes: number; writtenBytes: number; readOperations: number; writeOperations: number; readMicroseconds: number; writeMicroseconds: number }

const counter = z.number().min(0)
const stats = z.array(z.looseObject({ 'node-name': z.string().optional(), stats: z.looseObject({ rd_bytes: counter, wr_bytes: counter, rd_operations: counter, wr_operations: counter, rd_total_time_ns: counter, wr_total_time_ns: counter }) }))
const microseconds = (nanoseconds: number) => Math.round(nanoseconds / 1000)

/** Of each disk of a VM, by the name of the node that it is over; of a volume's, by its serial. */
export async function diskCounters(qmp: QmpClient, timeoutMs: number): Promise<ReadonlyMap<string, DiskCounters>> {
  const disks = await qmp.execute('query-blockstats', {}, stats, { timeoutMs })
  return new Map(disks.flatMap(({ 'node-name': node, stats: { rd_bytes, wr_bytes, rd_operations, wr_operations, rd_total_time_ns, wr_total_time_ns } }) => (node === undefined ? [] : [[serialOfNode(node), {
    readBytes: rd_bytes, writtenBytes: wr_bytes, readOperations: rd_operations, writeOperations: wr_operations, readMicroseconds: microseconds(rd_total_time_ns), writeMicroseconds: microseconds(wr_total_time_ns),
  }] as const])))
}
