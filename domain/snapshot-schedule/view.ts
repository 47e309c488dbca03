import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { snapshotScheduleSpec } from './spec'

export const snapshotScheduleView = z.object({
  metadata: objectMetadata,
  spec: snapshotScheduleSpec,
  status: z.object({ lastAt: z.string().nullable(), nextAt: z.string().nullable(), lastMessage: z.string(), snapshots: z.number().int(), conditions: z.array(condition) }),
})
export type SnapshotScheduleView = z.infer<typeof snapshotScheduleView>
