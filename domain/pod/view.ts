import { z } from 'zod'
import { objectMetadata } from '../shared/metadata'
import { podSpec } from './spec'
import { podStatus } from './status'

/** A pod as procedures return it. */
export const podView = z.object({ metadata: objectMetadata.extend({ namespace: z.string() }), spec: podSpec, status: podStatus })
export type PodView = z.infer<typeof podView>

/** What `pod.watch` sends. `bookmark` carries only a resourceVersion to resume from. */
export const podEvent = z.object({ type: z.enum(['added', 'modified', 'deleted', 'bookmark']), object: podView.nullable(), resourceVersion: z.string() })
export type PodEvent = z.infer<typeof podEvent>
