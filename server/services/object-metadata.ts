import type { Condition } from '@/domain/shared/condition'
import { labels, type Labels } from '@/domain/shared/names'
import type { ObjectMetadata } from '@/domain/shared/metadata'

type Row = { uid: string; name: string; labels: unknown; annotations: unknown; generation: number; revision: bigint; createdAt: Date; deletedAt?: Date | null }

const map = (value: unknown): Labels => labels.safeParse(value).data ?? annotationsOf(value)
const annotationsOf = (value: unknown): Labels => (typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, String(v)])) : {})

/** The metadata of a stored object as the API shows it. */
export const toMetadata = (row: Row): ObjectMetadata => ({
  name: row.name,
  uid: row.uid,
  labels: map(row.labels),
  annotations: annotationsOf(row.annotations),
  generation: row.generation,
  resourceVersion: String(row.revision),
  creationTimestamp: row.createdAt.toISOString(),
  deletionTimestamp: row.deletedAt?.toISOString() ?? null,
})

type ConditionRow = { type: string; status: string; reason: string; message: string; observedGeneration: number; lastTransitionTime: Date }
const statuses = { True: 'True', False: 'False' } as const

export const toCondition = (row: ConditionRow): Condition => ({
  type: row.type,
  status: row.status === 'True' || row.status === 'False' ? statuses[row.status] : 'Unknown',
  reason: row.reason,
  message: row.message,
  observedGeneration: row.observedGeneration,
  lastTransitionTime: row.lastTransitionTime.toISOString(),
})
