import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { snapshotScheduleSpec } from './spec'

const status = z.object({ lastAt: z.string().nullable(), nextAt: z.string().nullable(), lastMessage: z.string(), snapshots: z.number().int(), conditions: z.array(condition) })

export const snapshotScheduleView = z.object({ metadata: objectMetadata, spec: snapshotScheduleSpec, status })
export type SnapshotScheduleView = z.infer<typeof snapshotScheduleView>

/** One that this version cannot read, and why; it takes nothing. What stands in it `manifest.get` shows. */
export const unreadableSchedule = z.object({ metadata: objectMetadata, problem: z.string(), status })
export type UnreadableSchedule = z.infer<typeof unreadableSchedule>
