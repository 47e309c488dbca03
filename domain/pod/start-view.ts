import { z } from 'zod'
import { startStep } from './status'
import { startParts } from './waterfall'

const part = z.enum(startParts)
const ms = z.number().int().min(0)

/** Milliseconds of each part; together they are the whole. */
export const partsOfStart = z.object({ queued: ms, scheduled: ms, image: ms, network: ms, disks: ms, vm: ms, guest: ms, container: ms })

/** One start of a pod, kept for 30 days. */
export const podStart = z.object({
  id: z.string(),
  /** The first one began with the pod's creation, a later one on the host. */
  first: z.boolean(),
  beganAt: z.string(),
  startedAt: z.string(),
  image: z.string(),
  host: z.string(),
  mode: z.string(),
  accelerator: z.string(),
  wholeMs: ms,
  parts: partsOfStart,
  spans: z.array(z.object({ part, at: ms, ms })),
  steps: z.array(startStep),
  /** By how much the host's clock had to be put right for it. */
  clockShiftMs: z.number().int(),
})
export type PodStartView = z.infer<typeof podStart>

/** How long starts took, in milliseconds; `parts` are medians and need not add up. */
export const startPercentiles = z.object({ image: z.string(), host: z.string().nullable(), mode: z.string(), count: z.number().int(), p50: z.number(), p90: z.number(), p95: z.number(), parts: z.record(part, z.number()) })
export type StartPercentiles = z.infer<typeof startPercentiles>
